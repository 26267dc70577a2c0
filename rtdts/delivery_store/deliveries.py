"""``deliveries`` and ``delivery-events``: the rows, and the log of which each row is the fold.

Guarantees:

1. A row, the events that made it and the matches of its trucks are written in one transaction. If
   there are more events than fit one transaction, each transaction advances the row to its own last
   event. One transaction may hold the changes of several deliveries.
2. Two writers that decided on the same version can't both succeed: the later gets a
   `VersionConflict`.
3. The log only grows, without gaps: an event is never overwritten.
4. A closed delivery expires, with its log; an open one never does. An erased delivery can't be
   created again while its tombstone exists.
5. Every read on which a decision may be based is consistent. Only lists use an index, and every
   delivery that they list is read from the table again.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from rtdts.delivery_store.appends import Change, Part, parts
from rtdts.delivery_store.batches import batch_get, query_all
from rtdts.delivery_store.errors import DeliveryErased, DeliveryStoreError, VersionConflict
from rtdts.delivery_store.event_log import append_write, expiry_write
from rtdts.delivery_store.items import FOREIGN_ITEM_ERRORS, chunks, from_item, to_attribute, to_item
from rtdts.delivery_store.matches import (
    MAX_OPEN_DELIVERIES,
    prepare_truck,
    put_match_write,
    remove_match_write,
)
from rtdts.delivery_store.schema import (
    BY_CUSTOMER,
    BY_TRUCK,
    ERASED_ATTRIBUTE,
    TTL_ATTRIBUTE,
    TableNames,
)
from rtdts.delivery_store.transactions import MAX_WRITES_TOGETHER, Write, write_together
from rtdts.runtime.logs import Logger, get_logger
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, Status
from rtdts.tracking.truck_stops import stop_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        PutTypeDef,
        QueryInputTypeDef,
        UniversalAttributeValueTypeDef,
    )

CLOSED_RETENTION_DAYS = 400
"""A closed delivery can be looked up for a year; the rest is margin."""
LOG_OUTLIVES_ROW_DAYS = 31
"""DynamoDB takes some days to delete what has expired, in any order: no row may outlive its log."""
_DAY_S = 86_400

MAX_INDEX_PAGES = 10
"""Index pages read for one page of a list. If too few of their entries pass the filter, the page is
returned short, with the position of the next one, before the request times out."""

MAX_ENTRIES = 500
"""Entries read per index page when few pass the filter: a truck's open and recently closed
deliveries among all of a year."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListPosition:
    """The last delivery that a page came to; the next page begins after it."""

    created_at_ms: int
    delivery_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeliveryPage:
    """Some deliveries, newest first. `next` is None at the end; a page may be short, even empty,
    without being the last."""  # noqa: D205, D209 - one thought

    deliveries: tuple[Delivery, ...]
    next: ListPosition | None


class FoundDeliveries(NamedTuple):
    """Those of the requested deliveries that exist."""

    by_id: dict[str, Delivery]
    unreadable: frozenset[str]
    """Ids of deliveries that exist, but whose rows can't be read."""


class DeliveryStore:
    """Reads and writes deliveries.

    Args:
        max_open_deliveries: How many open deliveries one truck may have.
        closed_retention_days: How long a delivery is kept after it was closed.
        log: Where an unreadable row is reported.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        tables: TableNames,
        *,
        max_open_deliveries: int = MAX_OPEN_DELIVERIES,
        closed_retention_days: int = CLOSED_RETENTION_DAYS,
        log: Logger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._tables = tables
        self._max_open_deliveries = max_open_deliveries
        self._closed_retention_s = closed_retention_days * _DAY_S
        self._log = log or get_logger("delivery_store")
        self._sleep = sleep

    def get(self, delivery_id: str) -> Delivery | None:
        """Returns the delivery as it is now; None when there is none, or it was erased."""
        item = self._item(delivery_id)
        return None if item is None or ERASED_ATTRIBUTE in item else from_item(item, Delivery)

    def _item(self, delivery_id: str) -> dict[str, AttributeValueTypeDef] | None:
        response = self._client.get_item(
            TableName=self._tables.deliveries,
            Key={"delivery_id": {"S": delivery_id}},
            ConsistentRead=True,
        )
        return response.get("Item")

    def get_many(self, delivery_ids: Iterable[str]) -> FoundDeliveries:
        """Returns those of the deliveries that exist, as they are now.

        A delivery whose row can't be read is reported as an error and listed apart: the others must
        not wait until it is repaired, and it must not be taken for one that does not exist.

        Raises:
            StoreBusy: DynamoDB left keys unread repeatedly.
        """
        keys = [{"delivery_id": to_attribute(one)} for one in dict.fromkeys(delivery_ids)]
        rows = batch_get(self._client, self._tables.deliveries, keys, sleep=self._sleep)
        found: dict[str, Delivery] = {}
        unreadable: set[str] = set()
        for row in rows:
            if ERASED_ATTRIBUTE in row:
                continue
            delivery_id = row["delivery_id"]["S"]
            try:
                found[delivery_id] = from_item(row, Delivery)
            except FOREIGN_ITEM_ERRORS as error:
                unreadable.add(delivery_id)
                self._log.exception("delivery_unreadable", error, delivery_id=delivery_id)
        return FoundDeliveries(found, frozenset(unreadable))

    def events(self, delivery_id: str, after_version: int = 0) -> list[DeliveryEvent]:
        """Returns the log's events with versions above `after_version`, in order."""
        query: QueryInputTypeDef = {
            "TableName": self._tables.delivery_events,
            "KeyConditionExpression": "delivery_id = :delivery AND version > :after",
            "ExpressionAttributeValues": {
                ":delivery": {"S": delivery_id},
                ":after": {"N": str(after_version)},
            },
            "ConsistentRead": True,
        }
        return [from_item(item, DeliveryEvent) for item in query_all(self._client, query)]

    def append(
        self,
        before: Delivery | None,
        after: Delivery,
        events: Sequence[DeliveryEvent],
        *,
        matches: bool,
    ) -> None:
        """Appends to a delivery's log, and writes the row that it now folds to.

        Events that do not fit one transaction are written in further transactions, one after
        another (see `rtdts.delivery_store.appends`). After an error the log may hold the first of
        the events: read it again before deciding again.

        The event that closes a delivery adds a write for each earlier event, which sets its expiry.
        For a log of more than some 95 events these writes do not all fit one transaction; the rest
        follow right after it. If the process stops in between, those events never expire: too much
        is kept, and nothing is lost. If the rest are rejected, an error is logged, and the delivery
        is closed all the same.

        Args:
            before: The row on which the change was decided; None for a new delivery.
            after: The row after the append.
            events: The events to append: the versions after `before`'s, up to `after`'s.
            matches: Whether the truck's match changes too, as on creation, a change of the plan or
                a declaration. The consumer's own transitions do not change it.

        Raises:
            VersionConflict: The delivery is no longer as in `before`, or already exists.
            DeliveryErased: A new delivery has the id of one that was erased.
            TruckFull: The truck may not have another open delivery.
            StoreBusy: Contended or throttled for too long; nothing of that transaction was
                written.
            ValueError: The events do not lead from `before` to `after`.
        """
        _check_versions(before, after, events)
        if matches and after.is_open and (before is None or before.truck_id != after.truck_id):
            prepare_truck(self._client, self._tables.truck_matches, after.truck_id)
        for part in parts(before, after, events):
            matching = self._matches(before, after) if matches and part.is_last else []
            try:
                self._append_part(part, matching)
            except VersionConflict:
                if before is None and ERASED_ATTRIBUTE in (self._item(after.delivery_id) or {}):
                    raise DeliveryErased(after.delivery_id) from None
                raise

    def append_together(self, changes: Sequence[Change]) -> None:
        """Appends to the logs of several deliveries in one transaction: to all, or to none.

        A truck may carry hundreds of deliveries, all of which leave a depot at once.

        Args:
            changes: One group of `rtdts.delivery_store.appends.groups`. None of them closes a
                delivery or changes its match.

        Raises:
            VersionConflict: One of the deliveries is no longer as its `before` says.
            StoreBusy: Contended or throttled for too long; nothing was written.
            ValueError: Events that do not lead from a `before` to its `after`, or close a delivery.
        """
        writes: list[Write] = []
        for before, after, events in changes:
            _check_versions(before, after, events)
            if not after.is_open:
                raise ValueError(f"{after.delivery_id} is closed, so its log must expire")
            log_table = self._tables.delivery_events
            writes.append(self._row(before, after))
            writes += (append_write(log_table, event, expires_at_s=None) for event in events)
        write_together(
            self._client,
            writes,
            sleep=self._sleep,
            operation=f"append to {len(changes)} deliveries",
        )

    def _append_part(self, part: Part, matching: Sequence[Write]) -> None:
        before, after, events, _ = part
        log_table = self._tables.delivery_events
        log_expires_at_s = self._log_expires_at_s(after, events)
        writes = [
            self._row(before, after),
            *(append_write(log_table, event, expires_at_s=log_expires_at_s) for event in events),
            *matching,
        ]
        earlier: list[Write] = []
        if before is not None and before.closed_at_ms is None and log_expires_at_s is not None:
            earlier = [
                expiry_write(log_table, after.delivery_id, version, expires_at_s=log_expires_at_s)
                for version in range(1, before.version + 1)
            ]
        free_writes = max(0, MAX_WRITES_TOGETHER - len(writes))
        write_together(
            self._client,
            [*writes, *earlier[:free_writes]],
            sleep=self._sleep,
            operation=f"append to {after.delivery_id}",
        )
        self._expire_remaining(after.delivery_id, earlier[free_writes:])

    def list_page(
        self,
        *,
        customer_id: str | None = None,
        truck_id: str | None = None,
        status: Status | None = None,
        after: ListPosition | None = None,
        limit: int = 50,
        closed_since_ms: int | None = None,
    ) -> DeliveryPage:
        """Returns some of a customer's or a truck's deliveries, newest first.

        A delivery that has just been created or reassigned may be missing for a moment, because
        indexes lag. A delivery that no longer belongs to the customer or truck is never listed.

        Args:
            customer_id: The deliveries' customer; give either this or `truck_id`.
            truck_id: The truck that carries the deliveries now.
            status: Only deliveries of this status.
            after: Where the previous page ended.
            limit: Deliveries per page.
            closed_since_ms: For a truck, only those that are open or were closed later than this.

        Raises:
            ValueError: Both `customer_id` and `truck_id` are given, or neither.
        """
        if (customer_id is None) == (truck_id is None):
            raise ValueError("list by customer_id or by truck_id")
        found: list[Delivery] = []
        position = after
        for _ in range(MAX_INDEX_PAGES):
            positions, more = self._index_page(
                customer_id, truck_id, status, position, limit, closed_since_ms
            )
            rows = self.get_many(entry.delivery_id for entry in positions).by_id
            for entry in positions:
                position = entry
                row = rows.get(entry.delivery_id)
                if (
                    row is not None
                    and _passes_filter(row, customer_id, truck_id, status)
                    and _is_recent(row, closed_since_ms)
                ):
                    found.append(row)
                    if len(found) == limit:
                        at_end = not more and entry == positions[-1]
                        return DeliveryPage(
                            deliveries=tuple(found), next=None if at_end else position
                        )
            if more is None:
                return DeliveryPage(deliveries=tuple(found), next=None)
            position = more
        return DeliveryPage(deliveries=tuple(found), next=position)

    def _index_page(
        self,
        customer_id: str | None,
        truck_id: str | None,
        status: Status | None,
        after: ListPosition | None,
        limit: int,
        closed_since_ms: int | None,
    ) -> tuple[list[ListPosition], ListPosition | None]:
        """Returns entries of an index, and the position to continue after (None at its end)."""
        index, owner_key, owner = (
            (BY_CUSTOMER, "customer_id", customer_id)
            if customer_id is not None
            else (BY_TRUCK, "truck_id", truck_id or "")
        )
        query: QueryInputTypeDef = {
            "TableName": self._tables.deliveries,
            "IndexName": index,
            "KeyConditionExpression": f"{owner_key} = :owner",
            "ScanIndexForward": False,
            "Limit": limit if closed_since_ms is None else MAX_ENTRIES,
        }
        values: dict[str, UniversalAttributeValueTypeDef] = {":owner": {"S": owner}}
        filters = []
        if status is not None:
            filters.append("#status = :status")
            query["ExpressionAttributeNames"] = {"#status": "status"}
            values[":status"] = {"S": status.value}
        if closed_since_ms is not None:
            filters.append("(attribute_not_exists(closed_at_ms) OR closed_at_ms > :since)")
            values[":since"] = {"N": str(closed_since_ms)}
        if filters:
            query["FilterExpression"] = " AND ".join(filters)
        query["ExpressionAttributeValues"] = values
        if after is not None:
            query["ExclusiveStartKey"] = {
                owner_key: {"S": owner},
                "created_at_ms": {"N": str(after.created_at_ms)},
                "delivery_id": {"S": after.delivery_id},
            }
        response = self._client.query(**query)
        last = response.get("LastEvaluatedKey")
        return [_position(item) for item in response["Items"]], _position(last) if last else None

    def _row(self, before: Delivery | None, after: Delivery) -> Write:
        expiry = {}
        if after.end_recorded_at_ms is not None:
            expiry[TTL_ATTRIBUTE] = after.end_recorded_at_ms // 1000 + self._closed_retention_s
        put: PutTypeDef = {
            "TableName": self._tables.deliveries,
            "Item": to_item(after, truck_id=after.truck_id, **expiry),
        }
        if before is None:
            put["ConditionExpression"] = "attribute_not_exists(delivery_id)"
        else:
            put["ConditionExpression"] = "version = :version AND truck_id = :truck"
            put["ExpressionAttributeValues"] = {
                ":version": {"N": str(before.version)},
                ":truck": {"S": before.truck_id},
            }
        return Write(item={"Put": put}, if_condition_failed=VersionConflict(after.delivery_id))

    def _log_expires_at_s(self, after: Delivery, events: Sequence[DeliveryEvent]) -> int | None:
        if after.closed_at_ms is None:
            return None
        # An end may be declared long after it happened: the log is kept from the declaration on.
        retention_s = self._closed_retention_s + LOG_OUTLIVES_ROW_DAYS * _DAY_S
        return events[-1].recorded_at_ms // 1000 + retention_s

    def _expire_remaining(self, delivery_id: str, writes: Sequence[Write]) -> None:
        try:
            for some in chunks(writes, MAX_WRITES_TOGETHER):
                write_together(
                    self._client, some, sleep=self._sleep, operation=f"expire {delivery_id}"
                )
        except (BotoCoreError, ClientError, DeliveryStoreError) as error:
            self._log.exception("log_expires_in_part", error, delivery_id=delivery_id)

    def _matches(self, before: Delivery | None, after: Delivery) -> list[Write]:
        table = self._tables.truck_matches
        was_on = before.truck_id if before is not None and before.is_open else None
        is_on = after.truck_id if after.is_open else None
        writes = []
        if was_on is not None and was_on != is_on:
            writes.append(
                remove_match_write(table, was_on, after.delivery_id, at_ms=after.updated_at_ms)
            )
        if is_on is not None:
            is_reordered = before is not None and stop_of(before) != stop_of(after)
            writes.append(
                put_match_write(
                    table,
                    after,
                    reordered_at_ms=after.updated_at_ms if is_reordered else None,
                    limit=self._max_open_deliveries,
                )
            )
        return writes


def _check_versions(
    before: Delivery | None, after: Delivery, events: Sequence[DeliveryEvent]
) -> None:
    first = before.version + 1 if before is not None else 1
    if not events or [event.version for event in events] != [*range(first, after.version + 1)]:
        raise ValueError(
            f"events {[event.version for event in events]} do not lead to version {after.version}"
        )


def _passes_filter(
    row: Delivery, customer_id: str | None, truck_id: str | None, status: Status | None
) -> bool:
    """Returns whether a row passes the filter: the index may lag, so the row decides."""
    return (
        customer_id in (None, row.customer_id)
        and truck_id in (None, row.truck_id)
        and status in (None, row.status)
    )


def _is_recent(row: Delivery, closed_since_ms: int | None) -> bool:
    return closed_since_ms is None or row.closed_at_ms is None or row.closed_at_ms > closed_since_ms


def _position(key: dict[str, AttributeValueTypeDef]) -> ListPosition:
    return ListPosition(
        created_at_ms=int(key["created_at_ms"]["N"]), delivery_id=key["delivery_id"]["S"]
    )
