"""`erase --truck`: erases where the truck was, from every store. See docs/retention.md."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from operations.console import Console
from operations.erasing import Bucket, Step, counts_text, erase_in_rounds, steps_in
from operations.errors import UnfinishedError, UnsafeOperationError
from rtdts.telemetry_stream.backup_format import BrokenObjectError
from rtdts.tracking.deliveries import OpenMatch
from rtdts.tracking.instants import parse_instant

QUIET_MS = 15 * 60_000
"""A truck that sent a point more recently may have points that are not written yet: Firehose holds
them for 5 minutes before its backup gets them, and as long again if OpenSearch is unavailable."""


class TruckSearch(Protocol):
    """See `rtdts.position_store.erasure.TruckErasure`."""

    def count(self, truck_id: str) -> dict[str, int]:
        """Counts a truck's documents, by index."""

    def last_received_at(self, truck_id: str) -> str | None:
        """Returns when the last point was received."""

    def erase(self, truck_id: str, *, now_ms: int) -> Iterator[Step]:
        """Deletes a truck's documents; points received up to then are never written again."""


class Matches(Protocol):
    """See `rtdts.delivery_store.matches.MatchStore`."""

    def open_matches(self, truck_id: str) -> Sequence[OpenMatch]:
        """Returns a truck's open deliveries."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TruckStores:
    """The stores with a truck's data. Buckets first: a replay must not restore erased data."""

    buckets: Mapping[str, Bucket]
    search: TruckSearch
    matches: Matches


def check_truck(truck_id: str, stores: TruckStores, *, now_ms: int) -> None:
    """Checks that the truck may be erased now.

    Raises:
        UnsafeOperationError: The truck carries open deliveries, or has just sent a point.
    """
    carried = [match.delivery_id for match in stores.matches.open_matches(truck_id)]
    if carried:
        raise UnsafeOperationError(
            f"{truck_id} carries open deliveries ({', '.join(carried[:5])}): close them or give "
            "them to another truck first, or --force"
        )
    last_received = stores.search.last_received_at(truck_id)
    if last_received is not None and now_ms - parse_instant(last_received) < QUIET_MS:
        raise UnsafeOperationError(
            f"{truck_id} sent a point at {last_received}: stop it, wait "
            f"{QUIET_MS // 60_000} minutes until "
            "all its points are written, and run this again; or --force"
        )


def count_truck(truck_id: str, stores: TruckStores, console: Console) -> dict[str, int]:
    """Counts the truck's records and documents, by place; changes nothing.

    Raises:
        UnfinishedError: Some objects can't be read; the message also has the counts.
    """
    broken: dict[str, str] = {}
    counts = _count(truck_id, stores, console, broken)
    _fail_if(broken, f"of truck {truck_id} there is: {counts_text(counts)}")
    return counts


def erase_truck(
    truck_id: str, stores: TruckStores, console: Console, *, now_ms: Callable[[], int]
) -> dict[str, int]:
    """Erases a truck everywhere.

    Args:
        truck_id: The truck.
        stores: The stores with its data.
        console: Where progress is reported.
        now_ms: The time: points received up to the last round are never written again.

    Returns:
        How many records and documents were deleted, by place.

    Raises:
        UnfinishedError: Something is left, or some objects can't be read; the rest is deleted.
    """
    broken: dict[str, str] = {}

    def erase() -> Iterator[Step]:
        yield from _through_buckets(truck_id, stores, console, broken, dry_run=False)
        yield from stores.search.erase(truck_id, now_ms=now_ms())

    try:
        erased = erase_in_rounds(erase, lambda: _count(truck_id, stores, console, broken), console)
    except UnfinishedError as error:
        _fail_if(broken, str(error))
        raise
    _fail_if(broken, f"deleted: {counts_text(erased)}; nothing that can be read is left")
    return erased


def _count(
    truck_id: str, stores: TruckStores, console: Console, broken: dict[str, str]
) -> dict[str, int]:
    counts = dict.fromkeys(stores.buckets, 0)
    for place, held in _through_buckets(truck_id, stores, console, broken, dry_run=True):
        counts[place] += held
    return {**counts, **stores.search.count(truck_id)}


def _through_buckets(
    truck_id: str,
    stores: TruckStores,
    console: Console,
    broken: dict[str, str],
    *,
    dry_run: bool,
) -> Iterator[Step]:
    """Yields the steps of all buckets; puts objects that can't be read into `broken`, by place."""
    for place, bucket in stores.buckets.items():
        broken.pop(place, None)
        try:
            yield from steps_in(place, bucket.erase_truck(truck_id, dry_run=dry_run), console)
        except BrokenObjectError as error:
            broken[place] = str(error)


def _fail_if(broken: Mapping[str, str], done: str) -> None:
    if broken:
        objects = ", ".join(f"in {place}: {names}" for place, names in broken.items())
        raise UnfinishedError(
            f"{done}. It is unknown whether the truck is in objects that can't be read, "
            f"{objects}. See docs/retention.md, delete them by hand, and run this again"
        )
