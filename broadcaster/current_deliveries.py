"""Writes a person's change of a delivery to the fleet view, even when no truck sends a point.

The consumer writes a truck's current delivery with each of its points, from matches that it may
cache for seconds. So a person's change is written here at once, and again when that cache has
expired: a point that was processed meanwhile may have overwritten it with the older state.

All deliveries of a truck are read to find its current one. So changes to one truck within a second
are written together: when a dispatcher assigns a hundred deliveries to a truck, it is written once
per second, and not a hundred times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from broadcaster.pushing import DeliveryReader
from broadcaster.threads import StoreThreads
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.tracking.current_delivery import CarriedDelivery, promise_of
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.truck_stops import TruckStops

GATHER_S: Final = 1.0
"""Changes to one truck within this time are written together."""

REPEAT_AFTER_S: Final = 8.0
"""A truck is written again after this time: longer than a consumer caches matches (5 s) plus the
duration of a batch that uses them."""

_AT_ONCE: Final = 1_000
"""Maximum number of trucks in progress, and of deliveries whose trucks are not known yet. The rest
are left to the next points of their trucks."""

_READ_BATCH: Final = 100
"""DynamoDB's BatchGetItem takes 100 keys."""


class StopPort(Protocol):
    """See `rtdts.delivery_store.matches.MatchStore`."""

    def stops_of(self, truck_ids: Iterable[str], /) -> Mapping[str, TruckStops]:
        """The stops that each truck has before it."""


class CurrentPort(Protocol):
    """See `rtdts.position_store.fleet.CurrentDeliveries`."""

    def put(self, truck_id: str, carried: Sequence[CarriedDelivery], *, now_ms: int) -> bool:
        """Writes a truck's current delivery."""


class CurrentDeliveryWriter:
    """Writes the current deliveries of trucks.

    Args:
        deliveries: Reads deliveries as they are now.
        stops: Reads which of them a truck carries.
        current: Where a truck's current delivery is written.
        threads: Where the stores may block; separate, so that no view of the fleet waits for it.
    """

    def __init__(
        self,
        deliveries: DeliveryReader,
        stops: StopPort,
        current: CurrentPort,
        threads: StoreThreads,
        *,
        log: Logger,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._deliveries = deliveries
        self._stops = stops
        self._current = current
        self._threads = threads
        self._log = log
        self._now_ms = now_ms
        self._sleep = sleep
        self._changed: dict[str, None] = {}
        """Deliveries whose trucks are not known yet, in order."""
        self._changes: dict[str, int] = {}
        """For each truck that is being written, how many changes it has had meanwhile."""
        self._finding: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def changed(self, delivery_id: str) -> None:
        """Begins to write the current deliveries of a changed delivery's trucks."""
        if len(self._changed) >= _AT_ONCE:
            self._log.error("too_many_current_deliveries", delivery_id=delivery_id)
            return
        self._changed[delivery_id] = None
        if self._finding is None:
            self._finding = asyncio.create_task(self._find_trucks())

    async def _find_trucks(self) -> None:
        try:
            while self._changed:
                ids = list(self._changed)[:_READ_BATCH]
                for one in ids:
                    del self._changed[one]
                for truck_id in await self._trucks_of(ids):
                    self._begin(truck_id)
        finally:
            self._finding = None

    async def _trucks_of(self, delivery_ids: Sequence[str]) -> Iterable[str]:
        try:
            found = await self._threads.tables.run(self._deliveries.get_many, delivery_ids)
        except Exception as error:  # their trucks' next points write it
            self._log.exception("changed_deliveries_unread", error, deliveries=len(delivery_ids))
            return ()
        # The truck that had the delivery before must no longer show it.
        return {one.truck_id for row in found.by_id.values() for one in row.assignments[-2:]}

    def _begin(self, truck_id: str) -> None:
        if truck_id in self._changes:
            self._changes[truck_id] += 1
            return
        if len(self._changes) >= _AT_ONCE:
            self._log.error("too_many_current_deliveries", truck_id=truck_id)
            return
        self._changes[truck_id] = 1
        task = asyncio.create_task(self._keep_current(truck_id))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _keep_current(self, truck_id: str) -> None:
        """Writes a truck now, after later changes, and once more when changes have stopped."""
        is_quiet = False
        while not is_quiet:
            written = self._changes[truck_id]
            await self._write(truck_id)
            await self._sleep(GATHER_S)
            quiet_s = GATHER_S
            while written == self._changes[truck_id] and quiet_s < REPEAT_AFTER_S:
                await self._sleep(GATHER_S)
                quiet_s += GATHER_S
            if written == self._changes[truck_id]:
                await self._write(truck_id)
                is_quiet = written == self._changes[truck_id]
        # There was no await since the check: a later change starts a new task.
        del self._changes[truck_id]

    async def _write(self, truck_id: str) -> None:
        try:
            stops = await self._threads.tables.run(self._stops.stops_of, (truck_id,))
            await self._write_with(truck_id, stops[truck_id])
        except Exception as error:  # its next point writes it
            self._log.exception("current_delivery_not_written", error, truck_id=truck_id)

    async def _write_with(self, truck_id: str, ahead: TruckStops) -> None:
        if not ahead.is_complete:
            return
        ids = [stop.delivery_id for stop in ahead.stops]
        found = await self._threads.tables.run(self._deliveries.get_many, ids)
        carried = [
            _carried(row)
            for row in found.by_id.values()
            if row.is_open and row.truck_id == truck_id
        ]
        await self._threads.positions.run(
            self._current.put, truck_id, carried, now_ms=self._now_ms()
        )


def _carried(row: Delivery) -> CarriedDelivery:
    return CarriedDelivery(delivery_id=row.delivery_id, status=row.status, promise=promise_of(row))
