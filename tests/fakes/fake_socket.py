"""A viewer's socket in memory: it keeps what it sends, and receives what the test pushes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from sim.viewers.connection import Connection, ConnectionLostError, HandshakeRejectedError
from tests.fakes.aws_limits import SOCKET_FRAME_BYTES


class FakeConnection:
    """One open socket."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._sent_something = asyncio.Event()

    async def send(self, text: str) -> None:
        if self.closed:
            raise ConnectionLostError("closed")
        if len(text.encode()) > SOCKET_FRAME_BYTES:
            self.drop()
            raise ConnectionLostError("1009: the frame is too large")
        self.sent.append(json.loads(text))
        self._sent_something.set()

    async def receive(self) -> str | bytes:
        frame = await self._frames.get()
        if frame is None:
            raise ConnectionLostError("closed by the service")
        return frame

    async def close(self) -> None:
        self.closed = True

    def push(self, message: dict[str, Any] | str) -> None:
        """Sends a message, as the service would."""
        self._frames.put_nowait(message if isinstance(message, str) else json.dumps(message))

    def drop(self) -> None:
        """Ends the connection, as the service or the network would."""
        self.closed = True
        self._frames.put_nowait(None)

    async def until_sent(self, count: int) -> None:
        """Waits until the viewer has sent this many frames."""
        while len(self.sent) < count:
            self._sent_something.clear()
            await self._sent_something.wait()


class FakeSocketOpener:
    """Opens or rejects sockets as scripted, then opens every socket."""

    def __init__(self, *script: int | str) -> None:
        self.tokens: list[str] = []
        self.opened: asyncio.Queue[FakeConnection] = asyncio.Queue()
        self._script = list(script)

    async def __call__(self, token: str) -> Connection:
        self.tokens.append(token)
        step = self._script.pop(0) if self._script else "open"
        if isinstance(step, int):
            raise HandshakeRejectedError(step)
        if step == "lost":
            raise ConnectionLostError("no socket")
        connection = FakeConnection()
        self.opened.put_nowait(connection)
        return connection
