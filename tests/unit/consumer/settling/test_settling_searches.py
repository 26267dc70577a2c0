"""What a settling reads: incomplete searches, pages and several intervals."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from consumer import settling
from consumer.errors import RetriesExhausted
from consumer.pipeline import BatchPipeline
from consumer.settling import PAUSE_S, SLICE_S
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.history_pages import MAX_HITS, HistoryFix, HistoryInterval
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import WINDOW_FIXES
from tests.fakes.fake_position_store import FakePositionStore
from tests.support.consumer_world import World, derived, drive, point
from tests.support.late_points import EARLY, LATE, assert_same, state_of, with_late_points


@pytest.mark.parametrize("search", ["refresh", "around"])
def test_a_search_that_is_incomplete_settles_nothing_and_is_repeated(
    world: World, reference: World, search: str
) -> None:
    pipeline = with_late_points(world)
    before = state_of(world), derived(world), world.statuses("D-1")
    partial = StoreUnavailable("read the history", None, "not all shards responded")
    world.positions.troubles[search] = [partial] * 1_000

    with pytest.raises(RetriesExhausted):
        world.settle(pipeline)

    assert (state_of(world), derived(world), world.statuses("D-1")) == before

    world.positions.troubles[search] = [partial] * 2
    world.settle(world.pipeline())

    assert_same(world, reference)


def parked_at(second: int) -> Point:
    return point(second, -900.0, seq=100_000 + second, speed_mps=0.0)


def silent_hours(world: World) -> tuple[BatchPipeline, World]:
    """A truck with such a long silence before its late points that one search is not enough."""
    night = [parked_at(-40_000 + 10 * n) for n in range(12)]
    lone = parked_at(-20_000)
    points = [*night, *drive()]
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points]))
    pipeline.process(world.shard.records([lone]))
    reference = World()
    reference.assign("D-1")
    reference.pipeline().process(
        reference.shard.records(
            *[[one] for one in sorted([*points, lone], key=lambda one: one.event_at_ms)]
        )
    )
    return pipeline, reference


def test_fixes_beyond_one_search_are_read_page_by_page(world: World) -> None:
    pipeline, reference = silent_hours(world)

    report = world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, reference)
    assert report.fixes > 0


@pytest.mark.parametrize("search", ["before", "after"])
def test_a_page_that_is_incomplete_settles_nothing_and_is_repeated(
    world: World, search: str
) -> None:
    pipeline, reference = silent_hours(world)
    before = state_of(world), derived(world), world.statuses("D-1")
    partial = StoreUnavailable("read the history", None, "not all shards responded")
    world.positions.troubles[search] = [partial] * 1_000
    with pytest.raises(RetriesExhausted):
        world.settle(pipeline)
    assert (state_of(world), derived(world), world.statuses("D-1")) == before

    world.positions.troubles[search] = [partial] * 2
    world.settle(world.pipeline(), after_s=PAUSE_S)

    assert_same(world, reference)


def test_late_points_of_many_trucks_share_one_search() -> None:
    class CountedSearches(FakePositionStore):
        def around(self, requested: Sequence[HistoryInterval]) -> dict[str, list[HistoryFix]]:
            searches.append(len(requested))
            return super().around(requested)

    searches: list[int] = []
    world = World(positions=CountedSearches())
    world.assign("D-1")
    trucks = [f"T-{n}" for n in range(2, 12)]
    pipeline = world.pipeline()
    for missing in (EARLY, LATE):
        pipeline.process(
            world.shard.records(
                *[
                    [msgspec.structs.replace(one, truck_id=truck_id)]
                    for truck_id in trucks
                    for one in missing
                ]
            )
        )
    report = world.settle(pipeline)

    assert searches == [len(trucks)]
    assert (report.trucks, report.waiting) == (len(trucks), 0)


@pytest.fixture
def small_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Each page of a settling takes a whole slice."""
    world.positions.max_hits = 1
    world.positions.before_read = lambda: world.clock.advance(SLICE_S)
    monkeypatch.setattr(settling, "PAGE_FIXES", 8)
    return world


def settle_to_the_end(world: World, pipeline: BatchPipeline) -> None:
    for _ in range(100):
        world.settle(pipeline, after_s=PAUSE_S)
    assert not state_of(world).unsettled


def test_a_late_point_earlier_than_a_settlings_progress_is_settled_too(
    small_pages: World, whole_drive: World
) -> None:
    world, pipeline = small_pages, small_pages.pipeline()
    behind, *late = [LATE[2], *drive()[2:6], *drive()[7:17]]
    others = [one for one in drive() if one not in late and one != behind]
    pipeline.process(world.shard.records(*[[one] for one in [*others, *late]]))
    for _ in range(2):
        world.settle(pipeline)
    assert state_of(world).unsettled

    pipeline.process(world.shard.records([behind]))
    settle_to_the_end(world, pipeline)

    assert_same(world, whole_drive)


def test_fixes_that_leave_the_window_during_a_settling_are_not_skipped(
    small_pages: World, whole_drive: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "LEAD_FIXES", 2)
    world, pipeline = small_pages, small_pages.pipeline()
    *earlier, last = drive()
    now, later = earlier[:-6], earlier[-6:]
    missing = now[-WINDOW_FIXES + 4]
    pipeline.process(world.shard.records(*[[one] for one in now if one != missing]))
    pipeline.process(world.shard.records([missing]))
    assert state_of(world).unsettled
    world.settle(pipeline)
    assert state_of(world).unsettled

    pipeline.process(world.shard.records(*[[one] for one in [*later, last]]))
    settle_to_the_end(world, pipeline)

    assert_same(world, whole_drive)


@pytest.mark.parametrize("max_hits", [1, MAX_HITS])
def test_the_second_interval_of_a_truck_builds_on_what_the_first_changed(max_hits: int) -> None:
    world, reference = World(), World()
    for each in (world, reference):
        each.assign("D-1")
    # Bad fixes keep the speed before them: what the first late point changes reaches far.
    points = [
        point(240 * n, 300.0 * n, speed_mps=None, accuracy_m=900.0 if 6 < n < 16 else None)
        for n in range(30)
    ]
    points[6] = point(240 * 6, 1_700.0, speed_mps=None)
    late = [points[6], points[13]]
    reference.pipeline().process(reference.shard.records(*[[one] for one in points]))
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points if one not in late]))
    pipeline.process(world.shard.records(*[[one] for one in late]))
    world.positions.max_hits = max_hits
    assert len(state_of(world).unsettled) == 2

    world.settle(pipeline)

    assert_same(world, reference)


def test_a_point_in_overlapping_intervals_is_folded_once() -> None:
    class FoundTwice(FakePositionStore):
        def around(self, requested: Sequence[HistoryInterval]) -> dict[str, list[HistoryFix]]:
            found = super().around(requested)
            return {truck_id: [*fixes, *fixes] for truck_id, fixes in found.items()}

    world, reference = World(positions=FoundTwice()), World()
    for each in (world, reference):
        each.assign("D-1")
    points = [point(60 * n, 300.0 * n) for n in range(50)]
    late = [points[10], points[22]]
    reference.pipeline().process(reference.shard.records(*[[one] for one in points]))
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points if one not in late]))
    pipeline.process(world.shard.records(*[[one] for one in late]))

    world.positions.troubles["before"] = [AssertionError("the search was not enough")]
    world.settle(pipeline)

    assert_same(world, reference)
