"""A customer's erasure from the tables of a DynamoDB emulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.erasure import CustomerErasure, OwnedDelivery
from rtdts.delivery_store.errors import DeliveryErased, VersionConflict
from rtdts.delivery_store.matches import MatchStore
from rtdts.delivery_store.schema import TableNames
from rtdts.delivery_store.subscriptions import Subscription, SubscriptionStore
from rtdts.delivery_store.tickets import TicketStore
from rtdts.tracking.deliveries import Delivery, Status
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from sim.local_cloud.resources import CloudNames, create_resources, local_session
from tests.support.deliveries import NOW_MS, event_of, moved_to, new_delivery, ticket_holder, unique
from tests.support.ministack_process import REGION, running_ministack


@pytest.fixture(scope="module")
def dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_ministack(tmp_path_factory.mktemp("ministack")) as url:
        create_resources(url, REGION, CloudNames())
        yield local_session(REGION).client("dynamodb", endpoint_url=url)


TABLES: TableNames = CloudNames().tables


@pytest.fixture
def erasure(dynamodb: Any) -> CustomerErasure:
    return CustomerErasure(dynamodb, TABLES)


@pytest.fixture
def deliveries(dynamodb: Any) -> DeliveryStore:
    return DeliveryStore(dynamodb, TABLES)


def made(
    deliveries: DeliveryStore, customer_id: str, *, events: int = 1, is_open: bool = False
) -> Delivery:
    delivery = new_delivery(customer_id=customer_id, truck_id=unique("T"))
    deliveries.append(None, delivery, [event_of(delivery)], matches=True)
    for _ in range(events - 2):
        after = moved_to(delivery, Status.EN_ROUTE_TO_PICKUP)
        deliveries.append(delivery, after, [event_of(after)], matches=False)
        delivery = after
    if not is_open:
        after = moved_to(delivery, Status.DELIVERED)
        deliveries.append(delivery, after, [event_of(after)], matches=True)
        delivery = after
    return delivery


def follow(dynamodb: Any, delivery_id: str, identity: str, role: str = "customer") -> None:
    SubscriptionStore(dynamodb, TABLES).add(
        Subscription(
            topic=delivery_topic(delivery_id),
            endpoint=socket_endpoint(unique("c")),
            role=role,
            identity=identity,
            token_expires_at_ms=NOW_MS,
            subscribed_at_ms=NOW_MS,
        )
    )


def test_all_rows_of_a_delivery_are_erased_and_none_of_another(
    dynamodb: Any, deliveries: DeliveryStore, erasure: CustomerErasure
) -> None:
    customer_id = unique("C")
    delivery = made(deliveries, customer_id, events=60)
    other = made(deliveries, unique("C"))
    for one in (delivery, other):
        follow(dynamodb, one.delivery_id, "anna", role="dispatcher")

    (owned,) = erasure.deliveries_of(customer_id)
    assert owned == OwnedDelivery(
        delivery_id=delivery.delivery_id,
        is_open=False,
        truck_id=delivery.truck_id,
        truck_ids=(delivery.truck_id,),
        created_at_ms=NOW_MS,
    )
    counted = erasure.count_of(delivery.delivery_id)
    erasure.write_tombstone(owned, customer_id)
    (tombstone,) = erasure.deliveries_of(customer_id)
    gone = erasure.erase_delivery(tombstone)

    assert tombstone.is_tombstone
    assert tombstone.truck_ids == owned.truck_ids
    assert counted == {
        "deliveries": 1,
        "delivery_events": 60,
        "delivery_shares": 0,
        "subscriptions": 1,
    }
    assert gone == 62
    assert set(erasure.count_of(delivery.delivery_id).values()) == {0}
    assert erasure.deliveries_of(customer_id) == []
    assert erasure.count_of(other.delivery_id) == {
        "deliveries": 1,
        "delivery_events": 2,
        "delivery_shares": 0,
        "subscriptions": 1,
    }


def test_an_open_deliverys_match_is_erased_too(
    dynamodb: Any, deliveries: DeliveryStore, erasure: CustomerErasure
) -> None:
    customer_id = unique("C")
    delivery = made(deliveries, customer_id, is_open=True)
    (owned,) = erasure.deliveries_of(customer_id)
    assert owned.is_open

    erasure.write_tombstone(owned, customer_id)
    erasure.erase_delivery(owned)

    assert MatchStore(dynamodb, TABLES).open_matches(delivery.truck_id) == ()
    assert deliveries.get(delivery.delivery_id) is None


def test_an_unreadable_delivery_row_is_erased_too(
    dynamodb: Any, deliveries: DeliveryStore, erasure: CustomerErasure
) -> None:
    customer_id, delivery_id = unique("C"), unique("D")
    dynamodb.put_item(
        TableName=TABLES.deliveries,
        Item={
            "delivery_id": {"S": delivery_id},
            "customer_id": {"S": customer_id},
            "created_at_ms": {"N": "1"},
            "status": {"S": "delivered"},
            "assignments": {"S": "corrupt"},
        },
    )

    (owned,) = erasure.deliveries_of(customer_id)
    erasure.write_tombstone(owned, customer_id)
    erasure.erase_delivery(owned)

    assert erasure.deliveries_of(customer_id) == []


def test_an_erased_delivery_can_be_neither_appended_to_nor_created_again(
    dynamodb: Any, deliveries: DeliveryStore, erasure: CustomerErasure
) -> None:
    customer_id = unique("C")
    delivery = made(deliveries, customer_id, is_open=True)
    (owned,) = erasure.deliveries_of(customer_id)
    moved = moved_to(delivery, Status.EN_ROUTE_TO_PICKUP)
    again = new_delivery(delivery_id=delivery.delivery_id, truck_id=unique("T"))
    for step in (
        lambda: erasure.write_tombstone(owned, customer_id),
        lambda: erasure.erase_delivery(owned),
    ):
        step()

        with pytest.raises(VersionConflict):
            deliveries.append(delivery, moved, [event_of(moved)], matches=False)
        with pytest.raises(DeliveryErased):
            deliveries.append(None, again, [event_of(again)], matches=True)
        assert deliveries.get(delivery.delivery_id) is None
        assert deliveries.get_many([delivery.delivery_id]).by_id == {}
        assert deliveries.list_page(customer_id=customer_id).deliveries == ()
    assert deliveries.events(delivery.delivery_id) == []
    row = dynamodb.get_item(
        TableName=TABLES.deliveries, Key={"delivery_id": {"S": delivery.delivery_id}}
    )["Item"]
    assert set(row) == {"delivery_id", "erased_at_ms", "expires_at_s"}


def test_a_delivery_that_was_meanwhile_given_to_another_customer_is_not_erased(
    deliveries: DeliveryStore, erasure: CustomerErasure
) -> None:
    customer_id = unique("C")
    delivery = made(deliveries, customer_id, is_open=True)
    (owned,) = erasure.deliveries_of(customer_id)
    given = msgspec.structs.replace(moved_to(delivery, Status.ASSIGNED), customer_id=unique("C"))
    deliveries.append(delivery, given, [event_of(given)], matches=True)

    with pytest.raises(VersionConflict):
        erasure.write_tombstone(owned, customer_id)

    assert deliveries.get(delivery.delivery_id) == given


def test_the_customers_subscriptions_and_tickets_are_erased_everywhere(
    dynamodb: Any, deliveries: DeliveryStore, erasure: CustomerErasure
) -> None:
    customer_id, other = unique("C"), unique("C")
    elsewhere = made(deliveries, other)
    follow(dynamodb, elsewhere.delivery_id, customer_id)
    follow(dynamodb, elsewhere.delivery_id, customer_id, role="dispatcher")  # another's name
    tickets = TicketStore(dynamodb, TABLES.socket_tickets)
    for identity in (customer_id, other):
        tickets.issue(ticket_holder("customer", identity, NOW_MS), NOW_MS)

    counted = erasure.count_sessions(customer_id)
    gone = erasure.erase_sessions(customer_id)

    assert counted == {"own_subscriptions": 1, "socket_tickets": 1}
    assert gone == 2
    assert set(erasure.count_sessions(customer_id).values()) == {0}
    assert erasure.count_sessions(other)["socket_tickets"] == 1
    assert erasure.count_of(elsewhere.delivery_id)["subscriptions"] == 1
