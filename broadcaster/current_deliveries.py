"""What a person changed of a delivery, shown in the fleet although no truck sends a point.

The consumer writes a truck's current delivery with each of its points, from matches that it may
remember for seconds. So what a person changed is written here at once, and once more when the
consumer must know it: a point that was on its way meanwhile may have shown the older state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from broadcaster.pushing import DeliveryReader
from broadcaster.threads import StoreThreads
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.tracking.current_delivery import Carried, promise_of
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.truck_stops import TruckStops

AGAIN_AFTER_S: Final = 8.0
"""Longer than a consumer remembers matches (5 s), and a batch that rests on them takes."""

_AT_ONCE: Final = 1_000
"""Deliveries; more are left to their trucks' points."""


class StopPort(Protocol):
    """See `rtdts.delivery_store.matches.MatchStore`."""

    def stops_of(self, truck_ids: Iterable[str], /) -> Mapping[str, TruckStops]:
        """What each of the trucks has before it."""


class CurrentPort(Protocol):
    """See `rtdts.position_store.fleet.CurrentDeliveries`."""

    def put(self, truck_id: str, carried: Sequence[Carried], *, now_ms: int) -> bool:
        """Writes a truck's current delivery."""


class CurrentDeliveryWriter:
    """Writes what trucks are shown with.

    Args:
        deliveries: As they are now.
        stops: Which of them a truck carries.
        current: Where it is written.
        threads: Where the stores may block; the fleet's own.
        log: Told of what failed.
        now_ms: Wall clock.
        sleep: Waits some seconds.
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
        self._writing: set[asyncio.Task[None]] = set()

    def changed(self, delivery_id: str) -> None:
        """Begins to write what a delivery's trucks are shown with now."""
        if len(self._writing) >= _AT_ONCE:
            self._log.error("too_many_current_deliveries", delivery_id=delivery_id)
            return
        task = asyncio.create_task(self._write_twice(delivery_id))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def settled(self) -> None:
        """Returns when nothing is being written."""
        while self._writing:
            await asyncio.wait(self._writing)

    async def _write_twice(self, delivery_id: str) -> None:
        await self._write(delivery_id)
        await self._sleep(AGAIN_AFTER_S)
        await self._write(delivery_id)

    async def _write(self, delivery_id: str) -> None:
        try:
            found = await self._threads.tables.run(self._deliveries.get_many, (delivery_id,))
            if (delivery := found.by_id.get(delivery_id)) is None:
                return
            # The truck that had it before shows it no more.
            trucks = {one.truck_id for one in delivery.assignments[-2:]}
            stops = await self._threads.tables.run(self._stops.stops_of, sorted(trucks))
            for truck_id, ahead in stops.items():
                await self._write_truck(truck_id, ahead)
        except Exception as error:  # its trucks' next points bring it
            self._log.exception("current_delivery_not_written", error, delivery_id=delivery_id)

    async def _write_truck(self, truck_id: str, ahead: TruckStops) -> None:
        if not ahead.is_whole:
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


def _carried(row: Delivery) -> Carried:
    return Carried(delivery_id=row.delivery_id, status=row.status, promise=promise_of(row))
