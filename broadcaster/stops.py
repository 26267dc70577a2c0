"""Reads which stops trucks have before them.

Some deliveries show their truck only when they are next; deliveries with a stop number show how
many stops come before.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from broadcaster.threads import Threads
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.truck_stops import TruckStops
from rtdts.tracking.viewer_scope import is_numbered, needs_stops

STOPS_MAX_AGE_S: Final = 0.5
"""How old a reading of stops may be when a right is read. It is part of a right's maximum age."""


class StopReader(Protocol):
    """Reads the open deliveries of trucks, consistently."""

    def stops_of(self, truck_ids: Iterable[str], /) -> Mapping[str, TruckStops]:
        """The stops that each truck has before it."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Reading:
    begun_at_s: float
    result: asyncio.Task[Mapping[str, TruckStops]]


class StopsOfTrucks:
    """Reads stops for the deliveries whose messages depend on them.

    A truck's stops are one item of up to 100 KB, and its viewers may be spread over all chunks of a
    round. So reads of a truck share one reading for `STOPS_MAX_AGE_S`.
    """

    def __init__(
        self,
        stops: StopReader,
        threads: Threads,
        *,
        log: Logger,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stops = stops
        self._threads = threads
        self._log = log
        self._monotonic = monotonic
        self._readings: dict[str, _Reading] = {}
        """The latest reading of each truck; old ones are removed from time to time."""
        self._pruned_at_s = monotonic()

    async def read(
        self, deliveries: Iterable[Delivery], *, is_change: bool = False
    ) -> Mapping[str, TruckStops]:
        """The stops of the trucks that need them, by truck.

        Stops that can't be read are left out, and then not shown.

        Args:
            deliveries: The deliveries. A truck is read again if one is missing from its last
                reading.
            is_change: Whether something has just changed: then no older reading is used.
        """
        by_truck: dict[str, set[str]] = {}
        for one in deliveries:
            if needs_stops(one) or is_numbered(one):
                by_truck.setdefault(one.truck_id, set()).add(one.delivery_id)
        found: dict[str, TruckStops] = {}
        for truck_id in () if is_change else by_truck:
            if reading := self._recent(truck_id):
                with contextlib.suppress(Exception):  # read again after another caller's failure
                    found[truck_id] = (await _result_of(reading))[truck_id]
        missing = sorted(
            truck_id
            for truck_id, delivery_ids in by_truck.items()
            if truck_id not in found or not delivery_ids <= found[truck_id].delivery_ids
        )
        if missing:
            # A reading that misses one delivery is outdated for all of the truck's deliveries.
            for truck_id in missing:
                found.pop(truck_id, None)
            try:
                found.update(await _result_of(self._begin(missing)))
            except Exception as error:  # whatever the client raises: the status is still sent
                self._log.exception("stops_unavailable", error, trucks=len(missing))
        return found

    def _recent(self, truck_id: str) -> _Reading | None:
        reading = self._readings.get(truck_id)
        if reading is None or self._monotonic() - reading.begun_at_s > STOPS_MAX_AGE_S:
            return None
        return reading

    def _begin(self, truck_ids: Sequence[str]) -> _Reading:
        begun_at_s = self._monotonic()
        if begun_at_s - self._pruned_at_s > STOPS_MAX_AGE_S:
            self._readings = {
                truck_id: reading
                for truck_id, reading in self._readings.items()
                if begun_at_s - reading.begun_at_s <= STOPS_MAX_AGE_S
            }
            self._pruned_at_s = begun_at_s
        result = asyncio.create_task(self._threads.run(self._stops.stops_of, truck_ids))
        # Otherwise asyncio logs a failure if all of its readers were cancelled.
        result.add_done_callback(lambda done: done.cancelled() or done.exception())
        reading = _Reading(begun_at_s, result)
        self._readings |= dict.fromkeys(truck_ids, reading)
        return reading


async def _result_of(reading: _Reading) -> Mapping[str, TruckStops]:
    """Waits for a reading, which continues if this call is cancelled: others may wait for it."""
    return await asyncio.shield(reading.result)
