"""Hours of late points of one truck: more than a settling reads at once."""

from __future__ import annotations

import functools

import msgspec
import pytest

from consumer.pipeline import BatchPipeline
from consumer.settling import GREEDY_EVERY_S, GREEDY_FIXES, PASS_EVERY_S, PAUSE_SLICES, SLICE_S
from rtdts.position_store.history_pages import HistoryFix
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import WINDOW_FIXES
from tests.support.consumer_world import (
    RESTART_S,
    START_MS,
    STATUSES,
    Killed,
    World,
    derived,
    drive,
    point,
)
from tests.support.late_points import state_of

TAIL_AT_S = 21_100
"""When the truck is back in coverage."""
MANY = 2_100
assert MANY > GREEDY_FIXES


@functools.cache
def long_tail() -> list[Point]:
    """Hours with one point per 10 s: the drive, then a long wait at the destination."""
    waiting = [point(10 * n, 4_000.0, speed_mps=0.0) for n in range(len(drive()), MANY)]
    return [
        msgspec.structs.replace(one, received_at_ms=START_MS + TAIL_AT_S * 1_000)
        for one in [*drive(), *waiting]
    ]


def back_in_coverage(world: World) -> BatchPipeline:
    """The current points arrive first, then the backlog."""
    pipeline = world.pipeline()
    now = [point(TAIL_AT_S + n, 4_000.0, speed_mps=0.0) for n in range(WINDOW_FIXES + 1)]
    pipeline.process(world.shard.records(*[[one] for one in now]))
    tail = long_tail()
    for start in range(0, len(tail), 500):
        pipeline.process(world.shard.records(tail[start : start + 500]))
    return pipeline


def test_a_long_backlog_is_settled_at_once_and_the_trucks_next_late_point_after_a_while(
    world: World,
) -> None:
    pipeline = back_in_coverage(world)

    report = world.settle(pipeline)

    assert (report.waiting, report.fixes >= MANY) == (0, True)
    assert world.statuses("D-1") == list(STATUSES)

    pipeline.process(world.shard.records([point(TAIL_AT_S - 5, 4_000.0, speed_mps=0.0)]))
    assert world.settle(pipeline).trucks == 0
    assert world.settle(pipeline, after_s=GREEDY_EVERY_S).trucks == 1
    assert not state_of(world).unsettled


def test_a_backlog_too_large_for_one_search_is_settled_in_slices_without_delaying_the_shard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.assign("D-2", "T-2")
    world.positions.max_hits = 1_000
    read = world.positions.after

    def slow(truck_id: str, from_ms: int, limit: int) -> list[HistoryFix]:
        world.clock.advance(SLICE_S)
        return read(truck_id, from_ms, limit)

    monkeypatch.setattr(world.positions, "after", slow)
    pipeline = back_in_coverage(world)
    world.clock.advance(PASS_EVERY_S)
    points = drive("T-2")
    passes = 0
    while state_of(world).unsettled:
        world.clock.advance(PAUSE_SLICES * 2 * SLICE_S)
        started_s = world.clock.monotonic()
        pipeline.settle()
        assert world.clock.monotonic() - started_s <= 2 * SLICE_S
        passes += 1
        # Its own points in order and those of other trucks are not delayed.
        later = point(TAIL_AT_S + 100 + passes, 4_000.0, speed_mps=0.0)
        pipeline.process(world.shard.records([later], points[passes - 1 : passes]))
        assert state_of(world).window[-1].seq == later.seq
        assert world.positions.latest(["T-2"])["T-2"].newest.seq == points[passes - 1].seq

    assert passes > 2
    assert world.statuses("D-1") == list(STATUSES)
    reference = World()
    reference.assign("D-1")
    reference.pipeline().process(
        reference.shard.records(
            *[[one] for one in long_tail()],
            *[[point(TAIL_AT_S + n, 4_000.0, speed_mps=0.0)] for n in range(WINDOW_FIXES + 1)],
            *[[point(TAIL_AT_S + 101 + n, 4_000.0, speed_mps=0.0)] for n in range(passes)],
        )
    )
    assert derived(world, "T-1") == derived(reference)


def test_a_settling_of_a_backlog_cut_off_by_a_kill_is_completed_by_the_next_worker(
    world: World,
) -> None:
    world.positions.max_hits = 1_000
    killed = back_in_coverage(world)
    world.kill_at("append", "before")
    with pytest.raises(Killed):
        world.settle(killed)
    world.clock.advance(RESTART_S)

    pipeline = world.pipeline()
    while world.settle(pipeline).waiting:
        pass

    assert world.statuses("D-1") == list(STATUSES)
    assert not state_of(world).unsettled
