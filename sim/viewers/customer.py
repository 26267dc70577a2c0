"""A customer's app: it follows its deliveries with the client library, one tracker per delivery.

The frames of its sockets are read a second time, as evidence: the library reports each change
once, but a test must also see duplicates and messages sent to the wrong customer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rtdts_client import Access, DeliveryTracker, DeliveryView, OpenSocket, Report, Socket
from rtdts_client.sockets import open_websocket
from sim.viewers.receiver import Received, Receiver


class Customer:
    """Follows deliveries until they end or until cancelled.

    Attributes:
        views: Each delivery as the library last reported it.
    """

    def __init__(
        self,
        websocket_url: str,
        access: Callable[[str], Access],
        *,
        on_message: Callable[[Received], None],
        now_ms: Callable[[], int],
        open_socket: OpenSocket = open_websocket,
    ) -> None:
        """Prepares the trackers; nothing connects before `run`.

        Args:
            websocket_url: The service's ``WebSocketURL``.
            access: Provides the tickets for a delivery.
            on_message: Called with each message received.
            now_ms: Wall clock.
            open_socket: Opens sockets.
        """
        self.views: dict[str, DeliveryView] = {}
        self._websocket_url = websocket_url
        self._access = access
        self._on_message = on_message
        self._now_ms = now_ms
        self._open_socket = open_socket
        self._receiver = Receiver()
        self._trackers: dict[str, DeliveryTracker] = {}
        self._ends: dict[str, asyncio.Future[str]] = {}
        self._new: asyncio.Queue[str] = asyncio.Queue()

    async def track(self, delivery_id: str) -> None:
        """Start to follow a delivery, or do so as soon as `run` runs."""
        if delivery_id not in self._trackers:
            self._trackers[delivery_id] = DeliveryTracker(
                self._websocket_url,
                self._access(delivery_id),
                self._show,
                open_socket=self._open,
            )
            self._ends[delivery_id] = asyncio.get_running_loop().create_future()
            self._new.put_nowait(delivery_id)

    async def untrack(self, delivery_id: str) -> None:
        """Stop following a delivery."""
        if tracker := self._trackers.pop(delivery_id, None):
            tracker.stop()

    async def ended(self, delivery_id: str) -> str:
        """Wait until a delivery is no longer followed; returns the library's reason."""
        return await asyncio.shield(self._ends[delivery_id])

    async def run(self) -> None:
        """Follow the tracked deliveries until cancelled."""
        async with asyncio.TaskGroup() as followed:
            while True:
                delivery_id = await self._new.get()
                if tracker := self._trackers.get(delivery_id):
                    followed.create_task(self._follow(delivery_id, tracker))

    async def _follow(self, delivery_id: str, tracker: DeliveryTracker) -> None:
        reason = await tracker.run()
        self._ends[delivery_id].set_result(reason)

    def _show(self, report: Report) -> None:
        if report.delivery is not None:
            self.views[report.delivery.delivery_id] = report.delivery

    async def _open(self, url: str) -> Socket:
        return _ReadTwice(await self._open_socket(url), self._keep)

    def _keep(self, frame: str | bytes) -> None:
        self._on_message(self._receiver.receive(frame, self._now_ms()))


class _ReadTwice:
    """A socket whose frames also go to a second reader."""

    def __init__(self, socket: Socket, keep: Callable[[str | bytes], None]) -> None:
        self._socket = socket
        self._keep = keep

    async def send(self, frame: str) -> None:
        await self._socket.send(frame)

    async def receive(self) -> str | bytes:
        frame = await self._socket.receive()
        self._keep(frame)
        return frame

    async def close(self) -> None:
        await self._socket.close()
