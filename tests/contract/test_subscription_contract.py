"""What both `SubscriptionStore` and its fake promise."""

from __future__ import annotations

import boto3
import msgspec
import pytest

from rtdts.delivery_store.subscriptions import SubscriptionStore
from rtdts.tracking.delivery_buckets import BUCKETS, delivery_bucket
from rtdts.tracking.fleet_view import FleetFilter, FleetStatus, FleetView
from rtdts.tracking.topics import FLEET, delivery_topic, socket_endpoint
from tests.fakes.fake_subscriptions import FakeSubscriptionStore
from tests.support.deliveries import NOW_MS, subscription, unique

Store = SubscriptionStore | FakeSubscriptionStore


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeSubscriptionStore()
    session: boto3.Session = request.getfixturevalue("aws_session")
    client = session.client("dynamodb", endpoint_url=request.getfixturevalue("aws_endpoint"))
    return SubscriptionStore(client, request.getfixturevalue("table_names"))


def test_a_deliverys_subscriptions_are_listed_until_they_end(store: Store) -> None:
    delivery_id, ann, ben = unique("D"), unique("conn="), unique("conn=")
    store.add(subscription(delivery_id, ann))
    store.add(subscription(delivery_id, ben))
    store.add(subscription(unique("D"), ann))

    assert store.of_topic(delivery_topic(delivery_id)) == [
        subscription(delivery_id, ann),
        subscription(delivery_id, ben),
    ]
    assert store.has(delivery_topic(delivery_id), socket_endpoint(ann))
    assert store.find(delivery_topic(delivery_id), socket_endpoint(ann)) == subscription(
        delivery_id, ann
    )
    store.remove(delivery_topic(delivery_id), socket_endpoint(ann), until_ms=NOW_MS)
    assert store.of_topic(delivery_topic(delivery_id)) == [subscription(delivery_id, ben)]
    assert not store.has(delivery_topic(delivery_id), socket_endpoint(ann))
    assert store.find(delivery_topic(delivery_id), socket_endpoint(ann)) is None


def test_adding_a_subscription_again_renews_it(store: Store) -> None:
    delivery_id, connection_id = unique("D"), unique("conn=")
    old = subscription(delivery_id, connection_id)
    new = msgspec.structs.replace(old, subscribed_at_ms=NOW_MS + 1)
    store.add(old)
    store.add(new)

    assert store.of_topic(delivery_topic(delivery_id)) == [new]
    assert store.count_deliveries(socket_endpoint(connection_id)) == 1


def test_an_older_subscription_never_replaces_a_newer_one(store: Store) -> None:
    late = subscription(unique("D"), unique("conn="))
    store.add(late)
    store.add(msgspec.structs.replace(late, subscribed_at_ms=NOW_MS - 1, role="dispatcher"))

    assert store.of_topic(late.topic) == [late]


def test_a_fleet_subscription_keeps_its_view_as_requested(store: Store) -> None:
    view = FleetView(
        bbox=(170.5, -20.0, -170.123456, 5.0),
        zoom=11.4,
        filter=FleetFilter(status=(FleetStatus.NEARBY, FleetStatus.NONE), late=True, search="T-"),
        view="v7",
    )
    endpoint = socket_endpoint(unique("conn="))
    one = msgspec.structs.replace(subscription("", ""), topic=FLEET, endpoint=endpoint, view=view)
    store.add(one)

    assert store.find(FLEET, endpoint) == one
    store.end(one)
    assert store.find(FLEET, endpoint) is None


def test_a_subscription_renewed_since_it_was_read_is_not_removed(store: Store) -> None:
    delivery_id, connection_id = unique("D"), unique("conn=")
    read = subscription(delivery_id, connection_id)
    anew = msgspec.structs.replace(read, subscribed_at_ms=NOW_MS + 1)
    store.add(anew)
    store.end(read)
    assert store.of_topic(delivery_topic(delivery_id)) == [anew]

    store.end(anew)
    assert store.of_topic(delivery_topic(delivery_id)) == []


def test_a_subscription_added_after_the_removal_was_requested_stays(store: Store) -> None:
    delivery_id, connection_id = unique("D"), unique("conn=")
    store.add(subscription(delivery_id, connection_id))
    store.remove(delivery_topic(delivery_id), socket_endpoint(connection_id), until_ms=NOW_MS - 1)
    assert store.has(delivery_topic(delivery_id), socket_endpoint(connection_id))

    store.remove(delivery_topic(delivery_id), socket_endpoint(connection_id), until_ms=NOW_MS)
    assert not store.has(delivery_topic(delivery_id), socket_endpoint(connection_id))


def test_removing_a_missing_subscription_is_not_an_error(store: Store) -> None:
    store.remove(delivery_topic(unique("D")), socket_endpoint(unique("conn=")), until_ms=NOW_MS)
    store.end(subscription(unique("D"), unique("conn=")))

    assert store.remove_endpoint(socket_endpoint(unique("conn="))) == 0


def test_removing_a_connection_removes_all_its_subscriptions(store: Store) -> None:
    gone, stays = unique("conn="), unique("conn=")
    followed = [unique("D") for _ in range(30)]  # more than one batch of deletions
    for delivery_id in followed:
        store.add(subscription(delivery_id, gone))
    store.add(subscription(followed[0], stays))

    assert store.count_deliveries(socket_endpoint(gone)) == 30
    assert store.remove_endpoint(socket_endpoint(gone)) == 30
    assert store.count_deliveries(socket_endpoint(gone)) == 0
    assert store.of_topic(delivery_topic(followed[0])) == [subscription(followed[0], stays)]
    assert store.of_topic(delivery_topic(followed[1])) == []


def test_every_subscription_is_in_exactly_one_bucket(store: Store) -> None:
    connection_id = unique("conn=")
    added = [subscription(unique("D"), connection_id) for _ in range(20)]
    for one in added:
        store.add(one)

    found = {bucket: list(store.of_bucket(bucket)) for bucket in range(BUCKETS)}
    for one in added:
        assert found[delivery_bucket(one.delivery_id)].count(one) == 1
        assert sum(bucket.count(one) for bucket in found.values()) == 1


def test_a_subscription_to_the_fleet_is_in_no_bucket(store: Store) -> None:
    endpoint = socket_endpoint(unique("conn="))
    one = msgspec.structs.replace(subscription("", ""), topic=FLEET, endpoint=endpoint)
    store.add(one)

    assert one in store.of_topic(FLEET)
    assert store.count_deliveries(endpoint) == 0
    assert not any(one in store.of_bucket(bucket) for bucket in range(BUCKETS))
    assert store.remove_endpoint(endpoint) == 1
    assert one not in store.of_topic(FLEET)


def test_a_bucket_yields_the_subscriptions_of_a_delivery_consecutively(store: Store) -> None:
    popular, connections = unique("D"), [unique("conn=") for _ in range(3)]
    for connection_id in connections:
        store.add(subscription(popular, connection_id))
        store.add(subscription(unique("D"), connection_id))
    bucket = [one.delivery_id for one in store.of_bucket(delivery_bucket(popular))]

    first = bucket.index(popular)
    assert bucket[first : first + 3] == [popular] * 3
    assert bucket.count(popular) == 3
