"""WebSockets; the only module here that uses the websockets library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

OPEN_TIMEOUT_S = 15.0
"""Timeout of the whole handshake, including a Lambda's cold start."""
CLOSE_TIMEOUT_S = 2.0


class SocketLostError(Exception):
    """The socket was lost, or could not be opened."""


class Socket(Protocol):
    """An open socket. `send` and `receive` raise `SocketLostError` once it is lost."""

    async def send(self, frame: str) -> None:
        """Send one frame."""

    async def receive(self) -> str | bytes:
        """Wait for the next frame."""

    async def close(self) -> None:
        """End it; never raises."""


OpenSocket = Callable[[str], Awaitable[Socket]]
"""Opens a socket to a URL; raises `SocketLostError`."""


async def open_websocket(url: str) -> Socket:
    """Open a WebSocket.

    Raises:
        SocketLostError: There was no handshake within 15 s, or it was refused.
    """
    try:
        socket = await connect(
            url,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,  # the session pings, as the service requires
            compression=None,  # API Gateway does not compress
        )
    except (InvalidHandshake, OSError, TimeoutError) as error:
        raise SocketLostError(f"no socket: {error}") from error
    return _WebSocket(socket)


class _WebSocket:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frame: str) -> None:
        try:
            await self._socket.send(frame)
        except ConnectionClosed as error:
            raise SocketLostError(str(error)) from error

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            raise SocketLostError(str(error)) from error

    async def close(self) -> None:
        await self._socket.close()
