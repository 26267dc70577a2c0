"""A viewer with one socket for all tracked deliveries; every frame is kept as evidence.

It does what the client library (`rtdts_client`) does not: it opens its socket with a token in a
header, tracks deliveries of others, and continues after a rejection. A customer's app is in
`customer.py`.

The connection may end at any time (the gateway ends each one after two hours). Then the viewer
opens another one, with increasing backoff, and tracks again from the version that it has. A
message about each tracked delivery arrives at least once a minute; ``silence_s`` without any
message means that the connection is dead even though it was not closed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Protocol

from rtdts.runtime.backoff import backoff_s
from sim.token_client import TokenError
from sim.viewers.connection import (
    Connection,
    ConnectionLostError,
    HandshakeRejectedError,
    OpenSocket,
)
from sim.viewers.receiver import Received, Receiver

SILENCE_S = 75.0
"""The longest silence that the service guarantees, even when a broadcaster dies."""

TOO_MANY_WAIT_S = 60.0
"""Wait before the next socket after the service closed one because the identity had too many
sockets or sent too many messages."""


class TokenSource(Protocol):
    """Where a viewer gets its token."""

    async def __call__(self, *, fresh: bool) -> str:
        """A valid token; a new one when ``fresh``.

        Raises:
            TokenError: The issuer is unavailable.
        """


class Viewer:
    """Keeps a socket open and tracks deliveries on it.

    Attributes:
        views: What is known about each delivery that appeared in a message.
        connections: Number of sockets opened so far.
        connected: Set while a socket is open.
    """

    def __init__(
        self,
        open_socket: OpenSocket,
        token: TokenSource,
        *,
        on_message: Callable[[Received], None],
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._receiver = Receiver()
        self.views = self._receiver.views
        self.connections = 0
        self.connected = asyncio.Event()
        self._open_socket = open_socket
        self._token = token
        self._on_message = on_message
        self._now_ms = now_ms
        self._sleep = sleep
        self._silence_s = silence_s
        self._tracked: dict[str, None] = {}  # a set that keeps its order
        self._connection: Connection | None = None
        self._frames = 0
        self._had_too_many = False

    async def track(self, delivery_id: str) -> None:
        """Track a delivery: now if connected, else once connected; and on every later socket."""
        self._tracked[delivery_id] = None
        if self._connection is not None:
            try:
                await self._send_track(self._connection, delivery_id)
            except ConnectionLostError:
                return  # `run` detects the loss too, and tracks on the next socket

    async def untrack(self, delivery_id: str) -> None:
        """Stop tracking a delivery."""
        self._tracked.pop(delivery_id, None)
        if self._connection is not None:
            try:
                await self._connection.send(
                    json.dumps({"action": "untrack", "delivery_id": delivery_id})
                )
            except ConnectionLostError:
                return

    async def run(self) -> None:
        """Stay connected until cancelled.

        Raises:
            HandshakeRejectedError: The role may not open a socket, or two tokens in a row were
                invalid.
        """
        waits_s = backoff_s(first_s=0.5, max_s=20.0)
        fresh = False
        while True:
            try:
                connection = await self._open_socket(await self._token(fresh=fresh))
            except HandshakeRejectedError as refusal:
                if refusal.status != 401 or fresh:
                    raise
                fresh = True
                continue
            except (ConnectionLostError, TokenError):
                await self._sleep(next(waits_s))
                continue
            fresh = False
            frames_before = self._frames
            try:
                reason = await self._hold(connection)
            finally:
                self._connection = None
                self.connected.clear()
                await connection.close()
            fresh = reason == "token_expired"
            if self._frames > frames_before:  # it worked: the next attempt may be quick
                waits_s = backoff_s(first_s=0.5, max_s=20.0)
            at_least_s = TOO_MANY_WAIT_S if self._had_too_many else 0.0
            self._had_too_many = False
            await self._sleep(max(at_least_s, next(waits_s)))

    async def _hold(self, connection: Connection) -> str | None:
        """Read one socket to its end; returns the service's reason, if it sent one."""
        self.connections += 1
        self._connection = connection
        try:
            for delivery_id in tuple(self._tracked):
                await self._send_track(connection, delivery_id)
            self.connected.set()
            while True:
                reason = self._receive(await self._next(connection))
                if reason == "token_expired":
                    return reason
        except ConnectionLostError:
            return None

    async def _next(self, connection: Connection) -> str | bytes:
        if not self._tracked:
            return await connection.receive()
        try:
            async with asyncio.timeout(self._silence_s):
                return await connection.receive()
        except TimeoutError:
            raise ConnectionLostError(f"nothing received for {self._silence_s:g} s") from None

    async def _send_track(self, connection: Connection, delivery_id: str) -> None:
        view = self.views.get(delivery_id)
        since = {"since_version": view.version} if view and view.version else {}
        await connection.send(json.dumps({"action": "track", "delivery_id": delivery_id, **since}))

    def _receive(self, frame: str | bytes) -> str | None:
        """Process one frame; returns the reason when it ended a delivery's tracking."""
        self._frames += 1
        received = self._receiver.receive(frame, self._now_ms())
        message, kind = received.message, received.message.get("type")
        delivery_id = message.get("delivery_id")
        if received.problem is None and kind == "error":
            if message["reason"] == "too_many" and delivery_id is None:
                self._had_too_many = True
            if message["reason"] != "bad_request":
                self._tracked.pop(str(delivery_id), None)
        self._on_message(received)
        if kind in (None, "error") or delivery_id not in self.views:
            return None
        reason = self.views[delivery_id].ended
        if reason is not None and reason != "token_expired":
            self._tracked.pop(delivery_id, None)
        return reason
