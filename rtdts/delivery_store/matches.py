"""``truck-matches``: which open deliveries a truck carries, one item per truck.

One consistent read by the truck's id returns all that the consumer needs. A query on an index for
each truck of each batch would be the bottleneck, and out of date as well.

The item holds a map from delivery id to match. It is written only inside the transaction that
writes the delivery (see `rtdts.delivery_store.deliveries`), so the two never disagree. A match is a
JSON string and not a map: no condition looks into it, and botocore takes several times as long for
a map of a dozen attributes.
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
from rtdts.tracking.current_delivery import promise_of
from rtdts.tracking.deliveries import Delivery, OpenMatch
from rtdts.tracking.truck_stops import Stop, TruckStops, stop_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

MAX_OPEN_DELIVERIES = 200
"""Open deliveries of one truck. A match takes up to 0.5 KB, so the item stays below 100 KB, far
from DynamoDB's 400 KB, and a read of it costs at most 25 units. A parcel van's longest tours have
some 150 stops."""


_CHANGED_AT = "changed_at_ms"
"""Attribute: when a delivery was last removed from the truck, or its stops were reordered."""


class MatchStore:
    """Reads which deliveries the trucks carry.

    A match that can't be read affects its own delivery only. It is reported as an error and left
    out, so that no other delivery or truck has to wait until it is repaired.

    Args:
        log: Where an unreadable match is reported.

    Reading raises `StoreBusy` when DynamoDB left keys unread repeatedly.
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
        """Returns the truck's open deliveries, read consistently, ordered by delivery id."""
        response = self._client.get_item(
            TableName=self._table, Key={"truck_id": {"S": truck_id}}, ConsistentRead=True
        )
        return self._in_order(truck_id, response["Item"]) if "Item" in response else ()

    def open_matches_many(self, truck_ids: Iterable[str]) -> dict[str, tuple[OpenMatch, ...]]:
        """Returns the open deliveries of many trucks; an empty tuple for a truck without any."""
        found: dict[str, tuple[OpenMatch, ...]] = dict.fromkeys(truck_ids, ())
        keys = [{"truck_id": to_attribute(truck_id)} for truck_id in found]
        for item in batch_get(self._client, self._table, keys, sleep=self._sleep):
            truck_id = item["truck_id"]["S"]
            found[truck_id] = self._in_order(truck_id, item)
        return found

    def stops_of(self, truck_ids: Iterable[str]) -> dict[str, TruckStops]:
        """Returns the stops ahead of each of the trucks, read consistently.

        With an unreadable match the first stop is unknown: the truck's stops are marked incomplete.
        """
        found = dict.fromkeys(truck_ids, TruckStops())
        keys = [{"truck_id": to_attribute(truck_id)} for truck_id in found]
        for item in batch_get(self._client, self._table, keys, sleep=self._sleep):
            truck_id = item["truck_id"]["S"]
            try:
                found[truck_id] = _stops_in(item)
            except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
                self._log.exception("stops_unreadable", error, truck_id=truck_id)
                found[truck_id] = TruckStops(is_complete=False)
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


def _stops_in(item: Mapping[str, AttributeValueTypeDef]) -> TruckStops:
    matches = item["matches"]["M"] if "matches" in item else {}
    changed_at_ms = int(item[_CHANGED_AT]["N"]) if _CHANGED_AT in item else 0
    return TruckStops(
        stops=tuple(_decode_stop(match["S"]) for match in matches.values()),
        changed_at_ms=changed_at_ms,
    )


def match_of(delivery: Delivery) -> OpenMatch:
    """Returns what the consumer needs of an open delivery, as of the delivery's version."""
    promise = promise_of(delivery)
    return OpenMatch(
        delivery_id=delivery.delivery_id,
        assignment=delivery.assignment,
        assigned_at_ms=delivery.current.started_at_ms,
        version=delivery.version,
        origin=delivery.origin,
        destination=delivery.destination,
        window_end_ms=promise.window_end_ms,
        stop_sequence=promise.stop_sequence,
        due_ms=promise.due_ms,
    )


def encode_match(delivery: Delivery) -> str:
    """Encodes a match as stored: for the consumer, and with its place among the truck's stops."""
    match, stop = map(msgspec.to_builtins, (match_of(delivery), stop_of(delivery)))
    return msgspec.json.encode({**match, **stop}).decode()


_decode = msgspec.json.Decoder(OpenMatch).decode
_decode_stop = msgspec.json.Decoder(Stop).decode


def prepare_truck(client: DynamoDBClient, table: str, truck_id: str) -> None:
    """Ensures that the truck's item has a map: a path into a missing map can't be written."""
    client.update_item(
        TableName=table,
        Key={"truck_id": {"S": truck_id}},
        UpdateExpression="SET matches = if_not_exists(matches, :empty)",
        ExpressionAttributeValues={":empty": {"M": {}}},
    )


def put_match_write(
    table: str, delivery: Delivery, *, reordered_at_ms: int | None, limit: int
) -> Write:
    """Adds or replaces a delivery's match on its truck, unless that would exceed `limit`.

    Args:
        table: The table.
        delivery: The delivery after the change.
        reordered_at_ms: When this changed the order of the truck's stops; None if it did not.
        limit: Open deliveries that the truck may have.
    """
    truck_id = delivery.truck_id
    changes, values = "SET matches.#delivery = :match", {}
    if reordered_at_ms is not None:
        changes, values = f"{changes}, {_CHANGED_AT} = :at", {":at": {"N": str(reordered_at_ms)}}
    return Write(
        item={
            "Update": {
                "TableName": table,
                "Key": {"truck_id": {"S": truck_id}},
                "UpdateExpression": changes,
                "ConditionExpression": (
                    "attribute_exists(matches.#delivery) OR size(matches) < :limit"
                ),
                "ExpressionAttributeNames": {"#delivery": delivery.delivery_id},
                "ExpressionAttributeValues": {
                    ":match": to_attribute(encode_match(delivery)),
                    ":limit": {"N": str(limit)},
                    **values,
                },
            }
        },
        if_condition_failed=TruckFull(truck_id, limit),
    )


def remove_match_write(table: str, truck_id: str, delivery_id: str, *, at_ms: int) -> Write:
    """Removes a delivery from a truck; if the truck does not have it, that counts as done.

    Args:
        table: The table.
        truck_id: The truck that had it.
        delivery_id: The delivery.
        at_ms: The time. What the truck did before may have been for this delivery.
    """
    return Write(
        item={
            "Update": {
                "TableName": table,
                "Key": {"truck_id": {"S": truck_id}},
                "UpdateExpression": f"SET {_CHANGED_AT} = :at REMOVE matches.#delivery",
                "ExpressionAttributeNames": {"#delivery": delivery_id},
                "ExpressionAttributeValues": {":at": {"N": str(at_ms)}},
            }
        }
    )
