"""Deliveries, their logs and the trucks' matches in memory, under the real store's conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rtdts.delivery_store.appends import Part, parts
from rtdts.delivery_store.deliveries import (
    CLOSED_KEPT_DAYS,
    LOG_OUTLIVES_ROW_DAYS,
    DeliveryPage,
    FoundDeliveries,
    ListPosition,
)
from rtdts.delivery_store.errors import DeliveryStoreError, TruckFull, VersionConflict
from rtdts.delivery_store.matches import MAX_OPEN_DELIVERIES, match_of
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, OpenMatch, Status
from tests.fakes.scripted_client import client_error

MAX_ACTIONS = 100
"""TransactWriteItems takes so many items."""


class FakeDeliveryStore:
    """Stands for `DeliveryStore`.

    Attributes:
        appended: The delivery ids of successful appends, in order.
        transactions: How many writes each transaction had.
        troubles: Raised by the next appends, one each; None lets one pass.
        refusals: Raised by each append to these deliveries.
        before_append: Run once before the next append: somebody else's chance to write first.
        between: Run once between the next two transactions of one append.
        matches: What a `FakeMatchStore` reads, by truck and delivery.
        unreadable: Ids whose rows can't be read.
    """

    def __init__(self, *, max_open_deliveries: int = MAX_OPEN_DELIVERIES) -> None:
        self.appended: list[str] = []
        self.transactions: list[int] = []
        self.troubles: list[DeliveryStoreError | None] = []
        self.refusals: dict[str, Exception] = {}
        self.before_append: list[Callable[[], None]] = []
        self.between: list[Callable[[], None]] = []
        self.matches: dict[str, dict[str, OpenMatch]] = {}
        self.unreadable: set[str] = set()
        self._max_open_deliveries = max_open_deliveries
        self._rows: dict[str, Delivery] = {}
        self._logs: dict[str, list[DeliveryEvent]] = {}
        self._log_expiries_s: dict[str, list[int | None]] = {}

    def get(self, delivery_id: str) -> Delivery | None:
        return self._rows.get(delivery_id)

    def get_many(self, delivery_ids: Iterable[str]) -> FoundDeliveries:
        asked = set(delivery_ids)
        return FoundDeliveries(
            {one: self._rows[one] for one in asked & self._rows.keys() - self.unreadable},
            frozenset(asked & self.unreadable),
        )

    def events(self, delivery_id: str, after_version: int = 0) -> list[DeliveryEvent]:
        log = self._logs.get(delivery_id, [])
        return [event for event in log if event.version > after_version]

    def log_expiries_s(self, delivery_id: str) -> list[int | None]:
        """When each event of the log expires, in order; epoch seconds."""
        return list(self._log_expiries_s[delivery_id])

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
        if after.delivery_id in self.refusals:
            raise self.refusals[after.delivery_id]
        first = before.version + 1 if before is not None else 1
        if not events or [e.version for e in events] != [*range(first, after.version + 1)]:
            raise ValueError("events do not lead from before to after")
        for number, part in enumerate(parts(before, after, events)):
            while number and self.between:
                self.between.pop(0)()
            self._append_part(part, plan_of=before, matches=matches and part.is_last)
        self.appended.append(after.delivery_id)

    def _append_part(self, part: Part, *, plan_of: Delivery | None, matches: bool) -> None:
        before, after, events, _ = part
        actions = 1 + len(events) + (2 if matches else 0)
        if actions > MAX_ACTIONS:
            raise client_error("ValidationException")
        row = self._rows.get(after.delivery_id)
        now_at = None if row is None else (row.version, row.truck_id)
        if now_at != (None if before is None else (before.version, before.truck_id)):
            raise VersionConflict(after.delivery_id)
        if matches:
            self._match(plan_of, after)
        self.transactions.append(actions)
        self._rows[after.delivery_id] = after
        self._logs.setdefault(after.delivery_id, []).extend(events)
        self._let_expire(before, after, events)

    def list_page(
        self,
        *,
        customer_id: str | None = None,
        truck_id: str | None = None,
        status: Status | None = None,
        after: ListPosition | None = None,
        limit: int = 50,
    ) -> DeliveryPage:
        if (customer_id is None) == (truck_id is None):
            raise ValueError("list by customer_id or by truck_id")
        listed = [
            row
            for row in sorted(self._rows.values(), key=_newest_last, reverse=True)
            if customer_id in (None, row.customer_id)
            and truck_id in (None, row.truck_id)
            and status in (None, row.status)
            and (after is None or _newest_last(row) < (after.created_at_ms, after.delivery_id))
        ]
        page = listed[:limit]
        is_last = len(listed) <= limit
        last = None if is_last else _newest_last(page[-1])
        return DeliveryPage(
            deliveries=tuple(page),
            next=last and ListPosition(created_at_ms=last[0], delivery_id=last[1]),
        )

    def _let_expire(
        self, before: Delivery | None, after: Delivery, events: Sequence[DeliveryEvent]
    ) -> None:
        expires_at_s = None
        if after.closed_at_ms is not None:
            kept_s = (CLOSED_KEPT_DAYS + LOG_OUTLIVES_ROW_DAYS) * 86_400
            expires_at_s = events[-1].recorded_at_ms // 1000 + kept_s
        expiries_s = self._log_expiries_s.setdefault(after.delivery_id, [])
        if before is not None and before.closed_at_ms is None:
            expiries_s[:] = [expires_at_s] * len(expiries_s)
        expiries_s += [expires_at_s] * len(events)

    def _match(self, before: Delivery | None, after: Delivery) -> None:
        new = self.matches.setdefault(after.truck_id, {})
        is_new = after.is_open and after.delivery_id not in new
        if is_new and len(new) >= self._max_open_deliveries:
            raise TruckFull(after.truck_id, self._max_open_deliveries)
        if before is not None:
            self.matches.get(before.truck_id, {}).pop(after.delivery_id, None)
        if after.is_open:
            new[after.delivery_id] = match_of(after)


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


def _newest_last(row: Delivery) -> tuple[int, str]:
    return row.created_at_ms, row.delivery_id
