"""Carries out what the session decides: tickets, sockets, one timer."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random as random_numbers
import time
import urllib.parse
from collections.abc import Callable, Coroutine
from dataclasses import replace

from rtdts_client.access import Access, Ticket
from rtdts_client.protocol import (
    Action,
    Close,
    Closed,
    Failed,
    FetchTicket,
    FrameReceived,
    Input,
    Open,
    Opened,
    Report,
    Send,
    Show,
    Signal,
    Summary,
    Ticketed,
)
from rtdts_client.session import Session
from rtdts_client.sockets import OpenSocket, Socket, SocketLostError, open_websocket
from rtdts_client.timing import Timing


class DeliveryTracker:
    """Tracks one delivery until stopped or ended, over as many connections as that takes.

    `run` does the work; call the other methods on its event loop, also from the callback.
    """

    def __init__(
        self,
        web_socket_url: str,
        access: Access,
        on_report: Callable[[Report], None],
        *,
        timing: Timing | None = None,
        open_socket: OpenSocket = open_websocket,
        now_ms: Callable[[], float] = lambda: time.time() * 1000,
        random: Callable[[], float] = random_numbers.random,
    ) -> None:
        """Prepare; nothing happens before `run`.

        Args:
            web_socket_url: The service's ``WebSocketURL``.
            access: Where tickets come from.
            on_report: Called at each change with all that is known and the time at which that was
                true. It must not block; an exception from it ends `run`.
            timing: Limits and waits; None for the default ones.
            open_socket: Opens sockets.
            now_ms: The clock, epoch ms.
            random: Uniform in [0, 1), for the jitter.
        """
        self._web_socket_url = web_socket_url
        self._access = access
        self._on_report = on_report
        self._open_socket = open_socket
        self._now_ms = now_ms
        self._session = Session(timing or Timing(), random)
        self._inbox: asyncio.Queue[Input | Exception] = asyncio.Queue()
        self._tasks: dict[asyncio.Task[None], int] = {}  # the connection that each one is for
        self._sockets: dict[int, Socket] = {}
        self._summary: Summary | None = None
        self._inbox.put_nowait(Signal.START)

    async def run(self) -> str:
        """Connect and report until tracking has ended. Call it only once.

        Returns:
            Why tracking has ended: the service's reason, or ``stopped``.
        """
        try:
            while not self._session.has_ended:
                await self._take_next()
            return str(self._session.end_reason)
        finally:
            for number in set(self._tasks.values()):
                self._close(number)
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def pause(self) -> None:
        """Disconnect until `resume`; keep the delivery's data."""
        self._inbox.put_nowait(Signal.PAUSE)

    def resume(self) -> None:
        """Connect again after `pause`."""
        self._inbox.put_nowait(Signal.RESUME)

    def check(self) -> None:
        """Test the connection now, or try again now: for a device that is online again."""
        self._inbox.put_nowait(Signal.CHECK)

    def stop(self) -> None:
        """End tracking for good."""
        self._inbox.put_nowait(Signal.STOP)

    async def _take_next(self) -> None:
        timer = self._set_timer()
        try:
            received = await self._inbox.get()
        finally:
            if timer is not None:
                timer.cancel()
        if isinstance(received, Exception):
            raise received
        for action in self._session.on(received, self._now_ms()):
            self._do(action)

    def _set_timer(self) -> asyncio.TimerHandle | None:
        wake_at_ms = self._session.wake_at_ms()
        if wake_at_ms is None:
            return None
        # Rounded up: a timer that fires too early would be set again and again.
        delay_s = max(0, math.ceil(wake_at_ms - self._now_ms())) / 1000
        return asyncio.get_running_loop().call_later(delay_s, self._inbox.put_nowait, Signal.WAKE)

    def _do(self, action: Action) -> None:
        match action:
            case FetchTicket(number):
                self._begin(number, self._fetch_ticket(number))
            case Open(number, ticket):
                self._begin(number, self._hold(number, ticket))
            case Send(number, frame):
                if socket := self._sockets.get(number):
                    self._begin(number, self._send(socket, frame))
            case Close(number):
                self._close(number)
            case Show(report):
                self._on_report(replace(report, summary=self._summary))

    def _begin(self, number: int, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks[task] = number
        task.add_done_callback(self._tasks.pop)
        task.add_done_callback(lambda _: work.close())  # if it was cancelled before it began

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Ends `run` on an unexpected error."""
        try:
            await work
        except Exception as error:
            self._inbox.put_nowait(error)

    async def _fetch_ticket(self, number: int) -> None:
        response = await self._access()
        if not isinstance(response, Ticket):
            self._inbox.put_nowait(Failed(number, response))
            return
        if response.summary:
            self._summary = response.summary
        self._inbox.put_nowait(Ticketed(number, response.ticket, response.delivery_id))

    async def _hold(self, number: int, ticket: str) -> None:
        url = f"{self._web_socket_url}?ticket={urllib.parse.quote(ticket, safe='')}"
        with contextlib.suppress(SocketLostError):
            socket = await self._open_socket(url)
            self._sockets[number] = socket
            try:
                self._inbox.put_nowait(Opened(number))
                while True:
                    frame = await socket.receive()
                    if isinstance(frame, str):
                        self._inbox.put_nowait(FrameReceived(number, frame))
            finally:
                del self._sockets[number]
                await socket.close()
        self._inbox.put_nowait(Closed(number))

    async def _send(self, socket: Socket, frame: str) -> None:
        with contextlib.suppress(SocketLostError):  # `_hold` sees it too
            await socket.send(frame)

    def _close(self, number: int) -> None:
        for task, of in self._tasks.items():
            if of == number and not task.cancelling():  # a second cancel would break its close
                task.cancel()
