"""One customer's socket under load: a viewer whose successes and failures are counted."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from sim.load.tally import SocketTally, Tally
from sim.token_client import TokenError
from sim.viewers.connection import (
    Connection,
    ConnectionLostError,
    HandshakeRejectedError,
    OpenSocket,
)
from sim.viewers.viewer import TokenSource, Viewer


class LoadedSocket:
    """Connects, tracks one delivery and counts; reconnects after a loss, as an app does.

    Args:
        tally: Receives the counts.
        tokens: The customer's tokens.
        delivery_id: The delivery that it tracks.
        open_socket: See `sim.viewers.connection.socket_opener`.
        now_ms: Wall clock.
        sleep: Waits some seconds.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        tally: Tally,
        tokens: TokenSource,
        delivery_id: str,
        *,
        open_socket: OpenSocket,
        now_ms: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tally = tally
        self._socket: SocketTally = tally.add_socket((delivery_id,))
        self._tokens = tokens
        self._delivery_id = delivery_id
        self._open_socket = open_socket
        self._now_ms = now_ms
        self._clock = clock
        self._viewer = Viewer(
            self._open,
            self._token,
            on_message=lambda received: tally.count_message(self._socket, received),
            now_ms=now_ms,
            sleep=sleep,
        )

    async def run(self) -> None:
        """Keeps the socket open until cancelled, or until the service rejects it permanently."""
        await self._viewer.track(self._delivery_id)
        try:
            await self._viewer.run()
        except HandshakeRejectedError:
            return  # counted where it happened

    async def _token(self, *, fresh: bool) -> str:
        try:
            return await self._tokens(fresh=fresh)
        except TokenError:
            self._tally.failed("no_token")
            raise

    async def _open(self, token: str) -> Connection:
        started_s = self._clock()
        try:
            connection = await self._open_socket(token)
        except HandshakeRejectedError as error:
            self._tally.failed(f"refused_{error.status}")
            raise
        except ConnectionLostError:
            self._tally.failed("not_opened")
            raise
        self._tally.connected(self._socket, self._now_ms(), self._clock() - started_s)
        return _CountedConnection(connection, self._tally)


class _CountedConnection:
    """A connection whose loss is counted, once."""

    def __init__(self, connection: Connection, tally: Tally) -> None:
        self._connection = connection
        self._tally = tally
        self._is_open = True

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionLostError:
            self._end("lost")
            raise

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.receive()
        except ConnectionLostError:
            self._end("lost")
            raise

    async def close(self) -> None:
        # Closed by this side without an error: it was silent for too long, or the token has
        # expired (or the test is over and reported).
        self._end("given_up")
        await self._connection.close()

    def _end(self, kind: str) -> None:
        if self._is_open:
            self._is_open = False
            self._tally.disconnected()
            self._tally.failed(kind)
