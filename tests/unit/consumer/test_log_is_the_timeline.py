"""Guarantee 3 through the whole consumer: beside a back office, crashing, out of order, repeated.

The pure fold has its properties in tests/unit/tracking/test_story_in_any_order.py; here are the
matches' cache, the memory's safekeeping and the log's conditions around it, and a dispatcher who
decides as delivery_lambda does.
"""

from __future__ import annotations

import contextlib
import itertools
import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from delivery_lambda.decisions import Change, Declaration, Plan, decide_declaration, decide_plan
from rtdts.tracking import status_machine
from rtdts.tracking.deliveries import CLOSED, DeclaredType, Delivery
from rtdts.tracking.delivery_log import is_declared, standing
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.timeline import since_last_declaration, timeline
from tests.support.consumer_world import World, drive

DELIVERY = "D-1"
OURS, ANOTHER = "T-1", "T-2"
STEPS = ("write_history", "write_latest", "save")


class Killed(Exception):  # noqa: N818 - what happened to the process
    """The process ends here."""


class BackOffice:
    """Somebody who changes their mind."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        self._keys = map(str, itertools.count())

    def does_something(self) -> None:
        delivery = self._world.deliveries.get(DELIVERY)
        assert delivery is not None
        does = self._rng.choice([self._gives_it_on, self._moves_the_destination, self._declares])
        decision = does(delivery, self._world.clock.now_ms())
        if isinstance(decision, Change):
            self._world.deliveries.append(
                decision.before, decision.after, decision.events, matches=True
            )

    def _gives_it_on(self, delivery: Delivery, now_ms: int) -> object:
        truck_id = ANOTHER if delivery.truck_id == OURS else OURS
        return self._plans(delivery, now_ms, truck_id=truck_id)

    def _moves_the_destination(self, delivery: Delivery, now_ms: int) -> object:
        radius_m = self._rng.choice([50.0, 100.0, 400.0])
        place = msgspec.structs.replace(delivery.destination, radius_m=radius_m)
        return self._plans(delivery, now_ms, destination=place)

    def _plans(self, delivery: Delivery, now_ms: int, **changed: object) -> object:
        plan: dict[str, object] = {
            "truck_id": delivery.truck_id,
            "customer_id": delivery.customer_id,
            "origin": delivery.origin,
            "destination": delivery.destination,
            **changed,
        }
        return decide_plan(
            delivery,
            DELIVERY,
            Plan(**plan),  # type: ignore[arg-type]
            expected_version=None,
            actor="dispatcher:ann",
            now_ms=now_ms,
        )

    def _declares(self, delivery: Delivery, now_ms: int) -> object:
        kinds = [DeclaredType.PICKED_UP] * 3 + [DeclaredType.DELIVERED, DeclaredType.FAILED]
        return decide_declaration(
            delivery,
            self._world.deliveries.events(DELIVERY),
            Declaration(
                type=self._rng.choice(kinds),
                at_ms=now_ms - self._rng.choice([0, 5_000, 120_000]),
                note=None,
                proof=None,
                idempotency_key=next(self._keys),
                request_hash="h",
            ),
            actor="dispatcher:ann",
            now_ms=now_ms,
        )


def disturbed(rng: random.Random) -> list[Point]:
    """The drive, each point some places from where it belongs, some of them twice."""
    disorder = rng.choice([0, 3, 10, 100])
    points = [*enumerate(drive()), *rng.sample([*enumerate(drive())], 8)]
    return [point for _, point in sorted(points, key=lambda one: one[0] + rng.uniform(0, disorder))]


def expected(world: World, delivery: Delivery) -> tuple[Transition, ...]:
    """The story since what was last declared, by definition: from all points at once."""
    declarations = [
        Transition(event.status, event.cause, event.effective_at_ms)
        for event in world.deliveries.events(DELIVERY)
        if is_declared(event)
    ]
    fixes = [fix_of(point) for point in drive()] if delivery.truck_id == OURS else []
    story = timeline(
        status_machine.Plan(origin=delivery.origin, destination=delivery.destination),
        fixes,
        declarations,
        status_rules=world.rules.status,
        enrichment_rules=world.rules.enrichment,
    )
    return since_last_declaration(story)


def told(world: World) -> tuple[Transition, ...]:
    """What the log folds to, since what was last declared."""
    log = world.deliveries.events(DELIVERY)
    folded = standing(log)
    anchor = log[folded.anchor.version - 1]
    declared = Transition(anchor.status, anchor.cause, anchor.effective_at_ms)
    return (declared, *folded.transitions)


@given(st.integers(0, 2**32))
def test_whatever_comes_between_the_log_folds_to_the_timeline(seed: int) -> None:
    rng = random.Random(seed)
    world = World()
    world.assign(DELIVERY, OURS)
    office = BackOffice(world, rng)
    pipeline = world.pipeline()
    points = disturbed(rng)

    while points:
        size = rng.randint(1, 8)
        batch, points = points[:size], points[size:]
        records = world.shard.records(*([one] for one in batch))
        world.clock.advance(rng.choice([0.5, 8.0, 40.0]))
        if rng.random() < 0.25:
            office.does_something()
        if rng.random() < 0.3:  # killed after this step; the batch comes again, longer
            step = rng.choice(STEPS)
            world.positions.troubles_after[step] = [Killed()]
            with contextlib.suppress(Killed):
                pipeline.process(records)
            world.positions.troubles_after.clear()
            pipeline = world.pipeline()
            more, points = points[:2], points[2:]
            records += world.shard.records(*([one] for one in more))
        pipeline.process(records)
    # Whoever spoke last is heard once the match is read again, with the next point.
    world.clock.advance(10.0)
    pipeline.process(world.shard.records([drive()[-1]]))

    delivery = world.deliveries.get(DELIVERY)
    log = world.deliveries.events(DELIVERY)
    assert delivery is not None
    assert told(world) == expected(world, delivery)
    assert [event.version for event in log] == [*range(1, delivery.version + 1)]
    assert delivery.status is standing(log).status
    assert not any(event.status in CLOSED for event in log[:-1])
