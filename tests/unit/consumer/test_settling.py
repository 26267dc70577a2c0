"""Settling late points: what is read, what is written, and what happens when it is cut off."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from consumer import settling
from consumer.errors import LeaseLost, RetriesExhausted
from consumer.pipeline import BatchPipeline
from consumer.settling import GREEDY_EVERY_S, PASS_EVERY_S, PAUSE_S, PAUSE_SLICES, SLICE_S
from rtdts.position_store.documents import index_of
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.history_pages import MAX_HITS, Around, HistoryFix
from rtdts.position_store.state import StateWrite
from rtdts.position_store.writer import PROVISIONAL
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Status
from rtdts.tracking.instants import MS_PER_DAY
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import WINDOW_FIXES, TrackingRules
from rtdts.tracking.truck_state import Interval, TruckState
from rtdts.tracking.window import Window
from tests.support.consumer_world import (
    KILLS,
    START_MS,
    STATUSES,
    STEPS,
    Killed,
    World,
    derived,
    drive,
    point,
    shown,
    standing_of,
)

RESTART_S = 3.0
ROAD = drive()[:19]
"""There, loaded, and on the road."""
LATE = ROAD[4:13]
"""The wait at the origin: without it no sensor saw the pickup."""
EARLY = [one for one in ROAD if one not in LATE]


@pytest.fixture
def world() -> World:
    made = World()
    made.assign("D-1")
    return made


@pytest.fixture
def whole() -> World:
    """What it comes to when everything comes in order."""
    made = World()
    made.assign("D-1")
    made.pipeline().process(made.shard.records(*[[one] for one in ROAD]))
    return made


@pytest.fixture
def whole_drive() -> World:
    """The whole drive, in order."""
    made = World()
    made.assign("D-1")
    made.pipeline().process(made.shard.records(*[[one] for one in drive()]))
    return made


def with_late_points(world: World) -> BatchPipeline:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    pipeline.process(world.shard.records(*[[one] for one in LATE]))
    return pipeline


def state_of(world: World, truck_id: str = "T-1") -> TruckState:
    state = world.positions.load([truck_id])[truck_id].state
    assert state is not None
    return state


def assert_same(world: World, whole: World) -> None:
    assert derived(world) == derived(whole)
    assert shown(world) == shown(whole)
    assert [one.status for one in standing_of(world)] == [one.status for one in standing_of(whole)]
    assert not state_of(world).unsettled


def test_late_points_are_settled_as_if_they_had_come_in_order(world: World, whole: World) -> None:
    pipeline = with_late_points(world)
    assert state_of(world).unsettled

    report = world.settle(pipeline)

    assert_same(world, whole)
    assert report.waiting == 0
    assert report.transitions <= len(Status) + 6


def test_late_points_of_a_truck_without_deliveries_are_derived_in_their_place() -> None:
    world, whole = World(), World()
    whole.pipeline().process(whole.shard.records(*[[one] for one in ROAD]))

    world.settle(with_late_points(world))

    assert derived(world) == derived(whole)
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


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", KILLS)
def test_a_worker_killed_at_any_step_of_a_settling_and_the_next_one_settles(
    world: World, whole: World, step: str, when: str
) -> None:
    killed = with_late_points(world)
    world.kill_at(step, when)
    with pytest.raises(Killed):
        world.settle(killed, after_s=PAUSE_S)
    world.clock.advance(RESTART_S)

    world.settle(world.pipeline())

    assert_same(world, whole)
    assert standing_of(world) == standing_of(whole)
    reported = {one.version for one in world.nudges.sent if isinstance(one, TransitionNudge)}
    assert len(world.deliveries.events("D-1")) in reported


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("begin", [0, len(EARLY) - 3, len(EARLY)])
def test_a_worker_killed_while_it_settles_and_the_records_come_again_cut_otherwise(
    world: World, whole: World, step: str, begin: int
) -> None:
    pipeline = world.pipeline()
    records = world.shard.records(*[[one] for one in [*EARLY, *LATE]])
    pipeline.process(records[: len(EARLY)])
    stored = dict(world.positions._states)
    pipeline.process(records[len(EARLY) :])
    world.kill_at(step, "after")
    with pytest.raises(Killed):
        world.settle(pipeline, after_s=PAUSE_S)
    world.positions._states = stored
    world.clock.advance(RESTART_S)
    events = world.deliveries.events("D-1")

    pipeline = world.pipeline()
    for start in range(begin, len(records), 4):
        pipeline.process(records[start : start + 4])
        world.settle(pipeline)
    if step in STEPS[2:]:  # the log had all: what is behind it appends nothing
        assert world.deliveries.events("D-1") == events
    world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, whole)


@pytest.mark.parametrize("is_lost_before", [True, False])
def test_a_state_that_is_lost_beside_late_points_is_rebuilt(
    world: World, whole: World, is_lost_before: bool
) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY[:-1]]))
    if is_lost_before:
        world.positions.drop_states()
        pipeline = world.pipeline()
    world.clock.advance(RESTART_S)
    pipeline.process(world.shard.records(*[[one] for one in LATE]))
    if not is_lost_before:
        world.positions.drop_states()
        pipeline = world.pipeline()
        world.clock.advance(RESTART_S)
    pipeline.process(world.shard.records([EARLY[-1]]))
    world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, whole)
    assert world.reported("truck_state_lost")


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


@pytest.mark.parametrize("search", ["refresh", "around"])
def test_a_search_that_is_incomplete_settles_nothing_and_is_repeated(
    world: World, whole: World, search: str
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

    assert_same(world, whole)


def parked_at(second: int) -> Point:
    return point(second, -900.0, seq=100_000 + second, speed_mps=0.0)


def silent_hours(world: World) -> tuple[BatchPipeline, World]:
    """A truck with so long a silence before its late points that the pages are needed."""
    night = [parked_at(-40_000 + 10 * n) for n in range(12)]
    lone = parked_at(-20_000)
    points = [*night, *drive()]
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points]))
    pipeline.process(world.shard.records([lone]))
    whole = World()
    whole.assign("D-1")
    whole.pipeline().process(
        whole.shard.records(
            *[[one] for one in sorted([*points, lone], key=lambda one: one.event_at_ms)]
        )
    )
    return pipeline, whole


def test_fixes_beyond_one_search_are_read_page_by_page(world: World) -> None:
    pipeline, whole = silent_hours(world)

    report = world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, whole)
    assert report.fixes > 0


@pytest.mark.parametrize("search", ["before", "after"])
def test_a_page_that_is_incomplete_settles_nothing_and_is_repeated(
    world: World, search: str
) -> None:
    pipeline, whole = silent_hours(world)
    before = state_of(world), derived(world), world.statuses("D-1")
    partial = StoreUnavailable("read the history", None, "not all shards responded")
    world.positions.troubles[search] = [partial] * 1_000
    with pytest.raises(RetriesExhausted):
        world.settle(pipeline)
    assert (state_of(world), derived(world), world.statuses("D-1")) == before

    world.positions.troubles[search] = [partial] * 2
    world.settle(world.pipeline(), after_s=PAUSE_S)

    assert_same(world, whole)


def test_a_zombie_that_settles_is_stopped_and_spoils_nothing(world: World, whole: World) -> None:
    zombie = with_late_points(world)
    owner = world.pipeline(writer_id="owner")
    world.settle(owner, after_s=PAUSE_S)
    kept = dict(world.positions.history), state_of(world), world.deliveries.events("D-1")

    with pytest.raises(LeaseLost):
        world.settle(zombie)

    assert (
        dict(world.positions.history), state_of(world), world.deliveries.events("D-1")
    ) == kept  # fmt: skip
    assert_same(world, whole)


def test_a_zombie_that_settled_before_its_state_was_rejected_leaves_the_log_right(
    world: World, whole: World
) -> None:
    """The owner goes on between the zombie's reading of the state and its writing."""
    zombie = with_late_points(world)
    owner = world.pipeline(writer_id="owner")
    owner.process(world.shard.records([point(400, 4_010.0)]))
    whole.pipeline().process(whole.shard.records([point(400, 4_010.0)]))

    with pytest.raises(LeaseLost):
        world.settle(zombie)
    world.settle(owner, after_s=PAUSE_S)

    assert_same(world, whole)


def test_a_new_worker_finds_what_the_one_before_left_unsettled(world: World, whole: World) -> None:
    with_late_points(world)
    world.clock.advance(RESTART_S)

    report = world.pipeline().settle()

    assert report is not None
    assert report.trucks == 1
    assert_same(world, whole)


def test_an_unsettled_state_without_a_window_stops_no_other_truck(
    world: World, whole: World
) -> None:
    with_late_points(world)
    empty = TruckState(truck_id="T-2", window=Window("T-2"), unsettled=(Interval(0, START_MS),))
    world.positions.save([StateWrite.of(empty, None)])

    world.clock.advance(RESTART_S)
    world.pipeline().settle(everything=True)

    assert_same(world, whole)


def at_midnight(second: int, east_m: float) -> Point:
    """A point so many seconds from a midnight (UTC)."""
    at_ms = (START_MS // MS_PER_DAY + 1) * MS_PER_DAY + second * 1_000
    return msgspec.structs.replace(
        point(0, east_m), recorded_at_ms=at_ms, event_at_ms=at_ms, received_at_ms=at_ms
    )


def test_late_points_of_two_days_are_settled_across_midnight(world: World) -> None:
    points = [at_midnight(10 * n - 150, 30.0 * n) for n in range(31)]
    late = points[11:19]
    assert len({index_of(one.event_at_ms) for one in late}) == 2
    whole = World()
    whole.assign("D-1")
    whole.pipeline().process(whole.shard.records(*[[one] for one in points]))

    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points if one not in late]))
    pipeline.process(world.shard.records(*[[one] for one in reversed(late)]))
    world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, whole)


def test_just_inside_the_horizon_a_point_is_folded_and_just_beyond_it_is_only_indexed(
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


def test_a_point_beyond_the_horizon_is_never_a_predecessor(world: World, whole: World) -> None:
    world.rules = TrackingRules(late_horizon_s=3_600.0)
    pipeline = world.pipeline()
    far = point(10 * drive().index(LATE[0]) - 1, 30_000.0, seq=777)
    hour_later = [point(4_000 + n, 4_010.0) for n in range(WINDOW_FIXES)]
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    pipeline.process(world.shard.records(*[[one] for one in LATE]))
    pipeline.process(world.shard.records(*[[one] for one in hour_later]))
    whole.pipeline().process(whole.shard.records(*[[one] for one in hour_later]))

    report = pipeline.process(world.shard.records([far]))
    again = pipeline.process(world.shard.records([far]))
    world.settle(pipeline, after_s=PAUSE_S)

    assert (report.beyond, again.duplicates) == (1, 1)
    history = derived(world)
    del history[point_id(far)]
    assert history == derived(whole)
    assert world.statuses("D-1")[-1] is whole.statuses("D-1")[-1]


def test_points_that_a_crash_left_in_the_history_are_folded_with_their_records(
    world: World, whole: World
) -> None:
    """It is found there under its stamp, but its ordinal was not taken."""
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    late = world.shard.records(*[[one] for one in LATE])
    world.kill_at("save", "before")
    with pytest.raises(Killed):
        pipeline.process(late)
    world.clock.advance(RESTART_S)

    pipeline = world.pipeline()
    report = pipeline.process(late)
    world.settle(pipeline, after_s=PAUSE_S)

    assert (report.late, report.duplicates) == (len(LATE), 0)
    assert_same(world, whole)


def test_a_copy_of_a_settled_point_counts_once_and_changes_nothing(
    world: World, whole: World
) -> None:
    pipeline = with_late_points(world)
    world.settle(pipeline, after_s=PAUSE_S)
    writes = dict(world.positions.writes)

    report = pipeline.process(world.shard.records(*[[one] for one in LATE]))

    assert (report.late, report.duplicates) == (0, len(LATE))
    assert world.positions.writes == writes
    assert_same(world, whole)


def test_a_provisional_document_replaces_nothing_that_was_settled(
    world: World, whole: World
) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    state = dict(world.positions._states)
    late = world.shard.records(*[[one] for one in LATE])
    pipeline.process(late)
    world.settle(pipeline, after_s=PAUSE_S)
    settled = derived(world)

    world.positions._states = state
    world.clock.advance(RESTART_S)
    world.pipeline().process(late)

    assert derived(world) == settled == derived(whole)
    assert min(world.positions._knowledge.values()) > PROVISIONAL


TAIL_AT_S = 36_100
"""When the truck is back in coverage."""
MANY = 3_600


def long_tail() -> list[Point]:
    """Ten hours of a point per 10 s: the drive, then a long wait at the destination."""
    waiting = [point(10 * n, 4_000.0, speed_mps=0.0) for n in range(len(drive()), MANY)]
    return [
        msgspec.structs.replace(one, received_at_ms=START_MS + TAIL_AT_S * 1_000)
        for one in [*drive(), *waiting]
    ]


def back_in_coverage(world: World) -> BatchPipeline:
    """What it is now comes first, then all that it kept."""
    pipeline = world.pipeline()
    now = [point(TAIL_AT_S + n, 4_000.0, speed_mps=0.0) for n in range(WINDOW_FIXES + 1)]
    pipeline.process(world.shard.records(*[[one] for one in now]))
    tail = long_tail()
    for start in range(0, len(tail), 500):
        pipeline.process(world.shard.records(tail[start : start + 500]))
    return pipeline


def test_a_long_tail_is_settled_at_once_and_the_trucks_next_one_after_a_while(
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


def test_a_tail_of_which_a_search_has_too_much_goes_on_in_slices_and_the_shard_with_it(
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
        # Its own points, in order, and others' are not kept waiting.
        later = point(TAIL_AT_S + 100 + passes, 4_000.0, speed_mps=0.0)
        pipeline.process(world.shard.records([later], points[passes - 1 : passes]))
        assert state_of(world).window[-1].seq == later.seq
        assert world.positions.latest(["T-2"])["T-2"].newest.seq == points[passes - 1].seq

    assert passes > 3
    assert world.statuses("D-1") == list(STATUSES)
    whole = World()
    whole.assign("D-1")
    whole.pipeline().process(
        whole.shard.records(
            *[[one] for one in long_tail()],
            *[[point(TAIL_AT_S + n, 4_000.0, speed_mps=0.0)] for n in range(WINDOW_FIXES + 1)],
            *[[point(TAIL_AT_S + 101 + n, 4_000.0, speed_mps=0.0)] for n in range(passes)],
        )
    )
    assert derived(world, "T-1") == derived(whole)


def test_a_tail_that_is_cut_off_by_a_kill_is_settled_by_the_next_worker(world: World) -> None:
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


def test_late_points_of_many_trucks_share_one_search(world: World) -> None:
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
    searches = []
    around = world.positions.around

    def counted(expected: Sequence[Around]) -> dict[str, list[HistoryFix]]:
        searches.append(len(expected))
        return around(expected)

    world.positions.around = counted  # type: ignore[method-assign]

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


def test_a_late_point_behind_a_settling_under_way_is_settled_too(
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
    world, whole = World(), World()
    for each in (world, whole):
        each.assign("D-1")
    # Bad ones have the speed of the one before: what the first late point changes goes far.
    points = [
        point(240 * n, 300.0 * n, speed_mps=None, accuracy_m=900.0 if 6 < n < 16 else None)
        for n in range(30)
    ]
    points[6] = point(240 * 6, 1_700.0, speed_mps=None)
    late = [points[6], points[13]]
    whole.pipeline().process(whole.shard.records(*[[one] for one in points]))
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points if one not in late]))
    pipeline.process(world.shard.records(*[[one] for one in late]))
    world.positions.max_hits = max_hits
    assert len(state_of(world).unsettled) == 2

    world.settle(pipeline)

    assert_same(world, whole)


def test_where_intervals_overlap_a_point_is_folded_once() -> None:
    world, whole = World(), World()
    for each in (world, whole):
        each.assign("D-1")
    points = [point(60 * n, 300.0 * n) for n in range(50)]
    late = [points[10], points[22]]
    whole.pipeline().process(whole.shard.records(*[[one] for one in points]))
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in points if one not in late]))
    pipeline.process(world.shard.records(*[[one] for one in late]))
    around = world.positions.around

    def twice(expected: Sequence[Around]) -> dict[str, list[HistoryFix]]:
        return {truck_id: [*found, *found] for truck_id, found in around(expected).items()}

    world.positions.around = twice  # type: ignore[method-assign]

    world.positions.troubles["before"] = [AssertionError("the search was not enough")]
    world.settle(pipeline)

    assert_same(world, whole)
