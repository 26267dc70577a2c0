"""What an emulator without lag and without throttling can't show."""

from __future__ import annotations

import io
import json

import pytest

from rtdts.delivery_store.items import to_attribute
from rtdts.delivery_store.matches import MAX_OPEN_DELIVERIES, MatchStore, encode_match, match_of
from rtdts.delivery_store.subscriptions import RETENTION_MS, Subscription, SubscriptionStore
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Place
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from rtdts.tracking.truck_stops import TruckStops
from tests.fakes.fake_delivery_tables import TABLES
from tests.fakes.scripted_client import ScriptedClient
from tests.support.deliveries import NOW_MS, new_delivery

DYNAMODB_ITEM_BYTES = 400 * 1024


def test_the_matches_of_a_truck_are_read_consistently() -> None:
    client = ScriptedClient({})

    assert MatchStore(client, TABLES).open_matches("T-1") == ()
    assert client.calls[0][1]["ConsistentRead"] is True


def matches_item(truck_id: str, **matches: object) -> dict[str, object]:
    return {"truck_id": {"S": truck_id}, "matches": {"M": matches}}


@pytest.mark.parametrize(
    "broken",
    [{"S": "no match"}, {"S": "{}"}, {"M": {"delivery_id": {"S": "D-2"}}}, {"B": b"x"}, {"N": "?"}],
    ids=str,
)
def test_a_match_that_cannot_be_read_affects_only_its_own_delivery(broken: object) -> None:
    delivery = new_delivery(delivery_id="D-1")
    match, good = match_of(delivery), to_attribute(encode_match(delivery))
    items = [matches_item("T-1", **{"D-1": good, "D-2": broken}), matches_item("T-2")]
    client = ScriptedClient({"Responses": {"truck-matches": items}}, {"Item": items[0]})
    output = io.StringIO()
    store = MatchStore(client, TABLES, log=Logger("delivery_store", output))

    found = store.open_matches_many(["T-1", "T-2", "T-3"])

    assert found == {"T-1": (match,), "T-2": (), "T-3": ()}
    assert store.open_matches("T-1") == (match,)
    reported = json.loads(output.getvalue().splitlines()[0])
    assert (reported["level"], reported["truck_id"], reported["delivery_id"]) == (
        "error",
        "T-1",
        "D-2",
    )


def test_a_truck_with_malformed_matches_affects_no_other_truck() -> None:
    delivery = new_delivery(delivery_id="D-1")
    match, good = match_of(delivery), to_attribute(encode_match(delivery))
    items = [
        {"truck_id": {"S": "T-1"}, "matches": {"S": "?"}},
        {"truck_id": {"S": "T-2"}},
        matches_item("T-3", **{"D-1": good}),
    ]
    output = io.StringIO()
    store = MatchStore(
        ScriptedClient({"Responses": {"truck-matches": items}}),
        TABLES,
        log=Logger("delivery_store", output),
    )

    found = store.open_matches_many(["T-1", "T-2", "T-3"])

    assert found == {"T-1": (), "T-2": (), "T-3": (match,)}
    assert [json.loads(line)["truck_id"] for line in output.getvalue().splitlines()] == ["T-1"]


def test_the_matches_of_a_full_truck_stay_far_below_the_size_limit_of_an_item() -> None:
    delivery = new_delivery(
        delivery_id="D" * 64,
        version=10**6,
        origin=Place(lat=-35.12345678901234, lon=-129.12345678901234, radius_m=12345.6789),
        stop_sequence=99_999,
    )
    bytes_per_match = 64 + len(encode_match(delivery))

    assert MAX_OPEN_DELIVERIES * bytes_per_match < DYNAMODB_ITEM_BYTES / 2


def test_throttled_deletions_are_repeated_one_by_one() -> None:
    left = {"topic": {"S": "delivery:D-2"}, "endpoint": {"S": "socket:c="}}
    client = ScriptedClient(
        {"Items": [left, {**left, "topic": {"S": "delivery:D-1"}}]},
        {"UnprocessedItems": {"subscriptions": [{"DeleteRequest": {"Key": left}}]}},
        {},
    )
    removed = SubscriptionStore(client, TABLES).remove_endpoint(socket_endpoint("c="))

    assert removed == 2
    assert client.calls[-1] == ("delete_item", {"TableName": "subscriptions", "Key": left})


def test_a_subscription_expires_after_its_connection_must_have_ended() -> None:
    client = ScriptedClient({})
    SubscriptionStore(client, TABLES).add(
        Subscription(
            topic=delivery_topic("D-1"),
            endpoint=socket_endpoint("c="),
            role="customer",
            identity="C-1",
            token_expires_at_ms=NOW_MS + 1,
            subscribed_at_ms=NOW_MS,
        )
    )
    item = client.calls[0][1]["Item"]

    assert int(item["expires_at_s"]["N"]) == (NOW_MS + RETENTION_MS) // 1000
    assert RETENTION_MS > 2 * 3600 * 1000


@pytest.mark.parametrize(
    "broken",
    [{"S": "no match"}, {"M": {}}, {"S": "{}"}],
    ids=str,
)
def test_stops_are_incomplete_if_one_of_them_cannot_be_read(broken: object) -> None:
    good = to_attribute(encode_match(new_delivery(delivery_id="D-1")))
    items = [matches_item("T-1", **{"D-1": good, "D-2": broken}), matches_item("T-2")]
    output = io.StringIO()
    store = MatchStore(
        ScriptedClient({"Responses": {"truck-matches": items}}),
        TABLES,
        log=Logger("delivery_store", output),
    )

    found = store.stops_of(["T-1", "T-2"])

    assert found == {"T-1": TruckStops(is_complete=False), "T-2": TruckStops()}
    assert "stops_unreadable" in output.getvalue()
