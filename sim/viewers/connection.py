"""One WebSocket to the service; the only module here that uses the websockets library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus


class ConnectionLostError(Exception):
    """The connection was lost, or could not be opened for a transient reason."""


class HandshakeRejectedError(Exception):
    """The service rejected the handshake.

    Attributes:
        status: 401 for an invalid token, 403 for a token of the wrong role.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"the socket was refused with HTTP {status}")
        self.status = status


class Connection(Protocol):
    """An open socket. Its methods raise `ConnectionLostError` once it is lost."""

    async def send(self, text: str) -> None:
        """Send one frame."""

    async def receive(self) -> str | bytes:
        """Wait for the next frame."""

    async def close(self) -> None:
        """Close the socket; never raises."""


OpenSocket = Callable[[str], Awaitable[Connection]]
"""Opens a socket with a token; raises `HandshakeRejectedError` or `ConnectionLostError`."""


def socket_opener(
    url: str, *, open_timeout_s: float = 15.0, ping_interval_s: float | None = 20.0
) -> OpenSocket:
    """Opens sockets to ``WebSocketURL`` with the token in the header that native apps use.

    Args:
        url: The service's ``WebSocketURL``.
        open_timeout_s: Timeout of the whole handshake, including a Lambda's cold start.
        ping_interval_s: How often the client pings the server; None for never.
    """

    async def open_socket(token: str) -> Connection:
        try:
            socket = await connect(
                url,
                additional_headers={"Authorization": f"Bearer {token}"},
                open_timeout=open_timeout_s,
                ping_interval=ping_interval_s,
                # API Gateway does not compress.
                compression=None,
                proxy=None,
            )
        except InvalidStatus as refusal:
            status = refusal.response.status_code
            if status in (401, 403):
                raise HandshakeRejectedError(status) from refusal
            raise ConnectionLostError(f"HTTP {status} instead of a socket") from refusal
        except (InvalidHandshake, OSError, TimeoutError) as error:
            raise ConnectionLostError(f"no socket: {error}") from error
        return _WebSocket(socket)

    return open_socket


class _WebSocket:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, text: str) -> None:
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise ConnectionLostError(str(error)) from error

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            raise ConnectionLostError(str(error)) from error

    async def close(self) -> None:
        await self._socket.close()
