"""Batches and points that arrive again: after a crash, at another worker, over another path."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import msgspec
import pytest

from consumer.arrivals import StreamRecord
from consumer.errors import LeaseLost
from consumer.settling import PAUSE_S
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Status
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import WINDOW_FIXES
from tests.support.consumer_world import (
    KILLS,
    RESTART_S,
    STATUSES,
    STEPS,
    UNAVAILABLE,
    Killed,
    World,
    derived,
    drive,
    point,
    shifted,
    shown,
    standing_of,
)


def test_a_redelivered_batch_appends_no_event_and_no_document(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    records = world.shard.records(*[[one] for one in drive()])
    pipeline.process(records)
    events = world.deliveries.events("D-1")
    writes = dict(world.positions.writes)

    report = pipeline.process(records)
    report_of_next = world.pipeline().process(records)

    assert report.skipped == report_of_next.skipped == len(records)
    assert world.deliveries.events("D-1") == events
    assert world.positions.writes == writes


@functools.cache
def undisturbed() -> World:
    """The drive, in one batch."""
    world = World()
    world.assign("D-1")
    world.pipeline().process(world.shard.records(*[[one] for one in drive()]))
    return world


@functools.cache
def one_by_one(*, is_in_order: bool) -> World:
    """The drive, each point a batch, all settled."""
    world = World()
    world.assign("D-1")
    pipeline = world.pipeline()
    for record in world.shard.records(*[[one] for one in points_of(is_in_order=is_in_order)]):
        pipeline.process([record])
    world.settle(pipeline, after_s=PAUSE_S)
    return world


def points_of(*, is_in_order: bool) -> Sequence[Point]:
    points = drive()
    return points if is_in_order else [*points[:18], *points[26:], *points[18:26]]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", KILLS)
@pytest.mark.parametrize("before", [0, 8])
def test_repeating_the_batch_of_a_worker_killed_at_any_step_gives_the_same_result(
    world: World, step: str, when: str, before: int
) -> None:
    reference = undisturbed()
    world.assign("D-1")
    records = world.shard.records(*[[one] for one in drive()])
    killed = world.pipeline()
    killed.process(records[:before])
    world.kill_at(step, when)

    with pytest.raises(Killed):
        killed.process(records[before:])
    world.clock.advance(RESTART_S)
    pipeline = world.pipeline()
    pipeline.process(records)
    world.settle(pipeline, after_s=PAUSE_S)

    assert derived(world) == derived(reference)
    assert shown(world) == shown(reference)
    assert world.statuses("D-1") == reference.statuses("D-1")
    last = TransitionNudge(delivery_id="D-1", version=len(STATUSES))
    assert last.deduplication_id in {one.deduplication_id for one in world.nudges.sent}
    if before:  # the truck has a state: each transition is nudged
        assert {one.deduplication_id for one in world.nudges.sent} >= {
            one.deduplication_id
            for one in reference.nudges.sent
            if isinstance(one, TransitionNudge)
        }


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", KILLS)
def test_repeating_records_in_other_batches_after_a_kill_at_any_step_gives_the_same_result(
    world: World, step: str, when: str
) -> None:
    world.assign("D-1")
    # A batch with late points appends nothing: their settling does.
    is_in_order = step == "append"
    reference = one_by_one(is_in_order=is_in_order)
    records = world.shard.records(*[[one] for one in points_of(is_in_order=is_in_order)])
    killed = world.pipeline()
    killed.process(records[:3])
    world.kill_at(step, when)

    with pytest.raises(Killed):
        killed.process(records[3:24])
    world.clock.advance(RESTART_S)
    pipeline = world.pipeline()
    for start in range(1, len(records), 4):
        pipeline.process(records[start : start + 4])
    world.settle(pipeline, after_s=PAUSE_S)

    assert derived(world) == derived(reference)
    assert shown(world) == shown(reference)
    assert standing_of(world) == standing_of(reference)


@pytest.mark.parametrize("size", [1, 4])
def test_a_replay_of_records_that_the_log_already_includes_appends_nothing(
    world: World, size: int
) -> None:
    world.assign("D-1")
    killed = world.pipeline()
    records = world.shard.records(*[[one] for one in drive()])
    killed.process(records[:4])
    world.kill_at("write_latest", "before")
    with pytest.raises(Killed):
        killed.process(records[4:])
    events = world.deliveries.events("D-1")
    assert events[-1].status is Status.ARRIVED

    pipeline = world.pipeline()
    for start in range(0, len(records), size):
        pipeline.process(records[start : start + size])
        world.settle(pipeline, after_s=PAUSE_S)

    assert world.deliveries.events("D-1") == events


def test_a_repeated_batch_with_more_records_sends_the_nudges_that_a_crash_left_unsent(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    first = world.shard.records([drive()[0]])
    pipeline.process(first)
    records = world.shard.records(*[[one] for one in drive()[1:]])
    arriving = next(
        n
        for n in range(len(records), 0, -1)
        if _statuses_of([*first, *records[:n]]) == STATUSES[:-1]
    )
    world.positions.troubles["write_latest"] = [RuntimeError("killed")]
    reported = len(world.nudges.sent)
    with pytest.raises(RuntimeError):
        pipeline.process(records[:arriving])
    assert len(world.nudges.sent) == reported

    report = world.pipeline().process(records[: arriving + 1])

    assert report.transitions == 1
    assert [one.version for one in world.nudges.sent if isinstance(one, TransitionNudge)] == [
        *range(2, len(STATUSES) + 1)
    ]


def test_a_copy_of_a_point_over_another_path_counts_once(world: World) -> None:
    pipeline = world.pipeline()

    report = pipeline.process(world.shard.records([point(0, 0.0)], [point(0, 0.0)]))
    again = pipeline.process(world.shard.records([point(0, 0.0)]))

    assert (report.points, report.duplicates) == (1, 1)
    assert (again.points, again.duplicates) == (0, 1)
    assert sum(world.positions.writes.values()) == 1


def test_the_first_stamp_of_a_shifted_point_in_the_stream_wins(world: World) -> None:
    pipeline = world.pipeline()
    first = [shifted(point(n, n * 10.0), -3_600_000) for n in range(WINDOW_FIXES + 5)]
    copies = [shifted(point(n, n * 10.0), -3_599_000) for n in range(5)]

    pipeline.process(world.shard.records(first))
    report = pipeline.process(world.shard.records(copies))

    assert report.duplicates == 5
    assert [one.fix.clock_offset_ms for one in world.positions.history.values()] == [
        -3_600_000
    ] * len(first)


@pytest.mark.parametrize("is_state_lost", [False, True])
def test_the_first_stamp_wins_when_the_retry_is_no_longer_shifted(
    world: World, is_state_lost: bool
) -> None:
    """A clock 31 s ahead is shifted; the same request 2 s later is only 29 s ahead."""
    sent = [point(n, n * 5.0) for n in range(100)]
    newest_ms = sent[-1].recorded_at_ms
    first = [shifted(one, -31_000) for one in sent]
    retry = [msgspec.structs.replace(one, received_at_ms=newest_ms - 29_000) for one in sent]
    world.pipeline().process(world.shard.records(first))
    if is_state_lost:
        world.positions.drop_states()

    report = world.pipeline().process(world.shard.records(retry))

    assert (report.points, report.duplicates) == (0, 100)
    assert {one.fix.clock_offset_ms for one in world.positions.history.values()} == {-31_000}


def test_a_retry_of_a_shifted_point_that_has_left_the_window_is_a_duplicate(
    world: World,
) -> None:
    pipeline = world.pipeline()
    odd = point(100, 0.0)
    pipeline.process(world.shard.records([shifted(odd, -31_000)]))
    pipeline.process(world.shard.records([point(80 + n, 0.0) for n in range(WINDOW_FIXES + 1)]))

    retry = msgspec.structs.replace(odd, received_at_ms=odd.recorded_at_ms - 29_000)
    report = pipeline.process(world.shard.records([retry]))

    assert (report.points, report.duplicates) == (0, 1)


def test_points_of_a_right_clock_are_not_looked_up_in_the_history(world: World) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(drive()[:1]))
    world.positions.troubles["stored"] = [AssertionError("requested")]

    pipeline.process(world.shard.records(*[[one] for one in drive()[1:]]))

    assert len(world.positions.history) == len(drive())


def test_a_shifted_point_that_a_crash_left_in_the_history_is_not_its_own_copy(
    world: World,
) -> None:
    records = world.shard.records([shifted(point(0, 0.0), -3_600_000)])
    world.positions.troubles["write_latest"] = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        world.pipeline().process(records)

    pipeline = world.pipeline()
    pipeline.process(records)
    pipeline.process(world.shard.records([point(10, 0.0)]))

    assert len(world.positions.history) == 2
    assert "T-1" in world.positions.latest(["T-1"])


def test_a_worker_that_lost_its_lease_detects_it_and_writes_no_state(
    world: World,
) -> None:
    former, owner = world.pipeline(writer_id="former"), world.pipeline(writer_id="owner")
    former.process(world.shard.records([point(0, 0.0)]))
    records = world.shard.records([point(10, 100.0)])
    owner.process(records)
    kept = world.positions.load(["T-1"])

    with pytest.raises(LeaseLost) as caught:
        former.process(records)

    assert caught.value.writer_id == "owner"
    assert world.positions.load(["T-1"]) == kept


def test_a_late_write_after_a_lost_lease_replaces_no_document_of_the_new_owner(
    world: World,
) -> None:
    first, batch, late = (
        world.shard.records([point(second, float(second))]) for second in (0, 20, 10)
    )
    former, owner = world.pipeline(), world.pipeline()
    former.process(first)
    for records in (batch, late):
        owner.process(records)
    history = dict(world.positions.history)

    with pytest.raises(LeaseLost):
        former.process(batch)

    assert world.positions.history == history


def test_a_write_with_a_lost_response_counts_as_a_success(world: World) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records([point(0, 0.0)]))
    world.positions.troubles_after["save"] = [UNAVAILABLE]

    pipeline.process(world.shard.records([point(10, 100.0)]))
    pipeline.process(world.shard.records([point(20, 200.0)]))

    stored = world.positions.load(["T-1"])["T-1"].state
    assert stored is not None
    assert [fix.seq for fix in stored.window] == [0, 10, 20]


def _statuses_of(records: list[StreamRecord]) -> tuple[Status, ...]:
    """The statuses of a delivery after these records."""
    world = World()
    world.assign("D-1")
    world.pipeline().process(records)
    return tuple(world.statuses("D-1"))
