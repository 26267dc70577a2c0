"""Deliveries, their logs and the trucks' matches in memory, written by the real store's code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rtdts.delivery_store.appends import Change
from rtdts.delivery_store.deliveries import (
    DeliveryPage,
    DeliveryStore,
    FoundDeliveries,
    ListPosition,
)
from rtdts.delivery_store.errors import DeliveryStoreError
from rtdts.delivery_store.items import to_attribute
from rtdts.delivery_store.matches import MAX_OPEN_DELIVERIES
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, OpenMatch, Status
from rtdts.tracking.truck_stops import TruckStops
from tests.fakes.aws_limits import breach
from tests.fakes.fake_delivery_tables import TABLES, FakeDeliveryTables
from tests.fakes.scripted_client import client_error


class FakeDeliveryStore:
    """Stands for `DeliveryStore`; appends with its code to tables in memory.

    Attributes:
        appended: The delivery ids of successful appends, in order.
        transactions: How many writes each transaction had.
        troubles: Errors raised by the next appends, one each; None lets one succeed.
        refusals: Errors raised by each append, by delivery id.
        before_append: Called once before the next append, to let another writer write first.
        between: Called once between the next two transactions of one append.
        matches: What a `FakeMatchStore` reads, by truck and delivery.
        unreadable: Ids of deliveries whose rows can't be read.
        get_trouble: An error that every `get` raises while it is set.
        unreadable_logs: Errors that `events` raises, by delivery id.
    """

    def __init__(self, *, max_open_deliveries: int = MAX_OPEN_DELIVERIES) -> None:
        self.appended: list[str] = []
        self.troubles: list[DeliveryStoreError | None] = []
        self.rejections: dict[str, Exception] = {}
        self.before_append: list[Callable[[], object]] = []
        self.between: list[Callable[[], None]] = []
        self.unreadable: set[str] = set()
        self.get_trouble: Exception | None = None
        self.unreadable_logs: dict[str, Exception] = {}
        self._tables = FakeDeliveryTables()
        client: Any = self._tables
        self._store = DeliveryStore(
            client, TABLES, max_open_deliveries=max_open_deliveries, sleep=lambda _: None
        )
        self._rows, self._logs = self._tables.rows, self._tables.logs

    @property
    def transactions(self) -> list[int]:
        return self._tables.transactions

    @property
    def matches(self) -> dict[str, dict[str, OpenMatch]]:
        return self._tables.matches

    def stops_of(self, truck_id: str) -> TruckStops:
        return TruckStops(
            stops=tuple(self._tables.stops.get(truck_id, {}).values()),
            changed_at_ms=self._tables.changed_at_ms.get(truck_id, 0),
        )

    def get(self, delivery_id: str) -> Delivery | None:
        if self.get_trouble is not None:
            raise self.get_trouble
        return self._rows.get(delivery_id)

    def erase(self, delivery_id: str) -> None:
        """Removes a delivery from all tables except for a tombstone, as an erasure does."""
        self._tables.erased.add(delivery_id)
        self._rows.pop(delivery_id, None)
        self._logs.pop(delivery_id, None)
        for of_truck in self._tables.matches.values():
            of_truck.pop(delivery_id, None)
        for stops in self._tables.stops.values():
            stops.pop(delivery_id, None)

    def get_many(self, delivery_ids: Iterable[str]) -> FoundDeliveries:
        requested = set(delivery_ids)
        return FoundDeliveries(
            {one: self._rows[one] for one in requested & self._rows.keys() - self.unreadable},
            frozenset(requested & self.unreadable),
        )

    def events(self, delivery_id: str, after_version: int = 0) -> list[DeliveryEvent]:
        if delivery_id in self.unreadable_logs:
            raise self.unreadable_logs[delivery_id]
        values = {":after": to_attribute(after_version)}
        if code := breach("query", {"ExpressionAttributeValues": values}):
            raise client_error(code)
        log = self._logs.get(delivery_id, [])
        return [event for event in log if event.version > after_version]

    def log_expiries_s(self, delivery_id: str) -> list[int | None]:
        """Returns when each event of the log expires, in order, in epoch seconds."""
        return list(self._tables.expiries_s[delivery_id])

    def append(
        self,
        before: Delivery | None,
        after: Delivery,
        events: Sequence[DeliveryEvent],
        *,
        matches: bool,
    ) -> None:
        while self.before_append:
            self.before_append.pop(0)()
        if self.troubles and (trouble := self.troubles.pop(0)) is not None:
            raise trouble
        if after.delivery_id in self.rejections:
            raise self.rejections[after.delivery_id]
        self._tables.before_transaction = self._before_transaction(len(self.transactions))
        self._store.append(before, after, events, matches=matches)
        self.appended.append(after.delivery_id)

    def append_together(self, changes: Sequence[Change]) -> None:
        while self.before_append:
            self.before_append.pop(0)()
        if self.troubles and (trouble := self.troubles.pop(0)) is not None:
            raise trouble
        for change in changes:
            if change.after.delivery_id in self.rejections:
                raise self.rejections[change.after.delivery_id]
        self._tables.before_transaction = lambda: None
        self._store.append_together(changes)
        self.appended += (change.after.delivery_id for change in changes)

    def _before_transaction(self, done_before: int) -> Callable[[], None]:
        def run() -> None:
            while len(self.transactions) > done_before and self.between:
                self.between.pop(0)()

        return run

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
        if (customer_id is None) == (truck_id is None):
            raise ValueError("list by customer_id or by truck_id")
        listed = [
            row
            for row in sorted(self._rows.values(), key=_newest_last, reverse=True)
            if customer_id in (None, row.customer_id)
            and truck_id in (None, row.truck_id)
            and status in (None, row.status)
            and (closed_since_ms is None or (row.closed_at_ms or 1 << 60) > closed_since_ms)
            and (after is None or _newest_last(row) < (after.created_at_ms, after.delivery_id))
        ]
        page = listed[:limit]
        is_last = len(listed) <= limit
        last = None if is_last else _newest_last(page[-1])
        return DeliveryPage(
            deliveries=tuple(page),
            next=last and ListPosition(created_at_ms=last[0], delivery_id=last[1]),
        )


class FakeMatchStore:
    """Stands for `MatchStore`, over the data of a `FakeDeliveryStore`.

    Attributes:
        reads: The truck ids read, in order.
    """

    def __init__(self, store: FakeDeliveryStore) -> None:
        self.reads: list[str] = []
        self._store = store

    def open_matches(self, truck_id: str) -> tuple[OpenMatch, ...]:
        self.reads.append(truck_id)
        matches = self._store.matches.get(truck_id, {})
        return tuple(matches[delivery_id] for delivery_id in sorted(matches))

    def open_matches_many(self, truck_ids: Iterable[str]) -> dict[str, tuple[OpenMatch, ...]]:
        return {truck_id: self.open_matches(truck_id) for truck_id in truck_ids}

    def stops_of(self, truck_ids: Iterable[str]) -> dict[str, TruckStops]:
        return {truck_id: self._store.stops_of(truck_id) for truck_id in truck_ids}


def _newest_last(row: Delivery) -> tuple[int, str]:
    return row.created_at_ms, row.delivery_id
