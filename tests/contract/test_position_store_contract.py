"""What the position store and its fake promise: on the fake, and on a real OpenSearch."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import msgspec
import pytest

from consumer.ports import PositionWriterPort, StatePort
from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from rtdts.position_store.state import StateWrite, TruckStateStore
from rtdts.position_store.writer import PROVISIONAL, HistoryWrite, PositionWriter
from rtdts.tracking.fixes import Fix, LatestPosition, fix_of
from rtdts.tracking.positions import DeliveryProgress, TruckInterval
from rtdts.tracking.truck_state import Interval, TruckState
from rtdts.tracking.window import Window
from tests.fakes.fake_position_store import FakePositionStore
from tests.fakes.shown_positions import as_shown
from tests.support.consumer_world import START_MS, point
from tests.support.deliveries import unique
from tests.support.latest_positions import LatestPositions

pytestmark = pytest.mark.real


class Visible(Protocol):
    def __call__(self) -> None: ...


@dataclasses.dataclass
class Store:
    writer: PositionWriterPort
    reader: LatestPositions | FakePositionStore
    states: StatePort
    make_visible: Visible


@pytest.fixture(params=["fake", "opensearch"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        fake = FakePositionStore()
        return Store(fake, fake, fake, lambda: None)
    client = connect(request.getfixturevalue("opensearch_url"))
    return Store(
        PositionWriter(client),
        LatestPositions(client),
        TruckStateStore(client),
        lambda: client.indices.refresh(index=POSITIONS_PATTERN),
    )


@pytest.fixture
def truck_id() -> str:
    return unique("T")


def fix_at(truck_id: str, second: int, **changed: object) -> Fix:
    fix = fix_of(point(second, 10.0 * second, truck_id=truck_id))
    return msgspec.structs.replace(fix, moving=True, **changed)


def write(store: Store, *points: Fix, knowledge: int = 2) -> None:
    outcomes = store.writer.write_history(
        [HistoryWrite(fix=one, knowledge=knowledge) for one in points]
    )
    store.make_visible()
    assert all(outcome.result is WriteResult.WRITTEN for outcome in outcomes)


def test_a_track_has_each_good_point_once_and_in_order(store: Store, truck_id: str) -> None:
    bad = fix_at(truck_id, 15, quality=("frozen",))
    points = [fix_at(truck_id, second) for second in (20, 0, 10)]

    write(store, *points, bad)
    write(store, *points)
    track = store.reader.track(truck_id, start_ms=START_MS, end_ms=None, limit=100)

    assert [(one.event_at_ms - START_MS) // 1_000 for one in track] == [0, 10, 20]


def test_a_track_is_cut_to_its_interval(store: Store, truck_id: str) -> None:
    write(store, *(fix_at(truck_id, second) for second in range(10)))

    track = store.reader.track(
        truck_id, start_ms=START_MS + 3_000, end_ms=START_MS + 6_000, limit=100
    )

    assert [(one.event_at_ms - START_MS) // 1_000 for one in track] == [3, 4, 5]


def test_the_last_position_of_an_interval_is_its_last_good_point(
    store: Store, truck_id: str
) -> None:
    points = [fix_at(truck_id, second) for second in (0, 10, 20, 90)]
    write(store, *points, fix_at(truck_id, 30, quality=("teleport",)))

    def within(start_s: int, end_s: int, of: str = truck_id) -> TruckInterval:
        return TruckInterval(
            truck_id=of, start_ms=START_MS + start_s * 1_000, end_ms=START_MS + end_s * 1_000
        )

    found = store.reader.last_of(
        [within(0, 60), within(40, 60), within(0, 20), within(0, 60, "T-none"), within(60, 0)]
    )

    assert found == [
        as_shown(points[2]),
        None,
        as_shown(points[1]),
        None,
        None,
    ]
    assert store.reader.last_of([]) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 99])
def test_a_thinned_track_keeps_its_ends(store: Store, truck_id: str, limit: int) -> None:
    write(store, *(fix_at(truck_id, second) for second in range(100)))

    track = store.reader.track(truck_id, start_ms=START_MS, end_ms=None, limit=limit)

    assert len(track) <= limit
    assert len(track) >= limit * 0.6
    assert track[-1].event_at_ms == START_MS + 99_000
    assert limit == 1 or track[0].event_at_ms == START_MS


def test_fixes_of_a_slow_clock_belong_to_the_interval_of_their_corrected_time(
    store: Store, truck_id: str
) -> None:
    slow = [fix_at(truck_id, second, clock_lag_ms=60_000) for second in (0, 10, 20)]
    write(store, *slow, fix_at(truck_id, 15), fix_at(truck_id, 65))
    start_ms, end_ms = START_MS + 60_000, START_MS + 75_000

    track = store.reader.track(truck_id, start_ms=start_ms, end_ms=end_ms, limit=100)
    thinned = store.reader.track(truck_id, start_ms=start_ms, end_ms=end_ms, limit=2)
    (last,) = store.reader.last_of(
        [TruckInterval(truck_id=truck_id, start_ms=start_ms, end_ms=START_MS + 64_000)]
    )

    assert [(one.event_at_ms - START_MS, one.clock_lag_ms) for one in track] == [
        (0, 60_000),
        (10_000, 60_000),
        (65_000, 0),
    ]
    assert [one.event_at_ms - START_MS for one in thinned] == [0, 65_000]
    assert last == as_shown(slow[0])


def test_the_track_of_a_truck_without_points_is_empty(store: Store, truck_id: str) -> None:
    assert store.reader.track(truck_id, start_ms=START_MS, end_ms=None, limit=5) == []


def test_a_provisional_write_replaces_only_a_provisional_document(
    store: Store, truck_id: str
) -> None:
    write(store, fix_at(truck_id, 0), fix_at(truck_id, 9, quality=("frozen",)), knowledge=2)
    write(store, fix_at(truck_id, 9), knowledge=3)

    write(
        store,
        *(fix_at(truck_id, second, quality=("teleport",)) for second in (0, 5, 9)),
        knowledge=PROVISIONAL,
    )
    write(store, fix_at(truck_id, 5), knowledge=PROVISIONAL)

    track = store.reader.track(truck_id, start_ms=START_MS, end_ms=None, limit=5)
    assert [(one.event_at_ms - START_MS) // 1_000 for one in track] == [0, 5, 9]


@pytest.mark.parametrize(
    ("knowledge", "remaining"), [(4, "the old"), (5, "the new"), (6, "the new")]
)
def test_a_point_is_overwritten_only_with_at_least_as_much_knowledge(
    store: Store, truck_id: str, knowledge: int, remaining: str
) -> None:
    old, new = fix_at(truck_id, 0, quality=("frozen",)), fix_at(truck_id, 0)
    write(store, old, knowledge=5)

    write(store, new, knowledge=knowledge)

    good = store.reader.track(truck_id, start_ms=START_MS, end_ms=None, limit=5)
    assert len(good) == (1 if remaining == "the new" else 0)


def test_the_latest_position_never_goes_back(store: Store, truck_id: str) -> None:
    newer = LatestPosition(newest=fix_at(truck_id, 10), shown=fix_at(truck_id, 10))
    older = LatestPosition(newest=fix_at(truck_id, 0), shown=None)

    endings = [store.writer.write_latest([one])[0].result for one in (newer, older, newer)]

    assert endings == [WriteResult.WRITTEN, WriteResult.CONFLICT, WriteResult.WRITTEN]
    assert store.reader.latest([truck_id, "T-none"]) == {truck_id: newer}


def test_a_latest_position_is_read_back_without_its_ordinals(store: Store, truck_id: str) -> None:
    newest, shown = fix_at(truck_id, 10), fix_at(truck_id, 0)
    numbered = [msgspec.structs.replace(one, n=7) for one in (newest, shown)]
    store.writer.write_latest([LatestPosition(newest=numbered[0], shown=numbered[1])])

    latest = LatestPosition(newest=newest, shown=shown)
    assert store.reader.latest([truck_id]) == {truck_id: latest}


def test_a_newer_revision_of_the_latest_point_replaces_it_and_stays(
    store: Store, truck_id: str
) -> None:
    first = LatestPosition(newest=fix_at(truck_id, 10), shown=None)
    again = LatestPosition(newest=fix_at(truck_id, 10), shown=fix_at(truck_id, 0), revision=1)

    for one in (first, again, first):
        store.writer.write_latest([one])

    assert store.reader.latest([truck_id]) == {truck_id: again}


def test_shown_positions_are_the_last_good_fix_with_the_progress_of_deliveries(
    store: Store, truck_id: str
) -> None:
    progress = (DeliveryProgress(delivery_id="D-1", distance_remaining_m=70.5, eta_latest_ms=7),)
    creeping = fix_at(truck_id, 5, speed_mps=None, track_speed_mps=0.5, track_heading_deg=90.0)
    hidden = unique("T")
    store.writer.write_latest(
        [
            LatestPosition(
                newest=fix_at(truck_id, 9, quality=("frozen",)),
                shown=creeping,
                shown_deliveries=progress,
                stale_since_ms=START_MS + 9_000,
            ),
            LatestPosition(newest=fix_at(hidden, 0, quality=("frozen",)), shown=None),
        ]
    )

    found = store.reader.shown([truck_id, hidden, "T-none"])

    assert found == {truck_id: as_shown(creeping, progress, stale_since_ms=START_MS + 9_000)}
    assert found[truck_id].point.speed_mps == 0.5


def test_a_state_is_saved_only_over_the_version_that_was_read(store: Store, truck_id: str) -> None:
    state = TruckState(
        truck_id=truck_id,
        writer_id="w",
        applied={"shard": ("49" * 28, 3)},
        window=Window(truck_id, [fix_of(point(0, 0.0, truck_id=truck_id), n=7)]),
        last_good=fix_at(truck_id, -9),
        last_ordinal=7,
        unsettled=(Interval(START_MS - 7, START_MS),),
    )
    created = store.states.save([StateWrite.of(state, None)])[0]
    again = store.states.save([StateWrite.of(state, None)])[0]
    loaded = store.states.load([truck_id, "T-none"])
    changed = msgspec.structs.replace(state, writer_id="x")
    replaced = store.states.save([StateWrite.of(changed, created.version)])[0]
    outdated = store.states.save([StateWrite.of(state, created.version)])[0]

    assert created.result is replaced.result is WriteResult.WRITTEN
    assert again.result is outdated.result is WriteResult.CONFLICT
    assert loaded.keys() == {truck_id}
    assert loaded[truck_id].state == state
    assert loaded[truck_id].version == created.version
    assert store.states.load([truck_id])[truck_id].state == changed


def test_trucks_with_unsettled_points_are_found_without_a_refresh(
    store: Store, truck_id: str
) -> None:
    waits, moved, settled = truck_id, unique("T"), unique("T")
    states = [
        # With a window: consumers of other tests may find these trucks, and settle them.
        TruckState(truck_id=one, window=Window(one, [fix_of(point(0, 0.0, truck_id=one), n=1)]))
        for one in (waits, moved, settled)
    ]
    states[0] = msgspec.structs.replace(states[0], unsettled=(Interval(START_MS, START_MS),))
    states[1] = msgspec.structs.replace(states[1], has_moved_times=True)
    first, *_ = store.states.save([StateWrite.of(one, None) for one in states])

    assert {*store.states.unsettled()} & {waits, moved, settled} == {waits, moved}

    done = msgspec.structs.replace(states[0], unsettled=())
    store.states.save([StateWrite.of(done, first.version)])
    assert {*store.states.unsettled()} & {waits, moved, settled} == {moved}


def test_points_and_positions_are_deleted_and_missing_ones_are_not_an_error(
    store: Store, truck_id: str
) -> None:
    erased, kept, missing = (fix_at(truck_id, second) for second in (0, 10, 20))
    of_no_index = fix_at(truck_id, -40 * 86_400)
    write(store, erased, kept)
    store.writer.write_latest([LatestPosition(newest=erased, shown=erased)])

    outcomes = store.writer.delete_history([erased, missing, of_no_index])
    outcomes += store.writer.delete_latest([truck_id, unique("T")])
    store.make_visible()

    assert {outcome.result for outcome in outcomes} == {WriteResult.WRITTEN}
    track = store.reader.track(truck_id, start_ms=0, end_ms=None, limit=5)
    assert [one.event_at_ms for one in track] == [kept.event_at_ms]
    assert store.reader.latest([truck_id]) == {}


def test_a_deleted_document_is_written_again_only_with_more_knowledge(
    store: Store, truck_id: str
) -> None:
    fix = fix_at(truck_id, 0)
    shown = LatestPosition(newest=fix, shown=fix)
    write(store, fix, knowledge=5)
    store.writer.write_latest([shown])
    store.writer.delete_history([fix])
    store.writer.delete_latest([truck_id])

    def written(knowledge: int, revision: int) -> tuple[int, int]:
        write(store, fix, knowledge=knowledge)
        store.writer.write_latest([msgspec.structs.replace(shown, revision=revision)])
        track = store.reader.track(truck_id, start_ms=START_MS, end_ms=None, limit=5)
        return len(track), len(store.reader.latest([truck_id]))

    assert written(5, 0) == (0, 0)
    assert written(6, 1) == (1, 1)
