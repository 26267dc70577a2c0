"""Snapshots of a view of the fleet: the trucks if they fit a frame, else clusters of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from broadcaster.threads import Threads
from rtdts.position_store.fleet import FleetCounts
from rtdts.tracking.fleet_messages import (
    Ages,
    FleetSnapshot,
    FleetTruck,
    cluster_rows,
    truck_rows,
)
from rtdts.tracking.fleet_view import FleetView


class FleetPort(Protocol):
    """See `rtdts.position_store.fleet.FleetReader`."""

    def count(self, view: FleetView, *, as_of_ms: int) -> FleetCounts:
        """How many trucks are in view, and where they cluster."""

    def trucks(self, view: FleetView, *, as_of_ms: int, limit: int) -> Sequence[FleetTruck]:
        """The trucks in view."""


class FleetSnapshots:
    """Takes snapshots of views.

    Args:
        ages: The ages from which a truck is stale or offline.
        threads: Where the store may block; only for the fleet, so that no round waits for a view.
        max_trucks: With more trucks in view, the snapshot shows clusters.
    """

    def __init__(self, fleet: FleetPort, ages: Ages, threads: Threads, *, max_trucks: int) -> None:
        self._fleet = fleet
        self._ages = ages
        self._threads = threads
        self._max_trucks = max_trucks

    async def take(self, view: FleetView, as_of_ms: int) -> FleetSnapshot:
        """Takes the snapshot of a view.

        Raises:
            rtdts.position_store.errors.StoreUnavailable: OpenSearch is unavailable.
        """
        return await self._threads.run(self._take, view, as_of_ms)

    def _take(self, view: FleetView, as_of_ms: int) -> FleetSnapshot:
        counts = self._fleet.count(view, as_of_ms=as_of_ms)
        if not counts.total:
            return FleetSnapshot(as_of_ms=as_of_ms, total=0)
        if counts.total <= self._max_trucks:
            trucks = self._fleet.trucks(view, as_of_ms=as_of_ms, limit=self._max_trucks)
            # None if the rows do not fit a frame: names may be long. Trucks that came into view
            # after the count may be missing until the next snapshot.
            if (rows := truck_rows(trucks, self._ages, as_of_ms=as_of_ms)) is not None:
                return FleetSnapshot(as_of_ms=as_of_ms, total=len(trucks), trucks=rows)
        rows = cluster_rows(counts.clusters)
        return FleetSnapshot(as_of_ms=as_of_ms, total=counts.total, clusters=rows)
