"""Erasing a truck or a customer: what is erased, and what ends the erasure early."""

from __future__ import annotations

import base64
import dataclasses
import itertools

import pytest

from operations.erase_customer import (
    WRITTEN_WITHIN_S,
    check_customer,
    count_customer,
    erase_customer,
)
from operations.erase_truck import TruckStores, check_truck, count_truck, erase_truck
from operations.errors import UnfinishedError, UnsafeOperationError
from rtdts.telemetry_stream.parking import UnusableMessage
from sim.local_cloud.firehose_objects import join_records
from tests.support.erasures import (
    NOW_MS,
    FakeCustomers,
    FakeDeliverySearch,
    FakeMatches,
    FakeTruckSearch,
    customer_stores,
    owned,
)
from tests.support.operations_world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def search() -> FakeTruckSearch:
    return FakeTruckSearch("T-1", "T-2")


def stores_of(world: World, search: FakeTruckSearch, *carried: str) -> TruckStores:
    return TruckStores(
        buckets={"parked": world.parked, "backup": world.backup},
        search=search,
        matches=FakeMatches(carried),
    )


def erase(stores: TruckStores, world: World) -> dict[str, int]:
    """Erases a truck; a millisecond passes between two readings of the clock."""
    now_ms = itertools.count(NOW_MS)
    return erase_truck("T-1", stores, world.console, now_ms=lambda: next(now_ms))


def fill(world: World) -> None:
    for truck_id in ("T-1", "T-2"):
        world.parking.park(b"?", name=truck_id, reason="r", partition_key=truck_id)
    records = [b'{"truck_id":"T-1"}', b'{"truck_id":"T-2"}', b'{"truck_id":"T-1"}']
    world.backup_bucket.put_object(Key="points/a.gz", Body=join_records(records))


def test_a_truck_is_erased_everywhere_and_another_truck_nowhere(
    world: World, search: FakeTruckSearch
) -> None:
    fill(world)
    stores = stores_of(world, search)
    all_of_it = {
        "parked": 1,
        "backup": 2,
        "truck-raw-*": 4,
        "truck-positions-*": 3,
        "truck-state": 1,
    }
    of_other = count_truck("T-2", stores, world.console)

    counted = count_truck("T-1", stores, world.console)
    gone = erase(stores, world)

    assert counted == gone == all_of_it
    assert not any(count_truck("T-1", stores, world.console).values())
    assert count_truck("T-2", stores, world.console) == of_other
    assert erase(stores, world) == {}


def test_a_truck_is_erased_from_parked_messages_of_another_truck(
    world: World, search: FakeTruckSearch
) -> None:
    def parked_together(*payloads: bytes) -> None:
        messages = [UnusableMessage(one, "foreign_truck", "") for one in payloads]
        world.parking.park_messages(messages, truck_id="T-2")

    foreign = b'[{"truck_id":"T-1","lat":1.0}]'
    parked_together(b'{"truck_id":"T-2"}', b"?")
    parked_together(b"\xff", foreign)
    points = [b'{"truck_id":"T-2","delivery_id":"T-1"}', b'{"truck_id":"T-2"}']
    world.parking.park_points(points, truck_id="T-2")

    counted = count_truck("T-1", stores_of(world, search), world.console)
    gone = erase(stores_of(world, search), world)

    assert counted["parked"] == gone["parked"] == 1
    assert len(world.parked_bucket.bodies) == 2
    assert b"\n".join(points) in world.parked_bucket.bodies
    assert all(base64.b64encode(foreign) not in body for body in world.parked_bucket.bodies)


def test_an_unreadable_object_does_not_stop_an_erasure_and_is_reported(
    world: World, search: FakeTruckSearch
) -> None:
    fill(world)
    broken = join_records([b'{"truck_id":"T-1"}'])[:-9]
    world.backup_bucket.put_object(Key="points/0-broken.gz", Body=broken)
    named = r"points/0-broken\.gz \(version \d+\)"
    stores = stores_of(world, search)
    with pytest.raises(UnfinishedError, match=rf"backup 2.*truck-state 1.*{named}"):
        count_truck("T-1", stores, world.console)

    with pytest.raises(UnfinishedError, match=rf"backup 2.*truck-state 1.*{named}"):
        erase(stores, world)

    assert not any(search.count("T-1").values())
    assert world.backup_bucket.bodies == [broken, join_records([b'{"truck_id":"T-2"}'])]
    world.backup_bucket.delete_object(Key="points/0-broken.gz", VersionId="2")
    assert erase(stores, world) == {}


def test_an_unreadable_object_is_reported_together_with_documents_that_keep_coming(
    world: World, search: FakeTruckSearch
) -> None:
    world.backup_bucket.put_object(Key="points/broken.gz", Body=join_records([b"?"])[:-9])
    search.reappearing = 99

    with pytest.raises(UnfinishedError, match=r"truck-raw-\* 1.*points/broken\.gz"):
        erase(stores_of(world, search), world)


def test_buckets_are_erased_first_so_that_no_replay_restores_data(
    world: World, search: FakeTruckSearch
) -> None:
    fill(world)
    world.backup_bucket.fails_at.append("put_object")

    with pytest.raises(Exception, match="SlowDown"):
        erase(stores_of(world, search), world)

    assert search.count("T-1")["truck-raw-*"] == 4


def test_documents_written_meanwhile_are_erased_in_the_next_round(
    world: World, search: FakeTruckSearch
) -> None:
    search.reappearing = 2

    erase(stores_of(world, search), world)

    assert not any(search.count("T-1").values())


def test_each_round_erases_what_was_received_before_it(
    world: World, search: FakeTruckSearch
) -> None:
    search.reappearing = 1

    erase(stores_of(world, search), world)

    assert search.erased_before_ms == {"T-1": [NOW_MS, NOW_MS + 1]}


def test_a_dry_run_writes_no_tombstone(world: World, search: FakeTruckSearch) -> None:
    count_truck("T-1", stores_of(world, search), world.console)

    assert not search.erased_before_ms


def test_documents_that_keep_coming_are_reported_and_fail_the_erasure(
    world: World, search: FakeTruckSearch
) -> None:
    search.reappearing = 99

    with pytest.raises(UnfinishedError, match=r"truck-raw-\* 1"):
        erase(stores_of(world, search), world)


def test_a_rewritten_object_is_stored_before_the_old_one_is_deleted(
    world: World, search: FakeTruckSearch
) -> None:
    fill(world)
    world.backup_bucket.fails_at.append("put_object")

    with pytest.raises(Exception, match="SlowDown"):
        list(world.backup.erase_truck("T-1", dry_run=False))

    assert len(world.backup_bucket.bodies) == 1


def test_a_crash_while_an_object_is_rewritten_loses_no_data_of_other_trucks(
    world: World, search: FakeTruckSearch
) -> None:
    fill(world)
    world.backup_bucket.fails_at.append("delete_object")
    stores = stores_of(world, search)

    with pytest.raises(Exception, match="SlowDown"):
        list(world.backup.erase_truck("T-1", dry_run=False))
    erase(stores, world)

    assert world.backup_bucket.bodies == [join_records([b'{"truck_id":"T-2"}'])]


def test_a_truck_with_open_deliveries_is_rejected(world: World, search: FakeTruckSearch) -> None:
    with pytest.raises(UnsafeOperationError, match=r"D-7.*--force"):
        check_truck("T-1", stores_of(world, search, "D-7"), now_ms=NOW_MS)


def test_erasing_a_truck_is_rejected_until_15_minutes_after_its_last_point(
    world: World, search: FakeTruckSearch
) -> None:
    search.last_received_ms = NOW_MS - 14 * 60_000
    with pytest.raises(UnsafeOperationError, match="wait 15 minutes"):
        check_truck("T-1", stores_of(world, search), now_ms=NOW_MS)

    search.last_received_ms = NOW_MS - 15 * 60_000
    check_truck("T-1", stores_of(world, search), now_ms=NOW_MS)


def test_a_customer_is_erased_everywhere_and_another_customer_nowhere(world: World) -> None:
    stores = customer_stores(
        ("C-1", owned("D-1", "T-1", "T-2")),
        ("C-1", owned("D-2", "T-3")),
        ("C-2", owned("D-3", "T-1")),
    )
    of_other = count_customer("C-2", stores)

    gone = erase_customer("C-1", stores, world.console)

    assert gone == {"truck-positions-*": 10, "delivery items": 8, "session items": 2}
    assert isinstance(stores.search, FakeDeliverySearch)
    assert stores.search.requested_trucks == {"T-1", "T-2", "T-3"}
    assert stores.search.had_tombstones, "without tombstones, a consumer would write the ids again"
    assert not any(count_customer("C-1", stores).values())
    assert count_customer("C-2", stores) == of_other
    assert not any(erase_customer("C-1", stores, world.console).values())


def test_a_document_written_after_the_deletion_of_its_row_is_erased_too(
    world: World,
) -> None:
    stores = customer_stores(("C-1", owned("D-1", "T-1", is_open=True)))
    assert isinstance(stores.search, FakeDeliverySearch)
    stores.search.written_after = ["D-1"]

    erase_customer("C-1", stores, world.console)

    assert stores.search.naming == {}


def test_documents_in_flight_during_a_customers_erasure_are_erased_too(world: World) -> None:
    stores = customer_stores(("C-1", owned("D-1", "T-1")))
    assert isinstance(stores.search, FakeDeliverySearch)
    naming = stores.search.naming
    waited_s: list[float] = []

    def sleep(seconds: float) -> None:
        # A broadcaster had read a truck's document, or the delivery's row, before it was erased.
        if not waited_s:
            naming["D-1"] = 1
        waited_s.append(seconds)

    erase_customer("C-1", dataclasses.replace(stores, sleep=sleep), world.console)

    assert waited_s == [WRITTEN_WITHIN_S] * 2
    assert not any(count_customer("C-1", stores).values())
    assert naming == {}


def test_erasing_a_customer_without_deliveries_does_not_wait(world: World) -> None:
    def sleep(_: float) -> None:
        raise AssertionError

    stores = dataclasses.replace(customer_stores(), sleep=sleep)

    assert erase_customer("C-1", stores, world.console) == {"session items": 2}


def test_a_delivery_given_to_another_customer_meanwhile_is_not_erased(world: World) -> None:
    stores = customer_stores(("C-1", owned("D-1", "T-1")), ("C-1", owned("D-2", "T-1")))
    assert isinstance(stores.deliveries, FakeCustomers)
    assert isinstance(stores.search, FakeDeliverySearch)
    stores.deliveries.reassigned = {"D-2"}

    with pytest.raises(UnfinishedError):
        erase_customer("C-1", stores, world.console)

    assert stores.deliveries.rows.keys() == {"D-2"}
    assert stores.search.naming == {"D-2": 5}


def test_a_customer_with_open_deliveries_is_rejected(world: World) -> None:
    stores = customer_stores(
        ("C-1", owned("D-1", "T-1")), ("C-2", owned("D-2", "T-1", is_open=True))
    )

    check_customer("C-1", stores)
    with pytest.raises(UnsafeOperationError, match=r"D-2.*--force"):
        check_customer("C-2", stores)
