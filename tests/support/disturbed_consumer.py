"""A consumer with points in any order, killed workers, and changes of its delivery.

`assert_log_is_the_timeline` is guarantee 3: the log is the same as with the points in order.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import msgspec

from bench.truth.timeline import since_last_declaration, timeline
from consumer.arrivals import StreamRecord
from delivery_lambda.decisions import (
    Change,
    Declaration,
    DeliverySpec,
    decide_declaration,
    decide_plan,
)
from rtdts.tracking.deliveries import CLOSED, DeclaredType, Delivery, PlannedRoute
from rtdts.tracking.delivery_log import fold_log, is_declared
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import Transition
from tests.support.consumer_world import KILLS, START_MS, STEPS, Killed, World

DELIVERY = "D-1"
ENDS = [one for one in DeclaredType if one is not DeclaredType.PICKED_UP]


class BackOffice:
    """A dispatcher with one delivery and two trucks."""

    def __init__(
        self, world: World, rng: random.Random, *, trucks: tuple[str, str] = ("T-1", "T-2")
    ) -> None:
        self._world = world
        self._rng = rng
        self._trucks = trucks
        self._keys = map(str, itertools.count())

    def act(self) -> None:
        delivery = self._world.deliveries.get(DELIVERY)
        assert delivery is not None
        does = self._rng.choice([self._reassign, self._move_destination, self._declare])
        decision = does(delivery, self._world.clock.now_ms())
        if isinstance(decision, Change):
            self._world.deliveries.append(
                decision.before, decision.after, decision.events, matches=True
            )

    def _reassign(self, delivery: Delivery, now_ms: int) -> object:
        one, other = self._trucks
        truck_id = other if delivery.truck_id == one else one
        return self._change_plan(delivery, now_ms, truck_id=truck_id)

    def _move_destination(self, delivery: Delivery, now_ms: int) -> object:
        radius_m = self._rng.choice([50.0, 100.0, 400.0])
        place = msgspec.structs.replace(delivery.destination, radius_m=radius_m)
        return self._change_plan(delivery, now_ms, destination=place)

    def _change_plan(self, delivery: Delivery, now_ms: int, **changed: object) -> object:
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
            DeliverySpec(**plan),  # type: ignore[arg-type]
            expected_version=None,
            actor="dispatcher:ann",
            now_ms=now_ms,
        )

    def _declare(self, delivery: Delivery, now_ms: int) -> object:
        kinds = [DeclaredType.PICKED_UP] * len(ENDS) + ENDS
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


def sparse(points: Sequence[Point], times: int = 17) -> list[Point]:
    """Returns the same points with longer intervals, so that late ones are settled separately."""
    return [_stretched(one, times) for one in points]


def _stretched(one: Point, times: int) -> Point:
    at_ms = START_MS + times * (one.event_at_ms - START_MS)
    return msgspec.structs.replace(
        one, recorded_at_ms=at_ms, event_at_ms=at_ms, received_at_ms=at_ms
    )


def disturbed(rng: random.Random, drive: Sequence[Point]) -> list[Point]:
    """Returns the points out of order by some positions, and some of them twice."""
    disorder = rng.choice([0, 3, 10, 100])
    points = [*enumerate(drive), *rng.sample([*enumerate(drive)], 8)]
    return [point for _, point in sorted(points, key=lambda one: one[0] + rng.uniform(0, disorder))]


def expected(world: World, delivery: Delivery, points: Sequence[Point]) -> tuple[Transition, ...]:
    """Returns the timeline since the last declaration, by definition: from all points at once."""
    declarations = [
        Transition(event.status, event.cause, event.effective_at_ms)
        for event in world.deliveries.events(DELIVERY)
        if is_declared(event)
    ]
    fixes = [fix_of(point) for point in points if point.truck_id == delivery.truck_id]
    events = timeline(
        PlannedRoute(origin=delivery.origin, destination=delivery.destination),
        fixes,
        declarations,
        status_rules=world.rules.status,
        enrichment_rules=world.rules.enrichment,
    )
    return since_last_declaration(events)


def reported(world: World) -> tuple[Transition, ...]:
    """Returns what the log folds to, since the last declaration."""
    log = world.deliveries.events(DELIVERY)
    folded = fold_log(log)
    anchor = log[folded.anchor.version - 1]
    declared = Transition(anchor.status, anchor.cause, anchor.effective_at_ms)
    return (declared, *folded.transitions)


class Workers:
    """The shard's workers, one after another: each may be killed at any step of any batch.

    The next one starts from a checkpoint, which may be older than the written data, and has other
    batches.
    """

    def __init__(self, world: World, rng: random.Random, points: Sequence[Point]) -> None:
        self._world = world
        self._rng = rng
        self._records = _records(world, points, rng)
        self._durable = 0
        self._checkpoint = 0
        self._pipeline = world.pipeline()

    def has_more(self) -> bool:
        return self._durable < len(self._records)

    def process_some(self, *, kill: bool = False) -> None:
        batch = self._records[self._durable : self._durable + self._rng.randint(1, 8)]
        durable = self._durable + len(batch)
        if self._run(lambda: self._pipeline.process(batch), kill=kill) and not kill:
            self._durable = durable
            if self._rng.random() < 0.5:
                self._checkpoint = self._durable

    def settle(self, *, kill: bool = False) -> None:
        self._run(self._pipeline.settle, kill=kill)

    def lose_states(self) -> None:
        self._world.positions.drop_states()

    def _run(self, work: Callable[[], object], *, kill: bool) -> bool:
        if kill:
            self._world.kill_at(self._rng.choice(STEPS), self._rng.choice(KILLS))
        try:
            work()
        except Killed:
            return False
        finally:
            if kill:
                self._world.let_live()
                self._restart()
        return True

    def _restart(self) -> None:
        self._durable = self._checkpoint
        self._pipeline = self._world.pipeline()
        if self._durable:
            self._pipeline.begin_after(self._records[self._durable - 1].position)

    def finish(self, last: Point) -> None:
        """Processes a last point after the match has been read again, and settles all points."""
        self._world.clock.advance(10.0)
        self._pipeline.process(self._world.shard.records([last]))
        self._pipeline.settle(everything=True)


def _records(world: World, points: Sequence[Point], rng: random.Random) -> list[StreamRecord]:
    """Returns records with one point each, or several."""
    records, rest = [], list(points)
    while rest:
        size = rng.choice([1, 1, 1, 3])
        records += world.shard.records(rest[:size])
        rest = rest[size:]
    return records


def in_order(points: Sequence[Point], truck_id: str = "T-1") -> World:
    """Returns the history of an undisturbed worker that has read the same points in order."""
    world = World()
    world.assign(DELIVERY, truck_id)
    pipeline = world.pipeline()
    for one in points:
        pipeline.process(world.shard.records([one]))
    return world


def assert_log_is_the_timeline(world: World, points: Sequence[Point]) -> None:
    delivery = world.deliveries.get(DELIVERY)
    log = world.deliveries.events(DELIVERY)
    assert delivery is not None
    required, in_force = expected(world, delivery, points), reported(world)
    assert [one.status for one in in_force] == [one.status for one in required]
    for one, other in zip(in_force, required, strict=True):
        assert abs(one.effective_at_ms - other.effective_at_ms) < world.rules.status.dwell_ms
    assert [event.version for event in log] == [*range(1, delivery.version + 1)]
    assert delivery.status is in_force[-1].status
    assert not any(event.status in CLOSED for event in log[:-1])
