"""`erase --truck`: where the truck was, wherever that is kept. See docs/retention.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from operations.console import Console
from operations.erasing import Bucket, Step, erase_in_rounds, steps_in
from operations.errors import RefusedError
from rtdts.tracking.deliveries import OpenMatch
from rtdts.tracking.instants import parse_instant

QUIET_MS = 15 * 60_000
"""A truck that was heard of less long ago may have points that are not written yet: Firehose keeps
them back for 5 minutes before they go to its backup, and as long again while OpenSearch is away."""


class TruckSearch(Protocol):
    """See `rtdts.position_store.erasure.TruckErasure`."""

    def count(self, truck_id: str) -> dict[str, int]:
        """How many documents there are, by index."""
        ...

    def last_received_at(self, truck_id: str) -> str | None:
        """When its newest point was received."""
        ...

    def erase(self, truck_id: str) -> Iterator[Step]:
        """Deletes them."""
        ...


class Matches(Protocol):
    """See `rtdts.delivery_store.matches.MatchStore`."""

    def open_matches(self, truck_id: str) -> Sequence[OpenMatch]:
        """Its open deliveries."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class TruckStores:
    """Where a truck's data are. Buckets first: a replay must not bring back what is gone."""

    buckets: Mapping[str, Bucket]
    search: TruckSearch
    matches: Matches


def check_truck(truck_id: str, stores: TruckStores, *, now_ms: int) -> None:
    """Whether the truck may be erased now.

    Raises:
        RefusedError: It carries something, or has just sent something.
    """
    carried = [match.delivery_id for match in stores.matches.open_matches(truck_id)]
    if carried:
        raise RefusedError(
            f"{truck_id} carries open deliveries ({', '.join(carried[:5])}): close them or give "
            "them to another truck first, or --force"
        )
    heard = stores.search.last_received_at(truck_id)
    if heard is not None and now_ms - parse_instant(heard) < QUIET_MS:
        raise RefusedError(
            f"{truck_id} sent a point at {heard}: stop it, wait {QUIET_MS // 60_000} minutes until "
            "all that it sent is written, and come back; or --force"
        )


def count_truck(truck_id: str, stores: TruckStores, console: Console) -> dict[str, int]:
    """How many records and documents there are of the truck, by place; changes nothing."""
    counts: dict[str, int] = {}
    for place, bucket in stores.buckets.items():
        steps = steps_in(place, bucket.erase_truck(truck_id, dry_run=True), console)
        counts[place] = sum(held for _, held in steps)
    return {**counts, **stores.search.count(truck_id)}


def erase_truck(truck_id: str, stores: TruckStores, console: Console) -> dict[str, int]:
    """Erases a truck everywhere.

    Returns:
        How many records and documents are gone, by place.

    Raises:
        UnfinishedError: Something is left.
    """

    def erase() -> Iterator[Step]:
        for place, bucket in stores.buckets.items():
            yield from steps_in(place, bucket.erase_truck(truck_id, dry_run=False), console)
        yield from stores.search.erase(truck_id)

    return erase_in_rounds(erase, lambda: count_truck(truck_id, stores, console), console)
