"""Erasure from a real OpenSearch: what is deleted, what stays, and how the consumer reacts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from opensearchpy import OpenSearch

from rtdts.position_store import erasure
from rtdts.position_store.bulk import ItemOutcome, WriteResult
from rtdts.position_store.client import connect
from rtdts.position_store.erasure import DeliveryErasure, TruckErasure
from rtdts.position_store.fleet import CurrentDeliveries
from rtdts.position_store.history_pages import HistoryPages
from rtdts.position_store.index_definitions import STATE_INDEX
from rtdts.position_store.raw_log import RawDocument, RawLog
from rtdts.position_store.state import StateWrite, TruckStateStore
from rtdts.position_store.writer import HistoryWrite, PositionWriter
from rtdts.tracking.current_delivery import CarriedDelivery
from rtdts.tracking.deliveries import Promise, Status
from rtdts.tracking.delivery_log import Anchor
from rtdts.tracking.fixes import Fix, LatestPosition, fix_of
from rtdts.tracking.instants import format_instant
from rtdts.tracking.positions import DeliveryProgress, Point
from rtdts.tracking.status_machine import StatusMachine
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.truck_state import DeliveryState, TruckState, tombstone
from rtdts.tracking.window import Window
from tests.fakes.fake_position_store import FakePositionStore
from tests.fakes.fake_truck_erasure import FakeTruckErasure
from tests.support.consumer_world import DESTINATION, ORIGIN, START_MS, World, point
from tests.support.deliveries import unique
from tests.support.latest_positions import LatestPositions

pytestmark = pytest.mark.real


@pytest.fixture
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    client = connect(opensearch_url)
    yield client
    client.close()


def state_of(delivery_id: str) -> DeliveryState:
    machine = StatusMachine(Status.IN_TRANSIT)
    return DeliveryState(
        delivery_id=delivery_id,
        assignment=1,
        assigned_at_ms=START_MS,
        match_version=1,
        origin=ORIGIN,
        destination=DESTINATION,
        anchor=Anchor(1, Status.ASSIGNED, START_MS, START_MS),
        tip=machine,
    )


def fix_at(truck_id: str, second: int) -> Fix:
    return fix_of(point(second, 10.0 * second, truck_id=truck_id))


def progress_of(*delivery_ids: str) -> tuple[DeliveryProgress, ...]:
    return tuple(
        DeliveryProgress(delivery_id=one, distance_remaining_m=700.0) for one in delivery_ids
    )


def fill(client: OpenSearch, truck_id: str, *delivery_ids: str, days: int = 2) -> TruckState:
    """Writes points of several days to every index, as the consumer and Firehose do."""
    fixes = [fix_at(truck_id, day * 86_400 + n) for day in range(days) for n in range(5)]
    progress = progress_of(*delivery_ids)
    latest = LatestPosition(
        newest=fixes[-1], deliveries=progress, shown=fixes[-2], shown_deliveries=progress
    )
    state = TruckState(
        truck_id=truck_id,
        writer_id="the consumer",
        window=Window(truck_id, fixes[-3:]),
        deliveries=tuple(map(state_of, delivery_ids)),
    )
    writer = PositionWriter(client)
    outcomes = writer.write_history([HistoryWrite(fix=one, deliveries=progress) for one in fixes])
    outcomes += writer.write_latest([latest])
    outcomes += RawLog(client).index(
        [
            RawDocument(index=f"truck-raw-2027-01-1{n % 2}", source=encode_point(one))
            for n, one in enumerate(fixes)
        ]
    )
    assert {outcome.result for outcome in outcomes} == {WriteResult.WRITTEN}
    (saved,) = TruckStateStore(client).save([StateWrite.of(state, None)])
    assert saved.result is WriteResult.WRITTEN
    return state


ERASED_MS = START_MS + 40 * 86_400_000
ALL = {"truck-raw-*": 10, "truck-positions-*": 10, "truck-latest": 1, "truck-state": 1}
NONE = dict.fromkeys(ALL, 0)


def test_all_documents_of_a_truck_are_erased_and_none_of_another(
    client: OpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "BATCH_DOCUMENTS", 4)  # several requests per index
    truck_id, other = unique("T-erased"), unique("T-kept")
    for one in (truck_id, other):
        fill(client, one)
    trucks = TruckErasure(client)
    assert trucks.count(truck_id) == ALL

    gone: dict[str, int] = {}
    for place, deleted in trucks.erase(truck_id, now_ms=ERASED_MS):
        gone[place] = gone.get(place, 0) + deleted

    assert gone == ALL
    assert trucks.count(truck_id) == NONE
    assert trucks.count(other) == ALL
    assert list(trucks.erase(truck_id, now_ms=ERASED_MS)) == []


def test_a_tombstone_with_counters_and_time_of_erasure_remains(client: OpenSearch) -> None:
    truck_id = unique("T-erased")
    before = fill(client, truck_id, unique("D"))

    list(TruckErasure(client).erase(truck_id, now_ms=ERASED_MS))

    stored = TruckStateStore(client).load([truck_id])[truck_id]
    assert stored.state == tombstone(truck_id, before, ERASED_MS)


def test_a_truck_that_has_no_state_or_an_unreadable_one_gets_a_tombstone(
    client: OpenSearch,
) -> None:
    unknown, corrupt = unique("T"), unique("T")
    client.index(index=STATE_INDEX, id=corrupt, body={"truck_id": corrupt, "state": "corrupt"})
    trucks = TruckErasure(client)
    assert trucks.count(corrupt)[STATE_INDEX] == 1

    assert list(trucks.erase(unknown, now_ms=ERASED_MS)) == []
    assert list(trucks.erase(corrupt, now_ms=ERASED_MS)) == [(STATE_INDEX, 1)]

    for one in (unknown, corrupt):
        stored = TruckStateStore(client).load([one])[one]
        assert stored.state == tombstone(one, None, ERASED_MS)
        assert trucks.count(one) == NONE


def test_the_tombstone_is_written_even_if_the_consumer_writes_at_the_same_time(
    client: OpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    truck_id = unique("T-erased")
    fill(client, truck_id)
    states = TruckStateStore(client)
    save = TruckStateStore.save

    def after_the_consumer(store: TruckStateStore, writes: list[StateWrite]) -> object:
        monkeypatch.undo()
        stood = states.load([truck_id])[truck_id]
        assert stood.state is not None
        newer = msgspec.structs.replace(stood.state, last_ordinal=stood.state.last_ordinal + 7)
        states.save([StateWrite.of(newer, stood.version)])
        return save(store, writes)

    monkeypatch.setattr(TruckStateStore, "save", after_the_consumer)
    trucks = TruckErasure(client)
    list(trucks.erase(truck_id, now_ms=ERASED_MS))

    assert trucks.count(truck_id) == NONE
    state = states.load([truck_id])[truck_id].state
    assert state is not None
    assert (state.is_tombstone, state.last_ordinal) == (True, 7)


class RealPositions:
    """The consumer's interfaces to OpenSearch, on a real node."""

    def __init__(self, client: OpenSearch) -> None:
        self._parts = (PositionWriter(client), HistoryPages(client), TruckStateStore(client))

    def __getattr__(self, name: str) -> Any:
        return next(getattr(part, name) for part in self._parts if hasattr(part, name))


@dataclasses.dataclass
class Erased:
    """A consumer, and the erasure of its truck."""

    world: World
    erasure: TruckErasure | FakeTruckErasure
    states: TruckStateStore | FakePositionStore
    reader: LatestPositions | FakePositionStore
    truck_id: str

    def points(self, *seconds: int) -> list[list[Point]]:
        return [[point(one, 10.0 * one, truck_id=self.truck_id)] for one in seconds]

    def erase(self) -> None:
        list(self.erasure.erase(self.truck_id, now_ms=START_MS + 100_000))

    def seqs(self) -> list[int]:
        track = self.reader.track(self.truck_id, start_ms=0, end_ms=None, limit=99)
        return [(one.event_at_ms - START_MS) // 1_000 for one in track]


@pytest.fixture(params=["fake", "opensearch"])
def erased(request: pytest.FixtureRequest) -> Erased:
    truck_id = unique("T")
    if request.param == "fake":
        fake = FakePositionStore()
        return Erased(World(positions=fake), FakeTruckErasure(fake), fake, fake, truck_id)
    client = request.getfixturevalue("client")
    return Erased(
        World(positions=RealPositions(client)),  # type: ignore[arg-type]
        TruckErasure(client),
        TruckStateStore(client),
        LatestPositions(client),
        truck_id,
    )


def test_a_consumer_with_the_state_in_its_cache_restores_no_erased_point(erased: Erased) -> None:
    world = erased.world
    pipeline = world.pipeline()
    for one in erased.points(0, 10, 20, 50, 40):
        pipeline.process(world.shard.records(one))
    erased.erase()

    # Received before, out of order after it, and in order.
    report = pipeline.process(world.shard.records(*erased.points(30, 120, 110, 130)))
    world.clock.advance(60.0)
    pipeline.settle(everything=True)

    assert (report.erased, report.points) == (1, 3)
    counts = erased.erasure.count(erased.truck_id)
    assert {place: n for place, n in counts.items() if n} == {
        "truck-positions-*": 3,
        "truck-latest": 1,
        "truck-state": 1,
    }
    assert erased.seqs() == [110, 120, 130]
    latest = erased.reader.latest([erased.truck_id])[erased.truck_id]
    assert latest.newest.seq == 130
    state = erased.states.load([erased.truck_id])[erased.truck_id].state
    assert state is not None
    assert [fix.seq for fix in state.window] == [110, 120, 130]


@pytest.mark.parametrize("step", ["write_history", "write_latest", "save"])
def test_a_batch_leaves_no_document_when_its_truck_is_erased_meanwhile(
    erased: Erased, step: str
) -> None:
    world = erased.world
    pipeline = world.pipeline()
    for one in erased.points(0, 10, 20, 50):
        pipeline.process(world.shard.records(one))
    real = getattr(world.positions, step)

    def erasing_first(*args: object) -> object:
        setattr(world.positions, step, real)
        erased.erase()
        return real(*args)

    setattr(world.positions, step, erasing_first)
    report = pipeline.process(world.shard.records(*erased.points(40, 60)))

    assert (report.erased, report.points) == (2, 0)
    assert not any(erased.erasure.count(erased.truck_id).values())


def test_a_state_that_was_deleted_by_hand_is_rebuilt(erased: Erased, client: OpenSearch) -> None:
    world = erased.world
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*erased.points(0, 10, 20)))
    if isinstance(erased.states, FakePositionStore):
        erased.states.drop_states()
    else:
        client.delete(index=STATE_INDEX, id=erased.truck_id)

    pipeline.process(world.shard.records(*erased.points(30)))

    state = erased.states.load([erased.truck_id])[erased.truck_id].state
    assert state is not None
    assert [fix.seq for fix in state.window] == [0, 10, 20, 30]
    assert world.reported("truck_state_lost")


def test_an_erasure_that_was_killed_at_any_step_can_be_run_again(client: OpenSearch) -> None:
    for killed_after in range(4):
        truck_id = unique("T-erased")
        fill(client, truck_id)
        trucks = TruckErasure(client)
        begun = trucks.erase(truck_id, now_ms=ERASED_MS)
        for _ in range(killed_after):
            next(begun)
        begun.close()  # type: ignore[attr-defined]

        list(trucks.erase(truck_id, now_ms=ERASED_MS))

        assert trucks.count(truck_id) == NONE


def test_the_time_last_received_includes_late_points_in_history_and_raw_log(
    client: OpenSearch,
) -> None:
    truck_id, received_ms = unique("T"), START_MS + 30 * 86_400_000
    fill(client, truck_id)
    late = msgspec.structs.replace(
        point(1, 10.0, truck_id=truck_id), received_at_ms=received_ms, seq=77
    )
    trucks = TruckErasure(client)
    assert trucks.last_received_at(unique("T")) is None

    def received_after(outcomes: list[ItemOutcome]) -> str | None:
        assert [outcome.result for outcome in outcomes] == [WriteResult.WRITTEN]
        return trucks.last_received_at(truck_id)

    in_history = HistoryWrite(fix=fix_of(late))
    assert received_after(PositionWriter(client).write_history([in_history])) == format_instant(
        received_ms
    )
    later = msgspec.structs.replace(late, received_at_ms=received_ms + 1)
    in_raw_log = RawDocument(index="truck-raw-2027-01-10", source=encode_point(later))
    assert received_after(RawLog(client).index([in_raw_log])) == format_instant(received_ms + 1)


def test_a_delivery_is_erased_from_its_trucks_documents_and_all_else_stays(
    client: OpenSearch,
) -> None:
    truck_id, erased, kept = unique("T"), unique("D-erased"), unique("D-kept")
    fill(client, truck_id, erased, kept)
    deliveries = DeliveryErasure(client)
    named = {"truck-positions-*": 10, "truck-latest": 1, "truck-state": 1}
    assert deliveries.count({erased}, {truck_id}) == named

    list(deliveries.erase({erased}, {truck_id}))

    assert deliveries.count({erased}, {truck_id}) == dict.fromkeys(named, 0)
    assert deliveries.count({kept}, {truck_id}) == named
    assert TruckErasure(client).count(truck_id) == ALL
    assert list(deliveries.erase({erased}, {truck_id})) == []


def test_a_current_delivery_in_the_fleets_document_is_erased_too(client: OpenSearch) -> None:
    truck_id, delivery_id = unique("T"), unique("D")
    fill(client, truck_id)
    assigned = CarriedDelivery(delivery_id=delivery_id, status=Status.ASSIGNED, promise=Promise())
    assert CurrentDeliveries(client).put(truck_id, [assigned], now_ms=START_MS)
    erasure = DeliveryErasure(client)
    assert erasure.count([delivery_id], [truck_id])["truck-latest"] == 1

    list(erasure.erase([delivery_id], [truck_id]))

    assert erasure.count([delivery_id], [truck_id])["truck-latest"] == 0
    latest = LatestPositions(client).latest([truck_id])[truck_id]
    assert (latest.current, latest.shown is not None) == (None, True)


class SlowCurrentDeliveries(CurrentDeliveries):
    """Calls a function between reading a document and writing it."""

    def __init__(self, client: OpenSearch, meanwhile: Callable[[], object]) -> None:
        super().__init__(client)
        self._meanwhile: list[Callable[[], object]] = [meanwhile]

    def _get(self, truck_id: str) -> Any | None:
        found = super()._get(truck_id)
        while self._meanwhile:
            self._meanwhile.pop()()
        return found


def test_a_late_write_of_a_current_delivery_does_not_restore_an_erased_truck(
    client: OpenSearch,
) -> None:
    truck_id = unique("T")
    fill(client, truck_id)
    assigned = CarriedDelivery(delivery_id=unique("D"), status=Status.ASSIGNED, promise=Promise())
    trucks = TruckErasure(client)
    current = SlowCurrentDeliveries(
        client, lambda: list(trucks.erase(truck_id, now_ms=START_MS + 10**9))
    )

    assert not current.put(truck_id, [assigned], now_ms=START_MS)
    assert not any(trucks.count(truck_id).values())


def test_documents_restored_by_a_late_write_are_counted_and_erased_again(
    client: OpenSearch,
) -> None:
    truck_id, delivery_id = unique("T"), unique("D")
    fill(client, truck_id, delivery_id)
    erasure = DeliveryErasure(client)
    current = SlowCurrentDeliveries(client, lambda: list(erasure.erase([delivery_id], [truck_id])))
    other = CarriedDelivery(delivery_id=unique("D"), status=Status.ASSIGNED, promise=Promise())

    current.put(truck_id, [other], now_ms=START_MS)
    assert erasure.count([delivery_id], [truck_id])["truck-latest"] == 1
    list(erasure.erase([delivery_id], [truck_id]))

    assert not any(erasure.count([delivery_id], [truck_id]).values())


def test_the_truck_state_is_rewritten_first_even_if_it_has_no_erased_delivery(
    client: OpenSearch,
) -> None:
    """The consumer's next write of it then conflicts, and it withdraws what it wrote."""
    truck_id, erased, kept = unique("T"), unique("D-erased"), unique("D-kept")
    fill(client, truck_id, erased, kept)
    states = TruckStateStore(client)

    first = next(DeliveryErasure(client).erase({erased}, {truck_id}))
    after_first = states.load([truck_id])[truck_id]
    list(DeliveryErasure(client).erase({erased}, {truck_id}))
    after_second = states.load([truck_id])[truck_id]

    assert first == (STATE_INDEX, 1)
    assert after_second.packed == after_first.packed
    assert after_second.version != after_first.version


def test_the_consumer_can_continue_after_a_delivery_was_erased(client: OpenSearch) -> None:
    truck_id, erased = unique("T"), unique("D-erased")
    state = fill(client, truck_id, erased)

    list(DeliveryErasure(client).erase({erased}, {truck_id}))

    stored = TruckStateStore(client).load([truck_id])[truck_id]
    assert stored.state is not None
    assert stored.state.writer_id == state.writer_id, (
        "another writer's id would make the consumer give up its shard"
    )
    assert stored.state.deliveries == ()
    latest = LatestPositions(client).latest([truck_id])[truck_id]
    assert latest.deliveries == ()
    assert latest.shown is not None
    assert latest.shown_deliveries == ()
    newer = fix_at(truck_id, 86_400 + 5)
    outcomes = PositionWriter(client).write_latest([LatestPosition(newest=newer, shown=newer)])
    assert [outcome.result for outcome in outcomes] == [WriteResult.WRITTEN]


def test_a_correction_can_be_written_after_a_delivery_was_erased(client: OpenSearch) -> None:
    truck_id, erased, kept = unique("T"), unique("D-erased"), unique("D-kept")
    newest, progress = fix_at(truck_id, 5), progress_of(erased, kept)
    writer = PositionWriter(client)
    latest = LatestPosition(
        newest=newest, deliveries=progress, shown=newest, shown_deliveries=progress
    )
    assert [one.result for one in writer.write_latest([latest])] == [WriteResult.WRITTEN]

    list(DeliveryErasure(client).erase({erased}, {truck_id}))
    late = msgspec.structs.replace(latest, deliveries=progress_of(kept), revision=1)
    outcomes = writer.write_latest([late])

    assert [outcome.result for outcome in outcomes] == [WriteResult.WRITTEN]


def test_an_unreadable_truck_state_is_deleted(client: OpenSearch) -> None:
    truck_id = unique("T")
    client.index(index=STATE_INDEX, id=truck_id, body={"truck_id": truck_id, "window": "corrupt"})
    deliveries = DeliveryErasure(client)

    list(deliveries.erase({unique("D")}, {truck_id}))

    assert TruckStateStore(client).load([truck_id]) == {}


def test_an_erasure_of_no_deliveries_does_nothing(client: OpenSearch) -> None:
    assert DeliveryErasure(client).count(set(), set()) == {}
    assert list(DeliveryErasure(client).erase(set(), set())) == []
