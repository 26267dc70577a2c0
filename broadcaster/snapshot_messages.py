"""The message for a viewer that has just begun to track: a snapshot of everything it may see."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from broadcaster.pushing import Compose
from broadcaster.sender import Payload
from broadcaster.stops import StopsOfTrucks
from broadcaster.threads import Threads
from broadcaster.update_messages import LatestReader
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Delivery, DeliveryEvent
from rtdts.tracking.positions import ShownLatest, TrackPoint
from rtdts.tracking.roles import DISPATCHER
from rtdts.tracking.truck_stops import TruckStops
from rtdts.tracking.viewer_messages import encode_snapshot
from rtdts.tracking.viewer_scope import (
    Scope,
    closed_interval,
    events_to_show,
    is_numbered,
    position_to_show,
    scope_of,
    stops_before,
    track_to_show,
)
from rtdts.tracking.viewing import Access, MayView, Right, access_to

T = TypeVar("T")

TRACK_POINTS: Final = 800
"""Maximum points of a track; more do not fit into a snapshot."""


class TrackReader(LatestReader, Protocol):
    """Reads the tracks of trucks, too."""

    def track(
        self, truck_id: str, /, *, start_ms: int, end_ms: int | None, limit: int
    ) -> Sequence[TrackPoint]:
        """The good points of an interval in order of time, thinned to the limit."""


class EventReader(Protocol):
    """Reads the log of a delivery."""

    def events(self, delivery_id: str, after_version: int = 0, /) -> Sequence[DeliveryEvent]:
        """The log's events above a version, in order."""


class SnapshotMessages:
    """The `snapshot` message for a viewer that has just begun to track one delivery.

    It does not wait for a slow position store and does not fail with it: the position then comes
    with the round. Otherwise the nudge would stay in the queue, with every later change of status.

    Args:
        positions: The latest position and the track.
        threads: Where reading the log may block.
        position_threads: Where reading positions may block; a pool that nothing else waits for.
        stops: Reads the stops that the truck has before it.
        role: The viewer's role; nothing is read that the viewer may not see.
        since_version: Events of the log up to this version are left out.
        wait_s: How long to wait for positions.
    """

    def __init__(
        self,
        events: EventReader,
        positions: TrackReader,
        threads: Threads,
        position_threads: Threads,
        stops: StopsOfTrucks,
        *,
        role: str,
        since_version: int,
        log: Logger,
        wait_s: float,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._events = events
        self._positions = positions
        self._threads = threads
        self._position_threads = position_threads
        self._stops = stops
        self._role = role
        self._since_version = since_version
        self._log = log
        self._wait_s = wait_s
        self._now_ms = now_ms

    async def prepare(self, deliveries: Mapping[str, Delivery]) -> Compose:
        """Reads log, latest position and track of each delivery (in practice there is one)."""
        encoders = await asyncio.gather(*map(self._read, deliveries.values()))
        composed = dict(zip(deliveries, encoders, strict=True))

        def compose(delivery: Delivery, right: Right) -> Sequence[Payload]:
            if not isinstance(right, MayView):
                return ()
            return (composed[delivery.delivery_id](right.access),)

        return compose

    async def _read(self, delivery: Delivery) -> Callable[[Access], Payload]:
        access = access_to(delivery, role=self._role)
        stops: Mapping[str, TruckStops] = {}
        if access is Access.AS_CUSTOMER or is_numbered(delivery):
            stops = await self._stops.read([delivery])
        of_truck = stops.get(delivery.truck_id)
        scope = scope_of(delivery, access, of_truck)
        events, latest, track = await asyncio.gather(
            self._threads.run(self._events.events, delivery.delivery_id, self._since_version),
            self._if_quick(self._latest_of(delivery, access), None) if scope else _no_value(),
            self._if_quick(self._track_of(scope), ()) if scope else _no_value(),
        )
        visible = events_to_show(delivery, events, is_customer=self._role != DISPATCHER)

        def encode(now: Access) -> Payload:
            now_ms = self._now_ms()
            # The scope was read with the delivery; the right may be reduced to the status since.
            seen = scope if now is access else None
            shown = position_to_show(delivery, latest, seen, now_ms=now_ms)
            message = encode_snapshot(
                delivery,
                visible,
                shown,
                track_to_show(seen, track or ()),
                sent_at_ms=now_ms,
                stops_before=stops_before(delivery, of_truck),
            )
            return Payload.of(message, shown.point if shown else None)

        return encode

    async def _if_quick(self, reading: Awaitable[T], otherwise: T) -> T:
        try:
            async with asyncio.timeout(self._wait_s):
                return await reading
        except TimeoutError:  # no traceback: each viewer that connects may cause one
            self._log.error(
                "positions_unavailable", error=f"no response within {self._wait_s} s", trucks=1
            )
            return otherwise
        except Exception as error:  # whatever the store's client raises
            self._log.exception("positions_unavailable", error, trucks=1)
            return otherwise

    async def _track_of(self, scope: Scope) -> Sequence[TrackPoint]:
        return await self._position_threads.run(
            self._positions.track,
            scope.truck_id,
            start_ms=scope.start_ms,
            end_ms=scope.end_ms,
            limit=TRACK_POINTS,
        )

    async def _latest_of(self, delivery: Delivery, access: Access) -> ShownLatest | None:
        interval = closed_interval(delivery, access)
        if interval is not None:
            (last,) = await self._position_threads.run(self._positions.last_of, [interval])
            return last
        latest = await self._position_threads.run(self._positions.shown, [delivery.truck_id])
        return latest.get(delivery.truck_id)


async def _no_value() -> None:
    return None
