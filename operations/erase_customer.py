"""`erase --customer`: erases its deliveries, and all other data that show where they went.

See docs/retention.md.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, Protocol

from operations.console import Console
from operations.erasing import Step, erase_in_rounds
from operations.errors import UnsafeOperationError
from rtdts.delivery_store.erasure import OwnedDelivery
from rtdts.delivery_store.errors import VersionConflict

WRITTEN_WITHIN_S: Final = 15.0
"""Time by which every process has written data that it read before the erasure. The broadcaster
writes a truck's current delivery next to the truck's newest point, from a row that it read before.
The version of that document does not show that the delivery was removed from it meanwhile."""
DELIVERIES_AT_ONCE = 500
"""Ids per OpenSearch query, which allows 65,536."""


class CustomerStore(Protocol):
    """See `rtdts.delivery_store.erasure.CustomerErasure`."""

    def deliveries_of(self, customer_id: str) -> list[OwnedDelivery]:
        """Returns a customer's deliveries."""

    def count_of(self, delivery_id: str) -> dict[str, int]:
        """Counts the items of a delivery."""

    def write_tombstone(self, delivery: OwnedDelivery, customer_id: str) -> None:
        """Ensures that a delivery can't be created again."""

    def erase_delivery(self, delivery: OwnedDelivery) -> int:
        """Deletes everything of a delivery with a tombstone."""

    def count_sessions(self, customer_id: str) -> dict[str, int]:
        """Counts the items that were made with a customer's token."""

    def erase_sessions(self, customer_id: str) -> int:
        """Deletes the items that were made with a customer's token."""


class DeliverySearch(Protocol):
    """See `rtdts.position_store.erasure.DeliveryErasure`."""

    def count(self, delivery_ids: Collection[str], truck_ids: Collection[str]) -> dict[str, int]:
        """Counts the documents that name one of the deliveries."""

    def erase(self, delivery_ids: Collection[str], truck_ids: Collection[str]) -> Iterator[Step]:
        """Removes the deliveries from those documents."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomerStores:
    """The stores with a customer's data."""

    deliveries: CustomerStore
    search: DeliverySearch
    sleep: Callable[[float], None]
    """Waits some seconds."""


def check_customer(customer_id: str, stores: CustomerStores) -> None:
    """Checks that the customer may be erased now.

    Raises:
        UnsafeOperationError: A delivery to the customer is still open.
    """
    open_ones = [
        one.delivery_id for one in stores.deliveries.deliveries_of(customer_id) if one.is_open
    ]
    if open_ones:
        raise UnsafeOperationError(
            f"{customer_id} has open deliveries ({', '.join(open_ones[:5])}): close or cancel them "
            "first, or --force"
        )


def count_customer(customer_id: str, stores: CustomerStores) -> dict[str, int]:
    """Counts the customer's items and documents, by place; changes nothing."""
    return _count(customer_id, stores, stores.deliveries.deliveries_of(customer_id))


def erase_customer(customer_id: str, stores: CustomerStores, console: Console) -> dict[str, int]:
    """Erases a customer everywhere.

    Each delivery first gets a tombstone, so that no process that still has it writes it again. Then
    the trucks' documents are changed: until a delivery is erased, its tombstone lists the trucks.

    Returns:
        How many items and documents were deleted or changed, by place.

    Raises:
        UnfinishedError: Something is left.
    """
    known: dict[str, OwnedDelivery] = {}

    def erase() -> Iterator[Step]:
        # Includes those of an earlier round: the consumer may have written their names since.
        for delivery in stores.deliveries.deliveries_of(customer_id):
            if not delivery.is_tombstone:
                try:
                    stores.deliveries.write_tombstone(delivery, customer_id)
                except VersionConflict:
                    continue  # the customer or truck has changed: the next round checks it
            known[delivery.delivery_id] = delivery
        for some in _chunks([*known.values()]):
            yield from stores.search.erase(*_ids(some))
        for delivery in known.values():
            if any(stores.deliveries.count_of(delivery.delivery_id).values()):
                yield "delivery items", stores.deliveries.erase_delivery(delivery)
        yield "session items", stores.deliveries.erase_sessions(customer_id)
        if known:
            console.print_line(f"waiting {WRITTEN_WITHIN_S:.0f} s for concurrent writes to finish")
            stores.sleep(WRITTEN_WITHIN_S)

    def count() -> dict[str, int]:
        theirs = {one.delivery_id: one for one in stores.deliveries.deliveries_of(customer_id)}
        return _count(customer_id, stores, [*(theirs | known).values()])

    return erase_in_rounds(erase, count, console)


def _count(
    customer_id: str, stores: CustomerStores, deliveries: Sequence[OwnedDelivery]
) -> dict[str, int]:
    counts: Counter[str] = Counter(stores.deliveries.count_sessions(customer_id))
    for delivery in deliveries:
        counts.update(stores.deliveries.count_of(delivery.delivery_id))
    for some in _chunks(deliveries):
        counts.update(stores.search.count(*_ids(some)))
    return dict(counts)


def _chunks(deliveries: Sequence[OwnedDelivery]) -> Iterator[Sequence[OwnedDelivery]]:
    for start in range(0, len(deliveries), DELIVERIES_AT_ONCE):
        yield deliveries[start : start + DELIVERIES_AT_ONCE]


def _ids(deliveries: Sequence[OwnedDelivery]) -> tuple[set[str], set[str]]:
    trucks = {truck_id for delivery in deliveries for truck_id in delivery.truck_ids}
    return {delivery.delivery_id for delivery in deliveries}, trucks
