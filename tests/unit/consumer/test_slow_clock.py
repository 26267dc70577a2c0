"""Trucks whose clocks are hours slow: deliveries proceed, and viewers see no more than allowed."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.truth.timeline import since_last_declaration, timeline
from consumer.arrivals import StreamRecord
from consumer.pipeline import BatchPipeline
from consumer.settling import PAUSE_S
from rtdts.tracking.deliveries import Cause, Delivery, PlannedRoute, Status
from rtdts.tracking.delivery_log import fold_log
from rtdts.tracking.fixes import Fix
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.viewer_messages import encode_position
from rtdts.tracking.viewer_scope import (
    Scope,
    closed_interval,
    position_to_show,
    scope_of,
    track_to_show,
)
from rtdts.tracking.viewing import Access
from tests.support.consumer_world import (
    DESTINATION,
    DRIVE_M,
    KILLS,
    ORIGIN,
    START_MS,
    STATUSES,
    STEPS,
    Killed,
    World,
    drive,
    point,
    shifted,
)

SLOW_MS = 3 * 3_600_000
BEFORE_S = 200
"""How long a truck has been sending when the drive begins."""


def slow(points: Iterable[Point], by_ms: int = SLOW_MS) -> list[Point]:
    """The same points, stamped by a slow clock and received when they happened."""
    return [
        msgspec.structs.replace(
            one,
            recorded_at_ms=one.recorded_at_ms - by_ms,
            event_at_ms=one.event_at_ms - by_ms,
        )
        for one in points
    ]


def waiting(truck_id: str = "T-1", *, until_s: int = 0, east_m: float = -900.0) -> list[Point]:
    """The points of a truck that stands near the origin."""
    return [
        point(second, east_m, truck_id=truck_id, speed_mps=0.0, seq=10_000 + second)
        for second in range(until_s - BEFORE_S, until_s, 10)
    ]


def take(world: World, pipeline: BatchPipeline, points: Iterable[Point]) -> None:
    """Processes each point as one request and one batch, ten seconds after the one before."""
    for one in points:
        world.clock.advance(10.0)
        pipeline.process(world.shard.records([one]))


def close(world: World, delivery: Delivery, second: int) -> Delivery:
    """The delivery as it is once a person declared it delivered."""
    row = world.deliveries.get(delivery.delivery_id)
    assert row is not None
    at_ms = START_MS + second * 1_000
    return msgspec.structs.replace(
        row, status=Status.DELIVERED, closed_at_ms=at_ms, updated_at_ms=at_ms
    )


def test_a_delivery_on_a_truck_with_a_slow_clock_gets_every_status(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    world.assign("D-1")

    take(world, pipeline, slow(drive()))

    assert world.statuses("D-1") == list(STATUSES)


def test_status_times_of_a_slow_clock_are_those_of_the_device(world: World) -> None:
    right = World()
    for each, points in ((right, drive()), (world, slow(drive()))):
        pipeline = each.pipeline()
        take(each, pipeline, slow(waiting()) if each is world else waiting())
        each.assign("D-1")
        take(each, pipeline, points)

    reported, expected = (
        [(one.status, one.effective_at_ms) for one in each.deliveries.events("D-1")[1:]]
        for each in (world, right)
    )
    assert reported == [(status, at_ms - SLOW_MS) for status, at_ms in expected]


def test_a_delivery_leaves_assigned_once_its_trucks_clock_is_known_to_be_slow(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()

    take(world, pipeline, slow(drive()))

    assert world.statuses("D-1")[1:] == [*STATUSES[2:]]


def test_points_before_the_assignment_are_ignored_when_the_clock_is_right(
    world: World,
) -> None:
    world.assign("D-1", second=1_000)

    take(world, world.pipeline(), drive())

    assert world.statuses("D-1") == [Status.ASSIGNED]


def test_late_points_of_a_slow_clock_are_settled_where_they_belong(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    world.assign("D-1")
    points = slow(drive())
    # After the drive, the points at the origin arrive in one request, as a backlog.
    received_at_ms = points[-1].received_at_ms + 10_000
    late = [msgspec.structs.replace(one, received_at_ms=received_at_ms) for one in points[4:13]]
    take(world, pipeline, [*points[:4], *points[13:]])
    assert world.statuses("D-1") != list(STATUSES)

    pipeline.process(world.shard.records(late))
    world.settle(pipeline, after_s=PAUSE_S)

    assert reported_in_the_end(world) == list(STATUSES)


def reported_in_the_end(world: World) -> list[Status]:
    """The statuses of a log, without those that were corrected."""
    entries = fold_log(world.deliveries.events("D-1")).entries
    return [Status.ASSIGNED, *(one.transition.status for one in entries)]


def test_a_delivery_of_a_slow_truck_first_seen_late_is_folded_from_its_assignment_on(
    world: World,
) -> None:
    pipeline = world.pipeline()
    points = slow([*waiting(), *drive()])
    take(world, pipeline, points[:-1])
    world.assign("D-1", second=-60)

    take(world, pipeline, points[-1:])
    world.settle(pipeline, after_s=PAUSE_S)

    assert reported_in_the_end(world) == list(STATUSES)


def test_a_slow_trucks_state_that_was_lost_is_rebuilt_with_its_clock_lag(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    world.assign("D-1")
    points = slow(drive())
    take(world, pipeline, points[:20])
    world.positions.drop_states()

    next_one = world.pipeline()
    take(world, next_one, points[20:])
    world.settle(next_one, after_s=PAUSE_S)

    assert reported_in_the_end(world) == list(STATUSES)
    assert world.positions.latest(["T-1"])["T-1"].newest.clock_lag_ms == SLOW_MS


def test_the_remaining_distance_is_indexed_with_the_fixes_of_a_slow_clock(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    world.assign("D-1")
    take(world, pipeline, slow(drive()[:20]))

    shown = world.positions.shown(["T-1"])["T-1"]

    assert shown.deliveries[0].distance_remaining_m == pytest.approx(4_000 - DRIVE_M[19], abs=1)


def test_a_slow_clock_that_is_found_ahead_is_no_longer_slow(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    ahead = msgspec.structs.replace(point(0, 0.0), recorded_at_ms=START_MS + 9 * 3_600_000)

    take(world, pipeline, [shifted(ahead, -9 * 3_600_000)])

    assert [line["truck_id"] for line in world.reported("clock_correct")] == ["T-1"]


def full(row: Delivery) -> Scope | None:
    return scope_of(row, Access.FULL, None)


def test_a_slow_truck_is_shown_from_the_time_it_moved_off_by_the_services_clock(
    world: World,
) -> None:
    pipeline = world.pipeline()
    world.assign("D-1")
    take(world, pipeline, slow(waiting()))
    take(world, pipeline, slow(drive()))
    row = world.deliveries.get("D-1")
    moved_off = world.deliveries.events("D-1")[1]

    assert row is not None
    assert moved_off.status is Status.EN_ROUTE_TO_PICKUP
    assert row.shown_from_ms == moved_off.effective_at_ms + SLOW_MS


def test_viewers_see_the_truck_and_the_age_of_its_position(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    delivery = world.assign("D-1")
    take(world, pipeline, slow(drive()[:20]))
    row = world.deliveries.get("D-1") or delivery
    sent_at_ms = START_MS + 191_000

    latest = world.positions.shown(["T-1"])["T-1"]
    for access in (Access.AS_CUSTOMER, Access.FULL):
        scope = scope_of(row, access, world.deliveries.stops_of("T-1"))
        shown = position_to_show(row, latest, scope, now_ms=sent_at_ms)

        assert shown is not None
    message = json.loads(encode_position(row, shown, sent_at_ms=sent_at_ms))
    assert message["position"]["age_s"] == SLOW_MS / 1_000 + 1
    assert message["eta"] is None


@pytest.mark.parametrize("by_ms", [0, SLOW_MS], ids=["right", "slow"])
def test_nothing_of_a_trucks_other_assignments_is_shown(world: World, by_ms: int) -> None:
    """T-1, then T-2, then T-1 again: what T-1 did in between belongs to other deliveries."""
    pipeline = world.pipeline()
    first = world.assign("D-1")
    take(world, pipeline, slow([*waiting(), *drive()], by_ms))
    again = msgspec.structs.replace(
        first,
        status=Status.IN_TRANSIT,
        assignments=(
            msgspec.structs.replace(first.current, ended_at_ms=START_MS + 100_000),
            msgspec.structs.replace(
                first.current, assignment=2, truck_id="T-2", started_at_ms=START_MS + 100_000
            ),
            msgspec.structs.replace(first.current, assignment=3, started_at_ms=START_MS + 200_000),
        ),
    )
    start_ms = again.current.started_at_ms
    # The backlog of its time without this delivery arrives only now.
    pipeline.process(world.shard.records(slow([point(150, 350.0, received_at_ms=start_ms)], by_ms)))

    track = track_to_show(
        full(again), world.positions.track("T-1", start_ms=start_ms, end_ms=None, limit=1_000)
    )

    received = {
        one.fix.event_at_ms: one.fix.received_at_ms for one in world.positions.history.values()
    }
    assert [received[one.event_at_ms] - START_MS for one in track] == [
        *range(200_000, 300_000, 10_000)
    ]
    latest = world.positions.shown(["T-1"])["T-1"]
    assert position_to_show(again, latest, full(again), now_ms=START_MS) is not None
    next_assignment = msgspec.structs.replace(
        again,
        assignments=(msgspec.structs.replace(again.current, started_at_ms=START_MS + 290_001),),
    )
    assert position_to_show(next_assignment, latest, full(next_assignment), now_ms=START_MS) is None


def test_points_of_a_slow_clock_after_the_close_are_not_shown(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    delivery = world.assign("D-1")
    take(world, pipeline, slow(drive()))
    closed = close(world, delivery, second=255)
    interval = closed_interval(closed, Access.FULL)
    assert interval is not None

    (last,) = world.positions.last_of([interval])
    track = world.positions.track(
        "T-1", start_ms=interval.start_ms, end_ms=interval.end_ms, limit=1_000
    )

    assert last is not None
    assert last.point.event_at_ms == START_MS + 250_000 - SLOW_MS
    assert position_to_show(closed, last, full(closed), now_ms=START_MS) is not None
    shown = track_to_show(full(closed), track)
    assert max(one.counts_at_ms for one in shown) == START_MS + 250_000


def test_a_slow_clock_that_is_corrected_keeps_the_statuses_and_resets_the_lag(world: World) -> None:
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))
    world.assign("D-1")
    points = drive()

    take(world, pipeline, [*slow(points[:15]), *points[15:]])

    assert world.statuses("D-1") == list(STATUSES)
    assert [line["truck_id"] for line in world.reported("clock_slow")] == ["T-1"]
    assert [line["truck_id"] for line in world.reported("clock_correct")] == ["T-1"]
    assert world.positions.latest(["T-1"])["T-1"].newest.clock_lag_ms == 0


def test_a_slow_clock_is_logged_once_and_traced_with_each_point_and_counted(world: World) -> None:
    world.traced = "T-1"
    pipeline = world.pipeline()
    take(world, pipeline, slow(waiting()))

    both = world.shard.records(slow([point(0, 0.0)]), [point(0, 0.0, truck_id="T-2")])
    report = pipeline.process(both)

    assert report.slow_clocks == 1
    (line,) = world.reported("clock_slow")
    assert (line["truck_id"], line["lag_ms"]) == ("T-1", SLOW_MS)
    lags = [one["clock_lag_ms"] for one in world.reported("point")]
    assert lags == [0] * 6 + [SLOW_MS] * (len(lags) - 6)


@functools.cache
def undisturbed() -> World:
    """A truck with a slow clock, each of its points a batch."""
    world = World()
    world.assign("D-1", second=-100)
    take(world, world.pipeline(), slow([*waiting(), *drive()]))
    return world


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", KILLS)
def test_records_repeated_after_a_crash_give_the_same_clock_lags(
    world: World, step: str, when: str
) -> None:
    reference = undisturbed()
    world.assign("D-1", second=-100)
    records = world.shard.records(*[[one] for one in slow([*waiting(), *drive()])])
    killed = world.pipeline()
    killed.process(records[:4])
    world.kill_at(step, when)
    with pytest.raises(Killed):
        process_each(killed, records[4:])
    world.let_live()

    next_one = world.pipeline()
    for start in range(0, len(records), 7):
        next_one.process(records[start : start + 7])

    assert lags_of(world) == lags_of(reference)
    assert world.statuses("D-1") == reference.statuses("D-1")


def process_each(pipeline: BatchPipeline, records: Iterable[StreamRecord]) -> None:
    for record in records:
        pipeline.process([record])


def lags_of(world: World) -> dict[str, int]:
    return {
        identity: one.fix.clock_lag_ms for (_, identity), one in world.positions.history.items()
    }


@given(seed=st.integers(0, 2**32))
def test_the_log_folds_to_the_timeline_with_any_clock(seed: int) -> None:
    """The clock is right, slow, corrected, or set back among its earlier points; some are late."""
    rng = random.Random(seed)
    world = World()
    pipeline = world.pipeline()
    assigned_s = rng.choice([-BEFORE_S, 0, 50, 120])
    world.assign("D-1", second=assigned_s)
    eras = [rng.choice([0, 0, 150_000, 240_000, SLOW_MS]) for _ in range(4)]
    points = [*waiting(), *drive()]
    kept: list[Point] = []
    late: list[Point] = []
    for n, one in enumerate(points):
        (stamped,) = slow([one], eras[n * len(eras) // len(points)])
        (late if rng.random() < 0.15 else kept).append(stamped)
    received_at_ms = points[-1].received_at_ms + 20_000
    late = [msgspec.structs.replace(one, received_at_ms=received_at_ms) for one in late]
    rng.shuffle(late)
    records = world.shard.records(*[[one] for one in (*kept, *late)])
    while records:
        size = rng.randint(1, 6)
        pipeline.process(records[:size])
        records = records[size:]
        if rng.random() < 0.2:
            world.settle(pipeline)

    world.settle(pipeline, after_s=PAUSE_S)
    world.settle(pipeline, after_s=PAUSE_S)

    assert statuses_of(fold_log(world.deliveries.events("D-1")).transitions) == statuses_of(
        expected(world, assigned_s)
    )


def statuses_of(transitions: Iterable[Transition]) -> list[Status]:
    return [one.status for one in transitions]


def expected(world: World, assigned_s: int) -> tuple[Transition, ...]:
    """The delivery's timeline by the history and the clock lags in it."""
    declared = Transition(Status.ASSIGNED, Cause.ASSIGNED, START_MS + assigned_s * 1_000)
    fixes: list[Fix] = [one.fix for one in world.positions.history.values()]
    events = timeline(
        PlannedRoute(origin=ORIGIN, destination=DESTINATION),
        fixes,
        [declared],
        status_rules=world.rules.status,
        enrichment_rules=world.rules.enrichment,
    )
    return since_last_declaration(events)[1:]
