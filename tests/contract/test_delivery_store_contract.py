"""What both `DeliveryStore` and its fake promise."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any

import boto3
import msgspec
import pytest

from rtdts.delivery_store.appends import Change
from rtdts.delivery_store.deliveries import (
    CLOSED_RETENTION_DAYS,
    LOG_OUTLIVES_ROW_DAYS,
    DeliveryStore,
    FoundDeliveries,
)
from rtdts.delivery_store.errors import TruckFull, VersionConflict
from rtdts.delivery_store.matches import MatchStore
from rtdts.delivery_store.schema import TTL_ATTRIBUTE
from rtdts.tracking.deliveries import CLOSED, Cause, DeclaredType, Evidence, Status, TimeWindow
from rtdts.tracking.truck_stops import TruckStops, stop_of
from tests.fakes.fake_delivery_store import FakeDeliveryStore, FakeMatchStore
from tests.support.deliveries import NOW_MS, event_of, given_to, moved_to, new_delivery, unique

Store = DeliveryStore | FakeDeliveryStore
Matches = MatchStore | FakeMatchStore
Expiries = Callable[[str], list[int | None]]
"""Returns when each event of a delivery's log expires, in order, in epoch seconds."""
LIMIT = 3


@pytest.fixture(params=["fake", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> tuple[Store, Matches]:
    if request.param == "fake":
        fake = FakeDeliveryStore(max_open_deliveries=LIMIT)
        return fake, FakeMatchStore(fake)
    endpoint = request.getfixturevalue("aws_endpoint")
    tables = request.getfixturevalue("table_names")
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=endpoint)
    return DeliveryStore(client, tables, max_open_deliveries=LIMIT), MatchStore(client, tables)


@pytest.fixture
def store(stores: tuple[Store, Matches]) -> Store:
    return stores[0]


@pytest.fixture
def matches(stores: tuple[Store, Matches]) -> Matches:
    return stores[1]


@pytest.fixture
def log_expiries(store: Store, request: pytest.FixtureRequest) -> Expiries:
    if isinstance(store, FakeDeliveryStore):
        return store.log_expiries_s
    endpoint = request.getfixturevalue("aws_endpoint")
    tables = request.getfixturevalue("table_names")
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=endpoint)

    def read(delivery_id: str) -> list[int | None]:
        pages = client.get_paginator("query").paginate(
            TableName=tables.delivery_events,
            KeyConditionExpression="delivery_id = :delivery",
            ExpressionAttributeValues={":delivery": {"S": delivery_id}},
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        return [int(item[TTL_ATTRIBUTE]["N"]) if TTL_ATTRIBUTE in item else None for item in items]

    return read


def test_a_delivery_is_read_back_as_written(store: Store) -> None:
    truck_id = unique("T")  # another test's truck may already have the maximum of open deliveries
    created = new_delivery(truck_id=truck_id, window=TimeWindow(start_ms=NOW_MS, end_ms=NOW_MS + 1))
    event = event_of(
        created,
        actor="dispatcher:ann",
        note="ring twice ☎",
        proof="",
        declared=DeclaredType.PICKED_UP,
        point_id=f"{truck_id}:1:2",
        evidence=Evidence(distance_m=12.5, accuracy_m=8.0, since_point_id=f"{truck_id}:1:1"),
        idempotency_key="k",
        request_hash="h",
    )
    store.append(None, created, [event], matches=True)

    assert store.get(created.delivery_id) == created
    assert store.events(created.delivery_id) == [event]
    assert store.get(unique("D")) is None
    assert store.events(unique("D")) == []


def test_many_deliveries_are_read_at_once_and_missing_ones_are_omitted(store: Store) -> None:
    created = [new_delivery(truck_id=unique("T")) for _ in range(3)]
    for one in created:
        store.append(None, one, [event_of(one)], matches=True)
    requested = [*(one.delivery_id for one in created), unique("D"), created[0].delivery_id]

    assert store.get_many(requested).by_id == {one.delivery_id: one for one in created}
    assert store.get_many([]).by_id == {}


def test_more_deliveries_can_be_read_at_once_than_one_request_allows(store: Store) -> None:
    created = new_delivery(truck_id=unique("T"))
    store.append(None, created, [event_of(created)], matches=True)
    requested = [unique("D") for _ in range(150)] + [created.delivery_id]

    assert store.get_many(requested) == FoundDeliveries({created.delivery_id: created}, frozenset())


def test_several_events_are_appended_at_once(store: Store) -> None:
    first = new_delivery(truck_id=unique("T"))
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    third = moved_to(second, Status.AT_PICKUP)
    store.append(None, first, [event_of(first)], matches=True)
    store.append(first, third, [event_of(second), event_of(third)], matches=False)

    assert store.get(first.delivery_id) == third
    assert [event.version for event in store.events(first.delivery_id)] == [1, 2, 3]
    assert store.events(first.delivery_id, after_version=2) == [event_of(third)]


def test_more_events_can_be_appended_at_once_than_one_transaction_allows(store: Store) -> None:
    first = new_delivery(truck_id=unique("T"))
    store.append(None, first, [event_of(first)], matches=True)
    last, events = first, []
    for _ in range(250):
        last = moved_to(last, Status.EN_ROUTE_TO_PICKUP)
        events.append(event_of(last))
    store.append(first, last, events, matches=False)

    assert store.get(first.delivery_id) == last
    assert store.events(first.delivery_id, after_version=1) == events


def test_several_deliveries_are_appended_to_together_or_none_of_them(store: Store) -> None:
    rows = [new_delivery(truck_id=unique("T")) for _ in range(3)]
    for row in rows:
        store.append(None, row, [event_of(row)], matches=True)
    moved = [moved_to(row, Status.EN_ROUTE_TO_PICKUP) for row in rows]
    changes = [
        Change(row, after, [event_of(after)]) for row, after in zip(rows, moved, strict=True)
    ]
    store.append(*changes[1], matches=False)

    with pytest.raises(VersionConflict):
        store.append_together(changes)
    assert [store.get(row.delivery_id) for row in rows] == [rows[0], moved[1], rows[2]]
    assert [len(store.events(row.delivery_id)) for row in rows] == [1, 2, 1]

    store.append_together([changes[0], changes[2]])
    assert [store.get(row.delivery_id) for row in rows] == moved
    assert [store.events(row.delivery_id)[-1] for row in rows] == [one for _, _, (one,) in changes]


def test_closing_a_delivery_together_with_others_is_rejected(store: Store) -> None:
    row = new_delivery(truck_id=unique("T"))
    closed = moved_to(row, Status.CANCELLED)

    with pytest.raises(ValueError, match="expire"):
        store.append_together([Change(row, closed, [event_of(closed)])])


def test_the_second_of_two_writers_on_one_version_conflicts_and_writes_nothing(
    store: Store, matches: Matches
) -> None:
    truck_id, other_truck = unique("T"), unique("T")
    first = new_delivery(truck_id=truck_id)
    store.append(None, first, [event_of(first)], matches=True)
    winner = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    loser = given_to(first, other_truck)
    store.append(first, winner, [event_of(winner)], matches=False)

    with pytest.raises(VersionConflict) as conflict:
        store.append(first, loser, [event_of(loser)], matches=True)
    assert conflict.value.delivery_id == first.delivery_id
    assert store.get(first.delivery_id) == winner
    assert store.events(first.delivery_id) == [event_of(first), event_of(winner)]
    assert matches.open_matches(other_truck) == ()
    assert [match.version for match in matches.open_matches(truck_id)] == [1]


def test_creating_an_existing_delivery_is_a_conflict(store: Store) -> None:
    created = new_delivery(truck_id=unique("T"))
    store.append(None, created, [event_of(created)], matches=True)

    with pytest.raises(VersionConflict):
        store.append(None, created, [event_of(created)], matches=True)


def test_changing_a_missing_delivery_is_a_conflict(store: Store) -> None:
    imagined = new_delivery(truck_id=unique("T"))
    changed = moved_to(imagined, Status.EN_ROUTE_TO_PICKUP)

    with pytest.raises(VersionConflict):
        store.append(imagined, changed, [event_of(changed)], matches=False)


def test_a_writer_with_an_outdated_truck_conflicts(store: Store) -> None:
    created = new_delivery(truck_id=unique("T"))
    store.append(None, created, [event_of(created)], matches=True)
    imagined = msgspec.structs.replace(
        created,
        assignments=(msgspec.structs.replace(created.current, truck_id=unique("T")),),
    )
    changed = moved_to(imagined, Status.EN_ROUTE_TO_PICKUP)

    with pytest.raises(VersionConflict):
        store.append(imagined, changed, [event_of(changed)], matches=False)


@pytest.mark.parametrize("versions", [[], [2, 4], [1, 2], [3]])
def test_events_whose_versions_do_not_lead_to_the_row_are_rejected(
    store: Store, versions: list[int]
) -> None:
    before = new_delivery(truck_id=unique("T"))
    after = moved_to(before, Status.EN_ROUTE_TO_PICKUP)

    with pytest.raises(ValueError, match="events"):
        store.append(
            before, after, [event_of(after, version=version) for version in versions], matches=False
        )


def test_a_trucks_matches_follow_its_deliveries(store: Store, matches: Matches) -> None:
    truck_id, other_truck = unique("T"), unique("T")
    first = new_delivery(truck_id=truck_id)
    second = new_delivery(truck_id=truck_id)
    for one in (first, second):
        store.append(None, one, [event_of(one)], matches=True)

    both = matches.open_matches(truck_id)
    assert [match.delivery_id for match in both] == sorted([first.delivery_id, second.delivery_id])
    match = next(one for one in both if one.delivery_id == first.delivery_id)
    assert (match.version, match.assignment, match.assigned_at_ms) == (1, 1, NOW_MS)
    assert (match.origin, match.destination) == (first.origin, first.destination)

    given = given_to(first, other_truck)
    store.append(first, given, [event_of(given, cause=Cause.ASSIGNED)], matches=True)
    (moved,) = matches.open_matches(other_truck)
    assert (moved.delivery_id, moved.assignment, moved.version) == (first.delivery_id, 2, 2)
    assert moved.assigned_at_ms == given.current.started_at_ms
    assert [one.delivery_id for one in matches.open_matches(truck_id)] == [second.delivery_id]

    closed = moved_to(given, Status.CANCELLED)
    store.append(given, closed, [event_of(closed)], matches=True)
    assert matches.open_matches_many([truck_id, other_truck, "T-none"]) == {
        truck_id: matches.open_matches(truck_id),
        other_truck: (),
        "T-none": (),
    }


def test_a_trucks_stops_have_their_order_and_the_time_of_their_last_change(
    store: Store, matches: Matches
) -> None:
    truck_id, at_ms = unique("T"), NOW_MS + 60_000

    def stops() -> TruckStops:
        return matches.stops_of([truck_id])[truck_id]

    first = new_delivery(truck_id=truck_id, stop_sequence=2)
    window = TimeWindow(start_ms=NOW_MS + 1, end_ms=NOW_MS + 2)
    second = new_delivery(truck_id=truck_id, window=window)
    assert stops() == TruckStops()
    for one in (first, second):
        store.append(None, one, [event_of(one)], matches=True)
    moved = moved_to(first, Status.IN_TRANSIT)
    store.append(first, moved, [event_of(moved)], matches=True)
    assert set(stops().stops) == {stop_of(first), stop_of(second)}
    assert stops().changed_at_ms == 0, "no stop was removed, and none changed its position"

    reordered = msgspec.structs.replace(
        moved_to(moved, Status.IN_TRANSIT), stop_sequence=3, updated_at_ms=at_ms
    )
    store.append(moved, reordered, [event_of(reordered)], matches=True)
    assert stop_of(reordered) in stops().stops
    assert stops().changed_at_ms == at_ms

    closed = msgspec.structs.replace(moved_to(reordered, Status.DELIVERED), updated_at_ms=at_ms + 1)
    store.append(reordered, closed, [event_of(closed)], matches=True)
    assert stops() == TruckStops(stops=(stop_of(second),), changed_at_ms=at_ms + 1)


def test_a_declaration_changes_the_version_in_the_match_and_a_transition_does_not(
    store: Store, matches: Matches
) -> None:
    truck_id = unique("T")
    created = new_delivery(truck_id=truck_id)
    moved = moved_to(created, Status.EN_ROUTE_TO_PICKUP)
    picked_up = moved_to(moved, Status.IN_TRANSIT)
    store.append(None, created, [event_of(created)], matches=True)
    store.append(created, moved, [event_of(moved)], matches=False)
    assert [match.version for match in matches.open_matches(truck_id)] == [1]

    store.append(moved, picked_up, [event_of(picked_up)], matches=True)
    assert [match.version for match in matches.open_matches(truck_id)] == [3]


def test_a_truck_has_a_maximum_of_open_deliveries_and_closing_one_frees_a_place(
    store: Store, matches: Matches
) -> None:
    truck_id = unique("T")
    loaded = [new_delivery(truck_id=truck_id) for _ in range(LIMIT)]
    one_more = new_delivery(truck_id=truck_id)
    elsewhere = new_delivery(truck_id=unique("T"))
    for one in (*loaded, elsewhere):
        store.append(None, one, [event_of(one)], matches=True)

    with pytest.raises(TruckFull) as full:
        store.append(None, one_more, [event_of(one_more)], matches=True)
    assert (full.value.truck_id, full.value.limit) == (truck_id, LIMIT)
    assert store.get(one_more.delivery_id) is None
    given = given_to(elsewhere, truck_id)
    with pytest.raises(TruckFull):
        store.append(elsewhere, given, [event_of(given)], matches=True)

    changed = moved_to(loaded[0], Status.ASSIGNED)
    store.append(loaded[0], changed, [event_of(changed)], matches=True)
    closed = moved_to(changed, Status.FAILED)
    store.append(changed, closed, [event_of(closed)], matches=True)
    store.append(None, one_more, [event_of(one_more)], matches=True)
    assert one_more.delivery_id in {match.delivery_id for match in matches.open_matches(truck_id)}


@pytest.mark.parametrize("end", sorted(CLOSED))
def test_the_log_of_a_delivery_expires_as_a_whole_only_once_it_is_closed(
    store: Store, log_expiries: Expiries, end: Status
) -> None:
    first = new_delivery(truck_id=unique("T"))
    second = moved_to(first, Status.EN_ROUTE_TO_PICKUP)
    third = given_to(second, unique("T"))
    store.append(None, first, [event_of(first)], matches=True)
    store.append(first, second, [event_of(second)], matches=False)
    store.append(second, third, [event_of(third)], matches=True)
    assert log_expiries(first.delivery_id) == [None] * 3

    closed = moved_to(third, end)
    store.append(third, closed, [event_of(closed)], matches=True)
    expiries_s = log_expiries(first.delivery_id)
    days = CLOSED_RETENTION_DAYS + LOG_OUTLIVES_ROW_DAYS
    assert expiries_s == [closed.updated_at_ms // 1000 + days * 86_400] * 4
    assert store.events(first.delivery_id) == [
        event_of(one) for one in (first, second, third, closed)
    ]


def test_an_event_appended_to_a_closed_delivery_expires_too(
    store: Store, log_expiries: Expiries
) -> None:
    first = new_delivery(truck_id=unique("T"))
    closed = moved_to(first, Status.DELIVERED)
    corrected = msgspec.structs.replace(closed, version=3, updated_at_ms=NOW_MS + 60_000)
    store.append(None, first, [event_of(first)], matches=True)
    store.append(first, closed, [event_of(closed)], matches=True)
    with_the_end = log_expiries(first.delivery_id)
    store.append(closed, corrected, [event_of(corrected)], matches=False)

    days = CLOSED_RETENTION_DAYS + LOG_OUTLIVES_ROW_DAYS
    assert log_expiries(first.delivery_id) == [
        *with_the_end,
        corrected.updated_at_ms // 1000 + days * 86_400,
    ]


def test_a_log_longer_than_a_transaction_expires_as_a_whole(
    store: Store, log_expiries: Expiries
) -> None:
    first = row = new_delivery(truck_id=unique("T"))
    store.append(None, first, [event_of(first)], matches=True)
    for _ in range(3):
        before, events = row, []
        for _ in range(80):
            row = moved_to(row, Status.EN_ROUTE_TO_PICKUP)
            events.append(event_of(row))
        store.append(before, row, events, matches=False)
    assert log_expiries(first.delivery_id) == [None] * 241

    closed = moved_to(row, Status.CANCELLED)
    store.append(row, closed, [event_of(closed)], matches=True)
    expiries_s = log_expiries(first.delivery_id)
    assert len(expiries_s) == 242
    assert None not in expiries_s
    assert len(set(expiries_s)) == 1


@pytest.mark.parametrize("owner_kind", ["customer", "truck"])
def test_lists_are_paged_newest_first(store: Store, owner_kind: str) -> None:
    owner: dict[str, Any] = {f"{owner_kind}_id": unique("X")}
    created = [
        new_delivery(**{"truck_id": unique("T"), **owner}, created_at_ms=NOW_MS + 1_000 * n)
        for n in range(3)
    ]
    for one in (*created, new_delivery(truck_id=unique("T"), customer_id=unique("C"))):
        store.append(None, one, [event_of(one)], matches=True)

    first = store.list_page(**owner, limit=2)
    assert first.deliveries == (created[2], created[1])
    assert first.next is not None
    second = store.list_page(**owner, limit=2, after=first.next)
    assert second.deliveries == (created[0],)
    assert second.next is None


def test_a_last_page_that_is_exactly_full_yields_each_delivery_once(store: Store) -> None:
    customer_id = unique("C")
    for _ in range(2):
        one = new_delivery(truck_id=unique("T"), customer_id=customer_id)
        store.append(None, one, [event_of(one)], matches=True)

    pages = [store.list_page(customer_id=customer_id, limit=2)]
    while pages[-1].next is not None:
        pages.append(store.list_page(customer_id=customer_id, limit=2, after=pages[-1].next))
    assert sum(len(page.deliveries) for page in pages) == 2


def test_lists_are_up_to_date_with_status_and_owner(store: Store) -> None:
    customer_id, truck_id = unique("C"), unique("T")
    created = new_delivery(truck_id=truck_id, customer_id=customer_id)
    store.append(None, created, [event_of(created)], matches=True)
    moved = moved_to(created, Status.EN_ROUTE_TO_PICKUP)
    store.append(created, moved, [event_of(moved)], matches=False)

    def listed(**of: Any) -> tuple[str, ...]:
        status = Status(of.pop("status")) if "status" in of else None
        page = store.list_page(**of, status=status)
        return tuple(one.delivery_id for one in page.deliveries)

    here = (created.delivery_id,)
    assert listed(customer_id=customer_id, status="en_route_to_pickup") == here
    assert listed(customer_id=customer_id, status="assigned") == ()
    given = given_to(moved, unique("T"))
    store.append(moved, given, [event_of(given)], matches=True)
    assert listed(truck_id=truck_id) == ()
    assert listed(truck_id=given.truck_id) == here
    assert listed(customer_id=customer_id) == here


@pytest.mark.parametrize("status", [None, Status.DELIVERED])
def test_a_list_can_omit_deliveries_that_were_closed_long_ago(
    store: Store, status: Status | None
) -> None:
    truck_id = unique("T")
    created = [
        new_delivery(truck_id=truck_id, created_at_ms=NOW_MS + n, updated_at_ms=NOW_MS + n)
        for n in range(3)
    ]
    for one in created:
        store.append(None, one, [event_of(one)], matches=True)
    closed = [moved_to(one, Status.DELIVERED) for one in created[:2]]
    for before, after in zip(created, closed, strict=False):
        store.append(before, after, [event_of(after)], matches=True)
    page = store.list_page(truck_id=truck_id, status=status, closed_since_ms=NOW_MS + 1_000)

    assert page.deliveries == ((created[2],) if status is None else ()) + (closed[1],)
    assert page.next is None


@pytest.mark.parametrize("owners", [{}, {"customer_id": "C", "truck_id": "T"}])
def test_a_list_needs_exactly_one_owner(store: Store, owners: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="customer_id"):
        store.list_page(**owners)


def test_only_one_of_several_concurrent_writers_succeeds(store: Store) -> None:
    # The fake is single-threaded: for it, this test adds nothing to those above.
    created = new_delivery(truck_id=unique("T"))
    store.append(None, created, [event_of(created)], matches=True)
    rivals = [given_to(created, unique("T")) for _ in range(4)]

    def attempt(index: int) -> bool:
        try:
            store.append(created, rivals[index], [event_of(rivals[index])], matches=True)
        except VersionConflict:
            return False
        return True

    workers = 1 if isinstance(store, FakeDeliveryStore) else len(rivals)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        won = list(pool.map(attempt, range(len(rivals))))

    assert won.count(True) == 1
    assert store.get(created.delivery_id) == rivals[won.index(True)]
    assert len(store.events(created.delivery_id)) == 2
