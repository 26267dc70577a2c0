"""Settling late points: what is read, and what is written."""

from __future__ import annotations

import msgspec

from consumer.settling import PAUSE_S
from rtdts.position_store.documents import index_of
from rtdts.tracking.deliveries import Status
from rtdts.tracking.instants import MS_PER_DAY
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import WINDOW_FIXES, TrackingRules
from tests.support.consumer_world import START_MS, STATUSES, World, derived, drive, point
from tests.support.late_points import EARLY, LATE, ROAD, assert_same, state_of, with_late_points


def test_late_points_are_settled_as_if_they_had_come_in_order(
    world: World, reference: World
) -> None:
    pipeline = with_late_points(world)
    assert state_of(world).unsettled

    report = world.settle(pipeline)

    assert_same(world, reference)
    assert report.waiting == 0
    assert report.transitions <= len(Status) + 6


def test_late_points_of_a_truck_without_deliveries_become_fixes_as_if_in_order() -> None:
    world, reference = World(), World()
    reference.pipeline().process(reference.shard.records(*[[one] for one in ROAD]))

    world.settle(with_late_points(world))

    assert derived(world) == derived(reference)
    assert not state_of(world).unsettled


def test_a_late_point_waits_for_others_and_all_are_settled_together(world: World) -> None:
    pipeline = with_late_points(world)

    world.clock.advance(1.9)
    too_early = pipeline.settle()
    report = world.settle(pipeline, after_s=0.2)

    assert too_early is None
    assert report.trucks == 1
    assert pipeline.settle() is None


def test_without_late_points_nothing_is_searched(world: World) -> None:
    pipeline = world.pipeline()
    for name in ("refresh", "around", "before", "after"):
        world.positions.troubles[name] = [AssertionError(name)]

    for one in drive():
        pipeline.process(world.shard.records([one]))
        world.settle(pipeline)

    assert world.statuses("D-1") == list(STATUSES)


def test_a_late_point_that_the_history_rejects_is_left_out_of_everything(world: World) -> None:
    corrupt = LATE[2]
    world.positions.rejects = lambda fix: "400 mapper" if fix.seq == corrupt.seq else ""
    without = World()
    without.assign("D-1")
    without.pipeline().process(without.shard.records(*[[one] for one in ROAD if one != corrupt]))

    pipeline = with_late_points(world)
    world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, without)
    assert [reason for _, reason in world.parking.parked.values()] == ["not_indexable"]


def test_a_point_in_the_middle_that_the_history_rejects_is_left_out_of_everything(
    world: World,
) -> None:
    corrupt = drive()[12]
    world.positions.rejects = lambda fix: "400 mapper" if fix.seq == corrupt.seq else ""
    without = World()
    without.assign("D-1")
    without.pipeline().process(without.shard.records(*[[one] for one in drive() if one != corrupt]))

    world.pipeline().process(world.shard.records(*[[one] for one in drive()]))

    assert_same(world, without)
    assert corrupt.seq not in {fix.seq for fix in state_of(world).window}


def at_midnight(second: int, east_m: float) -> Point:
    """A point `second` seconds after a midnight (UTC)."""
    at_ms = (START_MS // MS_PER_DAY + 1) * MS_PER_DAY + second * 1_000
    return msgspec.structs.replace(
        point(0, east_m), recorded_at_ms=at_ms, event_at_ms=at_ms, received_at_ms=at_ms
    )


def test_late_points_of_two_days_are_settled_across_midnight(world: World) -> None:
    points = [at_midnight(10 * n - 150, 30.0 * n) for n in range(31)]
    late = points[11:19]
    assert len({index_of(one.event_at_ms) for one in late}) == 2
    reference = World()
    reference.assign("D-1")
    reference.pipeline().process(reference.shard.records(*[[one] for one in points]))

    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points if one not in late]))
    pipeline.process(world.shard.records(*[[one] for one in reversed(late)]))
    world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, reference)


def test_a_point_just_inside_the_horizon_is_folded_and_one_just_beyond_it_is_only_indexed(
    world: World,
) -> None:
    world.rules = TrackingRules(late_horizon_s=100.0)
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in drive()]))
    newest_ms = drive()[-1].event_at_ms
    inside, beyond = (
        msgspec.structs.replace(
            point(0, 0.0, seq=n), recorded_at_ms=at_ms, event_at_ms=at_ms, received_at_ms=newest_ms
        )
        for n, at_ms in enumerate((newest_ms - 100_000, newest_ms - 100_001))
    )

    report = pipeline.process(world.shard.records([beyond], [inside]))
    world.settle(pipeline, after_s=PAUSE_S)

    assert (report.late, report.beyond) == (1, 1)
    history = {identity: one for (_, identity), one in world.positions.history.items()}
    assert history[point_id(beyond)].beyond
    assert history[point_id(beyond)].fix.n == 0
    assert not history[point_id(inside)].beyond
    assert history[point_id(inside)].fix.n


def test_a_point_beyond_the_horizon_is_never_a_predecessor(world: World, reference: World) -> None:
    world.rules = TrackingRules(late_horizon_s=3_600.0)
    pipeline = world.pipeline()
    far = point(10 * drive().index(LATE[0]) - 1, 30_000.0, seq=777)
    hour_later = [point(4_000 + n, 4_010.0) for n in range(WINDOW_FIXES)]
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    pipeline.process(world.shard.records(*[[one] for one in LATE]))
    pipeline.process(world.shard.records(*[[one] for one in hour_later]))
    reference.pipeline().process(reference.shard.records(*[[one] for one in hour_later]))

    report = pipeline.process(world.shard.records([far]))
    again = pipeline.process(world.shard.records([far]))
    world.settle(pipeline, after_s=PAUSE_S)

    assert (report.beyond, again.duplicates) == (1, 1)
    history = derived(world)
    del history[point_id(far)]
    assert history == derived(reference)
    assert world.statuses("D-1")[-1] is reference.statuses("D-1")[-1]


def test_a_copy_of_a_settled_point_counts_once_and_changes_nothing(
    world: World, reference: World
) -> None:
    pipeline = with_late_points(world)
    world.settle(pipeline, after_s=PAUSE_S)
    writes = dict(world.positions.writes)

    report = pipeline.process(world.shard.records(*[[one] for one in LATE]))

    assert (report.late, report.duplicates) == (0, len(LATE))
    assert world.positions.writes == writes
    assert_same(world, reference)
