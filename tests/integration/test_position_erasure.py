"""Erasure from a real OpenSearch: what goes, what stays, and what the consumer makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from opensearchpy import OpenSearch

from rtdts.position_store import erasure
from rtdts.position_store.bulk import Fate, ItemOutcome
from rtdts.position_store.client import connect
from rtdts.position_store.erasure import DeliveryErasure, TruckErasure
from rtdts.position_store.index_definitions import STATE_INDEX
from rtdts.position_store.raw_log import RawDocument, RawLog
from rtdts.position_store.reader import PositionReader
from rtdts.position_store.state import StateWrite, TruckStateStore
from rtdts.position_store.writer import HistoryWrite, PositionWriter
from rtdts.tracking.deliveries import Status
from rtdts.tracking.delivery_log import Anchor
from rtdts.tracking.fixes import Fix, LatestPosition, fix_of
from rtdts.tracking.instants import format_instant
from rtdts.tracking.positions import DeliveryProgress
from rtdts.tracking.status_machine import Machine
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.truck_state import DeliveryMemory, TruckState
from rtdts.tracking.window import Window
from tests.support.consumer_world import DESTINATION, ORIGIN, START_MS, point
from tests.support.deliveries import unique

pytestmark = pytest.mark.real


@pytest.fixture
def client(local_cloud) -> Iterator[OpenSearch]:
    client = connect(local_cloud.environment.opensearch_url)
    yield client
    client.close()


def memory_of(delivery_id: str) -> DeliveryMemory:
    machine = Machine(Status.IN_TRANSIT)
    return DeliveryMemory(
        delivery_id=delivery_id,
        assignment=1,
        assigned_at_ms=START_MS,
        match_version=1,
        origin=ORIGIN,
        destination=DESTINATION,
        anchor=Anchor(1, Status.ASSIGNED, START_MS, START_MS),
        base=machine,
        tip=machine,
    )


def fix_at(truck_id: str, second: int) -> Fix:
    return fix_of(point(second, 10.0 * second, truck_id=truck_id))


def progress_of(*delivery_ids: str) -> tuple[DeliveryProgress, ...]:
    return tuple(
        DeliveryProgress(delivery_id=one, distance_remaining_m=700.0) for one in delivery_ids
    )


def fill(client: OpenSearch, truck_id: str, *delivery_ids: str, days: int = 2) -> TruckState:
    """Points on several days, in every index, as the consumer and Firehose leave them."""
    fixes = [fix_at(truck_id, day * 86_400 + n) for day in range(days) for n in range(5)]
    progress = progress_of(*delivery_ids)
    latest = LatestPosition(
        newest=fixes[-1], deliveries=progress, shown=fixes[-2], shown_deliveries=progress
    )
    state = TruckState(
        truck_id=truck_id,
        writer_id="the consumer",
        window=Window(truck_id, fixes[-3:]),
        deliveries=tuple(map(memory_of, delivery_ids)),
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
    assert {outcome.fate for outcome in outcomes} == {Fate.WRITTEN}
    (saved,) = TruckStateStore(client).save([StateWrite.of(state, None)])
    assert saved.fate is Fate.WRITTEN
    return state


ALL = {"truck-raw-*": 10, "truck-positions-*": 10, "truck-latest": 1, "truck-state": 1}
NONE = dict.fromkeys(ALL, 0)


def test_all_of_a_truck_goes_and_nothing_of_another(
    client: OpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "BATCH_DOCUMENTS", 4)  # several requests an index
    truck_id, other = unique("T-erased"), unique("T-kept")
    for one in (truck_id, other):
        fill(client, one)
    trucks = TruckErasure(client)
    assert trucks.count(truck_id) == ALL

    gone: dict[str, int] = {}
    for place, deleted in trucks.erase(truck_id):
        gone[place] = gone.get(place, 0) + deleted

    assert gone == ALL
    assert trucks.count(truck_id) == NONE
    assert trucks.count(other) == ALL
    assert list(trucks.erase(truck_id)) == []


def test_it_may_be_killed_at_any_step_and_run_again(client: OpenSearch) -> None:
    for killed_after in range(4):
        truck_id = unique("T-erased")
        fill(client, truck_id)
        trucks = TruckErasure(client)
        begun = trucks.erase(truck_id)
        for _ in range(killed_after):
            next(begun)
        begun.close()

        list(trucks.erase(truck_id))

        assert trucks.count(truck_id) == NONE


def test_a_truck_was_last_heard_of_when_its_late_points_came(client: OpenSearch) -> None:
    truck_id, received_ms = unique("T"), START_MS + 30 * 86_400_000
    fill(client, truck_id)
    late = msgspec.structs.replace(
        point(1, 10.0, truck_id=truck_id), received_at_ms=received_ms, seq=77
    )
    trucks = TruckErasure(client)
    assert trucks.last_received_at(unique("T")) is None

    def heard_after(outcomes: list[ItemOutcome]) -> str | None:
        assert [outcome.fate for outcome in outcomes] == [Fate.WRITTEN]
        return trucks.last_received_at(truck_id)

    in_history = HistoryWrite(fix=fix_of(late))
    assert heard_after(PositionWriter(client).write_history([in_history])) == format_instant(
        received_ms
    )
    later = msgspec.structs.replace(late, received_at_ms=received_ms + 1)
    in_raw_log = RawDocument(index="truck-raw-2027-01-10", source=encode_point(later))
    assert heard_after(RawLog(client).index([in_raw_log])) == format_instant(received_ms + 1)


def test_a_delivery_goes_out_of_its_trucks_documents_and_all_else_stays(
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


def test_the_consumer_goes_on_after_a_delivery_was_taken_out(client: OpenSearch) -> None:
    truck_id, erased = unique("T"), unique("D-erased")
    state = fill(client, truck_id, erased)

    list(DeliveryErasure(client).erase({erased}, {truck_id}))

    stored = TruckStateStore(client).load([truck_id])[truck_id]
    assert stored.state is not None
    assert stored.state.writer_id == state.writer_id, "another's would tell it to give up its shard"
    assert stored.state.deliveries == ()
    latest = PositionReader(client).latest([truck_id])[truck_id]
    assert latest.deliveries == ()
    assert latest.shown is not None
    assert latest.shown_deliveries == ()
    newer = fix_at(truck_id, 86_400 + 5)
    outcomes = PositionWriter(client).write_latest([LatestPosition(newest=newer, shown=newer)])
    assert [outcome.fate for outcome in outcomes] == [Fate.WRITTEN]


def test_a_correction_is_shown_after_a_delivery_was_taken_out(client: OpenSearch) -> None:
    truck_id, erased, kept = unique("T"), unique("D-erased"), unique("D-kept")
    newest, progress = fix_at(truck_id, 5), progress_of(erased, kept)
    writer = PositionWriter(client)
    latest = LatestPosition(
        newest=newest, deliveries=progress, shown=newest, shown_deliveries=progress
    )
    assert [one.fate for one in writer.write_latest([latest])] == [Fate.WRITTEN]

    list(DeliveryErasure(client).erase({erased}, {truck_id}))
    late = msgspec.structs.replace(latest, deliveries=progress_of(kept), revision=1)
    outcomes = writer.write_latest([late])

    assert [outcome.fate for outcome in outcomes] == [Fate.WRITTEN]


def test_a_memory_that_nobody_can_read_is_deleted(client: OpenSearch) -> None:
    truck_id = unique("T")
    client.index(index=STATE_INDEX, id=truck_id, body={"truck_id": truck_id, "window": "spoilt"})
    deliveries = DeliveryErasure(client)

    list(deliveries.erase({unique("D")}, {truck_id}))

    assert TruckStateStore(client).load([truck_id]) == {}


def test_nothing_asked_is_nothing_done(client: OpenSearch) -> None:
    assert DeliveryErasure(client).count(set(), set()) == {}
    assert list(DeliveryErasure(client).erase(set(), set())) == []
