"""``truck-matches``: which open deliveries a truck carries, one item a truck.

One consistent read by the truck's id tells the consumer everything, where a query on an index for
each truck of each batch would be both the bottleneck and out of date.

The item holds a map from delivery id to match. It is written only inside the transaction that
writes the delivery (see `rtdts.delivery_store.deliveries`), so the two never disagree. A match is
one string, JSON, and no map: no condition looks into it, and botocore takes several times as long
for a map of a dozen attributes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from rtdts.delivery_store.batches import batch_get
from rtdts.delivery_store.errors import TruckFull
from rtdts.delivery_store.items import to_attribute
from rtdts.delivery_store.schema import TableNames
from rtdts.delivery_store.transactions import Write
from rtdts.runtime.logs import Logger, get_logger
from rtdts.tracking.deliveries import Delivery, OpenMatch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

MAX_OPEN_DELIVERIES = 200
"""Open deliveries of one truck. A match takes up to 0.4 KB, so the item stays below 80 KB: far from
DynamoDB's 400 KB, and a read of it costs at most 20 units. A parcel van's longest tours have some
150 stops."""


class MatchStore:
    """Reads which deliveries the trucks carry.

    A match that can't be read costs its own delivery only: it is reported as an error and left
    out, so that no other delivery, and no other truck, has to wait until it is mended.

    Args:
        client: A DynamoDB client.
        tables: What the tables are called.
        log: Where a match that can't be read is reported.
        sleep: Waits between attempts.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        tables: TableNames,
        *,
        log: Logger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = tables.truck_matches
        self._log = log or get_logger("delivery_store")
        self._sleep = sleep

    def open_matches(self, truck_id: str) -> tuple[OpenMatch, ...]:
        """The truck's open deliveries, read consistently, ordered by delivery id."""
        answer = self._client.get_item(
            TableName=self._table, Key={"truck_id": {"S": truck_id}}, ConsistentRead=True
        )
        return self._in_order(truck_id, answer["Item"]) if "Item" in answer else ()

    def open_matches_many(self, truck_ids: Iterable[str]) -> dict[str, tuple[OpenMatch, ...]]:
        """The same for many trucks at once; a truck without any has an empty tuple.

        Raises:
            StoreBusy: DynamoDB left keys unread, again and again.
        """
        found: dict[str, tuple[OpenMatch, ...]] = dict.fromkeys(truck_ids, ())
        keys = [{"truck_id": to_attribute(truck_id)} for truck_id in found]
        for item in batch_get(self._client, self._table, keys, sleep=self._sleep):
            truck_id = item["truck_id"]["S"]
            found[truck_id] = self._in_order(truck_id, item)
        return found

    def _in_order(
        self, truck_id: str, item: Mapping[str, AttributeValueTypeDef]
    ) -> tuple[OpenMatch, ...]:
        matches = item.get("matches", {}).get("M")
        if matches is None:
            if "matches" in item:
                self._log.error("matches_unreadable", truck_id=truck_id)
            return ()
        readable = []
        for delivery_id in sorted(matches):
            try:
                match = _decode(matches[delivery_id]["S"])
            except (msgspec.DecodeError, KeyError, TypeError) as error:
                self._log.exception(
                    "match_unreadable", error, truck_id=truck_id, delivery_id=delivery_id
                )
            else:
                readable.append(match)
        return tuple(readable)


def match_of(delivery: Delivery) -> OpenMatch:
    """What the consumer must know of an open delivery, as of the delivery's version."""
    return OpenMatch(
        delivery_id=delivery.delivery_id,
        assignment=delivery.assignment,
        assigned_at_ms=delivery.current.started_at_ms,
        version=delivery.version,
        origin=delivery.origin,
        destination=delivery.destination,
    )


def encode_match(match: OpenMatch) -> str:
    """A match as it is stored."""
    return msgspec.json.encode(match).decode()


_decode = msgspec.json.Decoder(OpenMatch).decode


def prepare_truck(client: DynamoDBClient, table: str, truck_id: str) -> None:
    """Sees to it that the truck's item has a map: a path into a missing one can't be written."""
    client.update_item(
        TableName=table,
        Key={"truck_id": {"S": truck_id}},
        UpdateExpression="SET matches = if_not_exists(matches, :empty)",
        ExpressionAttributeValues={":empty": {"M": {}}},
    )


def putting(table: str, truck_id: str, match: OpenMatch, *, limit: int) -> Write:
    """Adds or replaces a match of a truck, unless that is one more than `limit`."""
    return Write(
        item={
            "Update": {
                "TableName": table,
                "Key": {"truck_id": {"S": truck_id}},
                "UpdateExpression": "SET matches.#delivery = :match",
                "ConditionExpression": (
                    "attribute_exists(matches.#delivery) OR size(matches) < :limit"
                ),
                "ExpressionAttributeNames": {"#delivery": match.delivery_id},
                "ExpressionAttributeValues": {
                    ":match": to_attribute(encode_match(match)),
                    ":limit": {"N": str(limit)},
                },
            }
        },
        if_refused=TruckFull(truck_id, limit),
    )


def removing(table: str, truck_id: str, delivery_id: str) -> Write:
    """Takes a delivery from a truck; not having it is as good."""
    return Write(
        item={
            "Update": {
                "TableName": table,
                "Key": {"truck_id": {"S": truck_id}},
                "UpdateExpression": "REMOVE matches.#delivery",
                "ExpressionAttributeNames": {"#delivery": delivery_id},
            }
        }
    )
