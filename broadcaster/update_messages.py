"""The updates that are pushed to viewers: the position, a change of status.

Each class reads what it needs for a chunk of deliveries and composes the messages of one viewer. A
message is encoded once per delivery and access, not once per viewer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from broadcaster.pushing import Compose
from broadcaster.sender import Payload
from broadcaster.stops import StopsOfTrucks
from broadcaster.threads import Threads
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Delivery, DeliveryEvent
from rtdts.tracking.positions import ShownLatest, TruckInterval
from rtdts.tracking.truck_stops import TruckStops
from rtdts.tracking.viewer_messages import encode_position, encode_status
from rtdts.tracking.viewer_scope import (
    closed_interval,
    events_to_show,
    position_to_show,
    scope_of,
    stops_before,
)
from rtdts.tracking.viewing import Access, MayView, Right

POSITION_WAIT_S: Final = 0.5
"""How long a change of status, or a snapshot, waits for the positions that go with it. Both delay
the following messages of their delivery's group in the queue; a status is due within 2 s."""


class LatestReader(Protocol):
    """Reads where trucks are, and where they were at the end of an interval."""

    def shown(self, truck_ids: Sequence[str], /) -> Mapping[str, ShownLatest]:
        """What may be shown now, for the trucks that have anything to show."""

    def last_of(self, intervals: Sequence[TruckInterval], /) -> Sequence[ShownLatest | None]:
        """For each interval, what may be shown of the truck in it."""


class PositionMessages:
    """The `position` message: what the round pushes.

    For a closed delivery it shows the last position that the truck had with it. When the position
    store is unavailable, the status is still sent, without a position. One instance serves one
    chunk: positions that were read once are not read again when the rights are.

    Args:
        threads: Where reading positions may block.
        stops: Reads the stops that trucks have before them.
        is_change: Whether it follows a change, which may be one of the stops.

    Attributes:
        unknown_trucks: Trucks whose position could not be read.
        stops: The stops that the trucks had before them at the last reading, by truck.
    """

    def __init__(
        self,
        positions: LatestReader,
        threads: Threads,
        stops: StopsOfTrucks,
        *,
        log: Logger,
        is_change: bool = False,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._positions = positions
        self._is_change = is_change
        self._threads = threads
        self._stops = stops
        self.stops: Mapping[str, TruckStops] = {}
        self._log = log
        self._now_ms = now_ms
        self._requested: set[str] = set()
        self._latest: dict[str, ShownLatest] = {}
        self._last: dict[TruckInterval, ShownLatest | None] = {}
        """Last positions for closed deliveries, by the interval in which the truck had them."""
        self.unknown_trucks = 0

    async def prepare(self, deliveries: Mapping[str, Delivery]) -> Compose:
        """Reads the positions; each message is encoded when its first viewer needs it."""
        self.stops = {}
        await asyncio.gather(
            # Read again each time: a right to view depends on it.
            self._read_stops(deliveries),
            self._read_latest(deliveries),
            self._read_last(deliveries),
        )
        stops, sent_at_ms = self.stops, self._now_ms()
        encoded: dict[tuple[str, Access], tuple[Payload, ...]] = {}

        def compose(delivery: Delivery, right: Right) -> Sequence[Payload]:
            if not isinstance(right, MayView):
                return ()
            key = (delivery.delivery_id, right.access)
            if key not in encoded:
                of_truck = stops.get(delivery.truck_id)
                scope = scope_of(delivery, right.access, of_truck)
                latest = self._latest_of(delivery, right.access)
                shown = position_to_show(delivery, latest, scope, now_ms=sent_at_ms)
                message = encode_position(
                    delivery,
                    shown,
                    sent_at_ms=sent_at_ms,
                    stops_before=stops_before(delivery, of_truck),
                )
                encoded[key] = (Payload.of(message, shown.point if shown else None),)
            return encoded[key]

        return compose

    def _latest_of(self, delivery: Delivery, access: Access) -> ShownLatest | None:
        if delivery.is_open:
            return self._latest.get(delivery.truck_id)
        interval = closed_interval(delivery, access)
        return self._last.get(interval) if interval is not None else None

    async def _read_stops(self, deliveries: Mapping[str, Delivery]) -> None:
        self.stops = await self._stops.read(deliveries.values(), is_change=self._is_change)

    async def _read_latest(self, deliveries: Mapping[str, Delivery]) -> None:
        trucks = {one.truck_id for one in deliveries.values() if one.is_open} - self._requested
        if not trucks:
            return
        self._requested |= trucks
        try:
            self._latest.update(await self._threads.run(self._positions.shown, sorted(trucks)))
        except Exception as error:  # whatever the store's client raises: sent without a position
            self._log_unavailable(error, len(trucks))

    async def _read_last(self, deliveries: Mapping[str, Delivery]) -> None:
        # For both kinds of access: the intervals are mostly the same.
        intervals = {
            interval
            for delivery in deliveries.values()
            for access in (Access.AS_CUSTOMER, Access.FULL)
            if (interval := closed_interval(delivery, access)) is not None
        }
        missing = sorted(intervals - self._last.keys(), key=msgspec.structs.astuple)
        if not missing:
            return
        self._last.update(dict.fromkeys(missing))
        try:
            found = await self._threads.run(self._positions.last_of, missing)
        except Exception as error:  # whatever the store's client raises: sent without a position
            self._log_unavailable(error, len(missing))
        else:
            self._last.update(zip(missing, found, strict=True))

    def _log_unavailable(self, error: Exception, trucks: int) -> None:
        self.unknown_trucks += trucks
        self._log.exception("positions_unavailable", error, trucks=trucks)


class TransitionMessages:
    """The `status` message of one event, and the current position for viewers that may see it.

    The status does not wait for a slow position store: the position then comes with the round.
    """

    def __init__(
        self,
        event: DeliveryEvent,
        positions: PositionMessages,
        *,
        wait_s: float,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._event = event
        self._positions = positions
        self._wait_s = wait_s
        self._now_ms = now_ms
        self._has_position = True

    async def prepare(self, deliveries: Mapping[str, Delivery]) -> Compose:
        """Encodes the status, and reads the position if that is quick."""
        position: Compose = _no_messages
        if self._has_position:
            try:
                async with asyncio.timeout(self._wait_s):
                    position = await self._positions.prepare(deliveries)
            except TimeoutError:
                self._has_position = False
        if self._positions.unknown_trucks:
            position = _no_messages
        stops = self._positions.stops
        sent_at_ms = self._now_ms()

        def status_of(delivery: Delivery) -> Payload:
            message = encode_status(
                self._event,
                sent_at_ms=sent_at_ms,
                stops_before=stops_before(delivery, stops.get(delivery.truck_id)),
            )
            return Payload.of(message, self._event)

        encoded: dict[str, Payload] = {}

        def compose(delivery: Delivery, right: Right) -> Sequence[Payload]:
            status = encoded.get(delivery.delivery_id)
            if status is None:
                status = encoded[delivery.delivery_id] = status_of(delivery)
            if not isinstance(right, MayView):
                # Only the status that ended the right is sent, and no earlier one.
                return (status,) if self._event.version == delivery.version else ()
            is_customer = right.access is not Access.FULL
            if not events_to_show(delivery, [self._event], is_customer=is_customer):
                return ()
            if right.access is Access.STATUS_ONLY:
                return (status,)
            return (status, *position(delivery, right))

        return compose


def _no_messages(_delivery: Delivery, _right: Right) -> Sequence[Payload]:
    return ()
