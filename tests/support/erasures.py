"""Stores in memory from which operators erase trucks and customers."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence

import msgspec

from operations.erase_customer import CustomerStores
from rtdts.delivery_store.erasure import OwnedDelivery
from rtdts.delivery_store.errors import VersionConflict
from rtdts.tracking.deliveries import OpenMatch, Place
from rtdts.tracking.instants import format_instant

NOW_MS = 1_800_000_000_000
PLACE = Place(lat=1.0, lon=2.0)


class FakeTruckSearch:
    """Documents of trucks by index.

    Attributes:
        documents: The number of documents, by index and truck.
        reappearing: After how many erasures one more document appears.
        last_received_ms: When a point of the truck was last received.
        erased_before_ms: The times passed to `erase`, by truck.
    """

    def __init__(self, *truck_ids: str) -> None:
        self.documents = {
            (index, truck_id): count
            for truck_id in truck_ids
            for index, count in (("truck-raw-*", 4), ("truck-positions-*", 3), ("truck-state", 1))
        }
        self.reappearing = 0
        self.last_received_ms: int | None = None
        self.erased_before_ms: dict[str, list[int]] = {}

    def count(self, truck_id: str) -> dict[str, int]:
        return {index: n for (index, truck), n in self.documents.items() if truck == truck_id}

    def last_received_at(self, truck_id: str) -> str | None:
        return None if self.last_received_ms is None else format_instant(self.last_received_ms)

    def erase(self, truck_id: str, *, now_ms: int) -> Iterator[tuple[str, int]]:
        self.erased_before_ms.setdefault(truck_id, []).append(now_ms)
        for index, count in self.count(truck_id).items():
            if count:
                self.documents[index, truck_id] = 0
                yield index, count
        if self.reappearing:
            self.reappearing -= 1
            self.documents["truck-raw-*", truck_id] = 1


@dataclasses.dataclass
class FakeMatches:
    carried: Sequence[str] = ()

    def open_matches(self, truck_id: str) -> tuple[OpenMatch, ...]:
        return tuple(
            OpenMatch(
                delivery_id=one,
                assignment=1,
                assigned_at_ms=0,
                version=1,
                origin=PLACE,
                destination=PLACE,
            )
            for one in self.carried
        )


class FakeCustomers:
    """Deliveries of customers, as `CustomerErasure` returns them."""

    def __init__(self, *owned: tuple[str, OwnedDelivery]) -> None:
        self.rows = {one.delivery_id: (customer_id, one) for customer_id, one in owned}
        self.events = {one.delivery_id: 3 for _, one in owned}
        self.sessions: dict[str, int] = {}
        self.reassigned: set[str] = set()

    def deliveries_of(self, customer_id: str) -> list[OwnedDelivery]:
        return [one for customer, one in self.rows.values() if customer == customer_id]

    def count_of(self, delivery_id: str) -> dict[str, int]:
        return {
            "deliveries": int(delivery_id in self.rows),
            "delivery_events": self.events.get(delivery_id, 0),
        }

    def write_tombstone(self, delivery: OwnedDelivery, customer_id: str) -> None:
        if delivery.delivery_id in self.reassigned:
            raise VersionConflict(delivery.delivery_id)
        tombstone = msgspec.structs.replace(delivery, is_tombstone=True, is_open=False)
        self.rows[delivery.delivery_id] = (customer_id, tombstone)

    def erase_delivery(self, delivery: OwnedDelivery) -> int:
        assert self.rows[delivery.delivery_id][1].is_tombstone
        del self.rows[delivery.delivery_id]
        return 1 + self.events.pop(delivery.delivery_id)

    def count_sessions(self, customer_id: str) -> dict[str, int]:
        return {"socket_tickets": self.sessions.get(customer_id, 0)}

    def erase_sessions(self, customer_id: str) -> int:
        return self.sessions.pop(customer_id, 0)


class FakeDeliverySearch:
    """Documents that name deliveries."""

    def __init__(self, customers: FakeCustomers) -> None:
        self.naming = dict.fromkeys(customers.rows, 5)
        self.requested_trucks: set[str] = set()
        self.customers = customers
        self.had_tombstones = True
        self.written_after: list[str] = []

    def count(self, delivery_ids: Collection[str], truck_ids: Collection[str]) -> dict[str, int]:
        return {"truck-positions-*": sum(self.naming.get(one, 0) for one in delivery_ids)}

    def erase(
        self, delivery_ids: Collection[str], truck_ids: Collection[str]
    ) -> Iterator[tuple[str, int]]:
        self.requested_trucks |= set(truck_ids)
        rows = self.customers.rows
        self.had_tombstones &= all(rows[one][1].is_tombstone for one in delivery_ids & rows.keys())
        for one in sorted(delivery_ids):
            if gone := self.naming.pop(one, 0):
                yield "truck-positions-*", gone
        for one in self.written_after:
            self.naming[one] = 1
        self.written_after = []


def owned(delivery_id: str, *truck_ids: str, is_open: bool = False) -> OwnedDelivery:
    return OwnedDelivery(
        delivery_id=delivery_id, is_open=is_open, truck_id=truck_ids[-1], truck_ids=truck_ids
    )


def customer_stores(*owned_by: tuple[str, OwnedDelivery]) -> CustomerStores:
    customers = FakeCustomers(*owned_by)
    customers.sessions = {"C-1": 2, "C-2": 2}
    return CustomerStores(
        deliveries=customers, search=FakeDeliverySearch(customers), sleep=lambda _: None
    )
