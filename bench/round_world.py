"""A round's environment without engines: the real stores, over clients that generate responses.

The clients generate each response on request, in the form in which the SDKs return it. So a world
of 100,000 viewers takes no memory. The stores' work on a response is part of the measurement; the
SDKs' work on the bytes is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from botocore.exceptions import ClientError

from bench.workload import delivery, points
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.items import to_item
from rtdts.delivery_store.matches import MatchStore, encode_match
from rtdts.delivery_store.schema import TableNames
from rtdts.delivery_store.subscriptions import SubscriptionStore
from rtdts.position_store.documents import SHOWN_FIELDS, encode_latest
from rtdts.position_store.reader import PositionReader
from rtdts.tracking.deliveries import Delivery, Status
from rtdts.tracking.delivery_buckets import BUCKETS
from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.topics import delivery_of
from rtdts.tracking.truck_fold import TrackingRules, fold_truck

DELIVERIES_PER_TRUCK = 3
_ID = "D-000000"
PAGE = 1_000
"""Items in a response of DynamoDB: it ends a page at 1 MB."""

TABLES = TableNames(
    deliveries="deliveries",
    delivery_events="events",
    truck_matches="truck-matches",
    subscriptions="subscriptions",
    socket_tickets="",
)


class RoundWorld:
    """Viewers, each with its own delivery.

    Args:
        viewers: How many.
        now_ms: When the round runs.
    """

    def __init__(self, viewers: int, now_ms: int) -> None:
        of = points(0, 30, end_ms=now_ms)
        # Several deliveries for one stop, so that each of them shows its truck.
        row = msgspec.structs.replace(delivery(of, status=Status.IN_TRANSIT), stop_sequence=1)
        latest = fold_truck(of[0].truck_id, None, [of], [], {}, TrackingRules()).latest
        assert latest is not None
        self.reassigned: set[int] = set()
        """Numbers of the viewers whose delivery has another customer now."""
        client = cast("Any", _DynamoDB(viewers, row, now_ms, self.reassigned))
        self.subscriptions = SubscriptionStore(client, TABLES)
        self.deliveries = DeliveryStore(client, TABLES)
        self.matches = MatchStore(client, TABLES)
        self.positions = PositionReader(cast("Any", _OpenSearch(latest)))


class _DynamoDB:
    exceptions = SimpleNamespace(ConditionalCheckFailedException=ClientError)

    def __init__(self, viewers: int, row: Delivery, now_ms: int, reassigned: set[int]) -> None:
        self._reassigned = reassigned
        self._ended: set[int] = set()
        self._viewers = viewers
        self._row: dict[str, Any] = dict(to_item(row))
        self._match = encode_match(msgspec.structs.replace(row, delivery_id=_ID))
        self._assignment = self._row["assignments"]["L"][0]["M"]
        self._expires = {"N": str(now_ms + 3_600_000)}
        self._since = {"N": str(now_ms)}

    def query(self, **request: Any) -> Mapping[str, Any]:
        """A page of a bucket's subscriptions."""
        bucket = int(request["ExpressionAttributeValues"][":bucket"]["N"])
        start = request.get("ExclusiveStartKey", {"number": bucket})["number"]
        numbers = range(start, self._viewers, BUCKETS)
        there = (number for number in numbers[:PAGE] if number not in self._ended)
        page = {"Items": [self._subscription(number) for number in there]}
        rest = numbers[PAGE:]
        return {**page, "LastEvaluatedKey": {"number": rest.start}} if rest else page

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N803 - the SDK's name
        """Deliveries by their ids, or matches by their trucks."""
        ((table, request),) = RequestItems.items()
        if table == TABLES.truck_matches:
            return {"Responses": {table: [self._matches(key) for key in request["Keys"]]}}
        return {"Responses": {table: [self._delivery(key) for key in request["Keys"]]}}

    def delete_item(self, *, Key: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:  # noqa: N803 - the SDK's name
        """Ends a subscription."""
        self._ended.add(int(delivery_of(Key["topic"]["S"])[2:]))
        return {}

    def _subscription(self, number: int) -> Mapping[str, Any]:
        return {
            "bucket": {"N": str(number % BUCKETS)},
            "topic": {"S": f"delivery:D-{number:06d}"},
            "endpoint": {"S": f"socket:L0SM{number:07d}IhQ="},
            "role": {"S": "customer"},
            "identity": {"S": f"C-{number:06d}"},
            "token_expires_at_ms": self._expires,
            "subscribed_at_ms": self._since,
        }

    def _matches(self, key: Mapping[str, Any]) -> Mapping[str, Any]:
        first = int(key["truck_id"]["S"][2:]) * DELIVERIES_PER_TRUCK
        ids = [f"D-{first + number:06d}" for number in range(DELIVERIES_PER_TRUCK)]
        of_one = self._match.replace
        return {**key, "matches": {"M": {one: {"S": of_one(_ID, one)} for one in ids}}}

    def _delivery(self, key: Mapping[str, Any]) -> Mapping[str, Any]:
        delivery_id = key["delivery_id"]["S"]
        number = int(delivery_id[2:])
        truck = {"S": f"T-{number // DELIVERIES_PER_TRUCK:06d}"}
        return {
            **self._row,
            "delivery_id": key["delivery_id"],
            "customer_id": {"S": f"C-{number:06d}" if number not in self._reassigned else "C-new"},
            "assignments": {"L": [{"M": {**self._assignment, "truck_id": truck}}]},
        }


class _OpenSearch:
    def __init__(self, latest: LatestPosition) -> None:
        document = msgspec.json.decode(encode_latest(latest))
        # Usually the newest point is the shown one, and is stored once.
        shown = document if document.get("is_shown") else document["shown"]
        self._shown = {name: shown[name] for name in SHOWN_FIELDS if name in shown}

    def mget(self, *, body: Mapping[str, Sequence[str]], **_: Any) -> Mapping[str, Any]:
        """Latest positions by trucks' ids."""
        return {
            "docs": [
                {
                    "_id": truck_id,
                    "found": True,
                    "_version": 1,
                    "_source": {"shown": {**self._shown, "truck_id": truck_id}},
                }
                for truck_id in body["ids"]
            ]
        }
