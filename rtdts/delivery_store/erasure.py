"""Erases a customer: its deliveries with their logs and matches, and its connections.

A delivery first gets a tombstone instead of its row, and is removed from its truck. From then on
nothing is appended to it, and no process with an old copy of it can create it again. Until
everything else is deleted, the tombstone names the customer and the trucks that carried the
delivery, so that an interrupted erasure finds the rest. After that it holds the id alone, for
`TOMBSTONE_RETENTION_DAYS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from rtdts.delivery_store.batches import batch_delete, batch_get, query_all, scan_all
from rtdts.delivery_store.errors import VersionConflict
from rtdts.delivery_store.items import to_attribute
from rtdts.delivery_store.matches import remove_match_write
from rtdts.delivery_store.schema import (
    BY_CUSTOMER,
    ERASED_ATTRIBUTE,
    TTL_ATTRIBUTE,
    TableNames,
)
from rtdts.delivery_store.transactions import Write, write_together
from rtdts.runtime import wall_clock
from rtdts.tracking.deliveries import CLOSED
from rtdts.tracking.topics import delivery_topic

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        PutTypeDef,
        QueryInputTypeDef,
        ScanInputTypeDef,
        UniversalAttributeValueTypeDef,
    )

Key = dict[str, "UniversalAttributeValueTypeDef"]

TOMBSTONE_RETENTION_DAYS = 100
"""Longer than anything that could restore a delivery: its parked events are kept for 90 days."""
_DAY_S = 86_400


class OwnedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a delivery that an erasure needs."""

    delivery_id: str
    is_open: bool
    truck_id: str | None
    """The truck that carries it now, or carried it last."""
    truck_ids: tuple[str, ...]
    """Every truck that carried it."""
    created_at_ms: int = 0
    is_tombstone: bool = False
    """Whether a tombstone stands in place of its row."""


class CustomerErasure:
    """Erases customers.

    Rows are read undecoded: a row that no other reader can decode is erased too.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        tables: TableNames,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._client = client
        self._tables = tables
        self._now_ms = now_ms
        self._sleep = sleep

    def deliveries_of(self, customer_id: str) -> list[OwnedDelivery]:
        """Returns the customer's deliveries, ordered by id.

        They are found by an index: a delivery that was created a second ago may be missing.

        Raises:
            StoreBusy: DynamoDB left keys unread repeatedly.
        """
        query: QueryInputTypeDef = {
            "TableName": self._tables.deliveries,
            "IndexName": BY_CUSTOMER,
            "KeyConditionExpression": "customer_id = :customer",
            "ExpressionAttributeValues": {":customer": {"S": customer_id}},
        }
        keys: list[Key] = [
            {"delivery_id": to_attribute(item["delivery_id"]["S"])}
            for item in query_all(self._client, query)
        ]
        rows = batch_get(self._client, self._tables.deliveries, keys, sleep=self._sleep)
        owned = [_owned(row) for row in rows if row.get("customer_id", {}).get("S") == customer_id]
        return sorted(owned, key=lambda one: one.delivery_id)

    def count_of(self, delivery_id: str) -> dict[str, int]:
        """Returns how many items there are of a delivery, by table; read consistently."""
        response = self._client.get_item(
            TableName=self._tables.deliveries,
            Key={"delivery_id": {"S": delivery_id}},
            ConsistentRead=True,
        )
        return {
            "deliveries": int("Item" in response and not _is_done(response["Item"])),
            "delivery_events": len(self._events_of(delivery_id)),
            "delivery_shares": len(self._shares_of(delivery_id)),
            "subscriptions": len(self._subscriptions_to(delivery_id)),
        }

    def write_tombstone(self, delivery: OwnedDelivery, customer_id: str) -> None:
        """Puts a tombstone in place of a delivery's row, and removes the delivery from its truck.

        Raises:
            VersionConflict: The delivery was reassigned to another customer or truck meanwhile.
            StoreBusy: Contended or throttled for too long; nothing has changed.
        """
        tombstone: dict[str, object] = {
            "delivery_id": delivery.delivery_id,
            ERASED_ATTRIBUTE: self._now_ms(),
            # For the index by which a resumed erasure finds it.
            "customer_id": customer_id,
            "created_at_ms": delivery.created_at_ms,
            "truck_ids": list(delivery.truck_ids),
        }
        condition, values = "customer_id = :customer", {":customer": {"S": customer_id}}
        if delivery.truck_id is None:
            condition += " AND attribute_not_exists(truck_id)"
        else:
            condition += " AND truck_id = :truck"
            values[":truck"] = {"S": delivery.truck_id}
        row: Any = {
            **self._row(tombstone),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        writes = [
            Write(item={"Put": row}, if_condition_failed=VersionConflict(delivery.delivery_id))
        ]
        if delivery.is_open and delivery.truck_id is not None:
            match = remove_match_write(
                self._tables.truck_matches,
                delivery.truck_id,
                delivery.delivery_id,
                at_ms=self._now_ms(),
            )
            writes.append(match)
        write_together(
            self._client,
            writes,
            sleep=self._sleep,
            operation=f"write the tombstone of {delivery.delivery_id}",
        )

    def erase_delivery(self, delivery: OwnedDelivery) -> int:
        """Deletes an erased delivery's shares, log and subscriptions.

        Returns:
            How many items were deleted.

        Raises:
            StoreBusy: Contended or throttled for too long; the remaining items are still found.
        """
        subscriptions = self._subscriptions_to(delivery.delivery_id)
        shares = self._shares_of(delivery.delivery_id)
        events = self._events_of(delivery.delivery_id)
        batch_delete(self._client, self._tables.delivery_shares, shares)
        batch_delete(self._client, self._tables.subscriptions, subscriptions)
        batch_delete(self._client, self._tables.delivery_events, events)
        now_ms = self._now_ms()
        done: dict[str, object] = {
            "delivery_id": delivery.delivery_id,
            ERASED_ATTRIBUTE: now_ms,
            TTL_ATTRIBUTE: now_ms // 1000 + TOMBSTONE_RETENTION_DAYS * _DAY_S,
        }
        write_together(
            self._client,
            [Write(item={"Put": self._row(done)})],
            sleep=self._sleep,
            operation=f"erase {delivery.delivery_id}",
        )
        return len(subscriptions) + len(shares) + len(events) + 1

    def _row(self, values: dict[str, object]) -> PutTypeDef:
        item = {name: to_attribute(value) for name, value in values.items()}
        return {"TableName": self._tables.deliveries, "Item": item}

    def count_sessions(self, customer_id: str) -> dict[str, int]:
        """Returns how many subscriptions and tickets were made with the customer's token."""
        return {
            "own_subscriptions": sum(1 for _ in self._subscriptions_by(customer_id)),
            "socket_tickets": sum(1 for _ in self._tickets_of(customer_id)),
        }

    def erase_sessions(self, customer_id: str) -> int:
        """Deletes the customer's subscriptions and tickets; returns how many."""
        subscriptions = list(self._subscriptions_by(customer_id))
        tickets = list(self._tickets_of(customer_id))
        batch_delete(self._client, self._tables.subscriptions, subscriptions)
        batch_delete(self._client, self._tables.socket_tickets, tickets)
        return len(subscriptions) + len(tickets)

    def _subscriptions_by(self, customer_id: str) -> Iterator[Key]:
        return self._scan_keys(self._tables.subscriptions, ("topic", "endpoint"), customer_id)

    def _tickets_of(self, customer_id: str) -> Iterator[Key]:
        return self._scan_keys(self._tables.socket_tickets, ("ticket_hash",), customer_id)

    def _scan_keys(self, table: str, keys: tuple[str, ...], customer_id: str) -> Iterator[Key]:
        # There is no index by customer, because only an erasure needs one. Both tables hold a few
        # hours of items at most.
        scan: ScanInputTypeDef = {
            "TableName": table,
            "FilterExpression": "#identity = :customer AND #role = :role",
            "ExpressionAttributeNames": {"#identity": "identity", "#role": "role"},
            "ExpressionAttributeValues": {
                ":customer": {"S": customer_id},
                ":role": {"S": "customer"},
            },
            "ConsistentRead": True,
        }
        return (_key(item, keys) for item in scan_all(self._client, scan))

    def _events_of(self, delivery_id: str) -> list[Key]:
        return self._keys_of(self._tables.delivery_events, ("delivery_id", "version"), delivery_id)

    def _shares_of(self, delivery_id: str) -> list[Key]:
        keys = ("delivery_id", "share_id")
        return self._keys_of(self._tables.delivery_shares, keys, delivery_id)

    def _subscriptions_to(self, delivery_id: str) -> list[Key]:
        return self._keys_of(
            self._tables.subscriptions, ("topic", "endpoint"), delivery_topic(delivery_id)
        )

    def _keys_of(self, table: str, keys: tuple[str, str], hash_value: str) -> list[Key]:
        query: QueryInputTypeDef = {
            "TableName": table,
            "KeyConditionExpression": f"{keys[0]} = :value",
            "ExpressionAttributeValues": {":value": {"S": hash_value}},
            "ConsistentRead": True,
        }
        return [_key(item, keys) for item in query_all(self._client, query)]


def _key(item: dict[str, Any], names: tuple[str, ...]) -> Key:
    return {name: item[name] for name in names}


def _is_done(row: Mapping[str, AttributeValueTypeDef]) -> bool:
    """Returns whether a row is a tombstone that holds only the id."""
    return ERASED_ATTRIBUTE in row and "customer_id" not in row


def _owned(row: dict[str, AttributeValueTypeDef]) -> OwnedDelivery:
    is_tombstone = ERASED_ATTRIBUTE in row
    assignments = row.get("assignments", {}).get("L", [])
    trucks = [one.get("M", {}).get("truck_id", {}).get("S") for one in assignments]
    trucks += [one.get("S") for one in row.get("truck_ids", {}).get("L", [])]
    truck_id = row.get("truck_id", {}).get("S")
    closed = {status.value for status in CLOSED}
    return OwnedDelivery(
        delivery_id=row["delivery_id"]["S"],
        is_open=not is_tombstone and row.get("status", {}).get("S") not in closed,
        truck_id=truck_id,
        truck_ids=tuple(sorted({one for one in (*trucks, truck_id) if one})),
        created_at_ms=int(row["created_at_ms"]["N"]),
        is_tombstone=is_tombstone,
    )
