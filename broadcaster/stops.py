"""Reads which stops trucks have before them.

Some deliveries show their truck only when they are next; deliveries with a stop number show how
many stops come before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from broadcaster.threads import Threads
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.truck_stops import TruckStops
from rtdts.tracking.viewer_scope import is_numbered, needs_stops


class StopReader(Protocol):
    """Reads the open deliveries of trucks, consistently."""

    def stops_of(self, truck_ids: Iterable[str], /) -> Mapping[str, TruckStops]:
        """What each of the trucks has before it."""


class StopsOfTrucks:
    """Reads stops for the deliveries whose messages depend on them.

    Args:
        stops: The store.
        threads: Where it may block.
        log: Logs failures.
    """

    def __init__(self, stops: StopReader, threads: Threads, *, log: Logger) -> None:
        self._stops = stops
        self._threads = threads
        self._log = log

    async def read(self, deliveries: Iterable[Delivery]) -> Mapping[str, TruckStops]:
        """The stops of the trucks that need them, by truck.

        Stops that can't be read are left out, and then not shown.
        """
        trucks = {one.truck_id for one in deliveries if needs_stops(one) or is_numbered(one)}
        if not trucks:
            return {}
        try:
            return await self._threads.run(self._stops.stops_of, sorted(trucks))
        except Exception as error:  # whatever the store's client raises: the status is still sent
            self._log.exception("stops_unavailable", error, trucks=len(trucks))
            return {}
