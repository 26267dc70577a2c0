"""The service as a client sees it: tickets, sockets that end, lost and repeated messages.

Its clock is the running loop's.
"""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime
from typing import Any

from rtdts_client import (
    Socket,
    SocketLostError,
    Ticket,
    TicketFailure,
    TicketRejected,
    Unavailable,
)

EPOCH_MS = 1_795_503_600_000
HANDSHAKE_S = 0.05


class FakeLiveService:
    """One delivery, ``D-1``.

    Attributes:
        noise: The probability that a message is lost, and that it arrives twice.
    """

    def __init__(self, *, seed: int = 1, noise: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.noise = noise
        self.sockets: list[FakeLiveSocket] = []
        self.events: list[dict[str, Any]] = []
        self.tickets = 0
        self.rejected: str | None = None
        self.is_unavailable = False
        self._lat, self._moved_at_ms = 0.0, 0
        self.happen("assigned")

    def now_ms(self) -> int:
        return EPOCH_MS + round(asyncio.get_running_loop().time() * 1000)

    async def access(self) -> Ticket | TicketFailure:
        await asyncio.sleep(0)
        if self.is_unavailable:
            return Unavailable()
        if self.rejected:
            return TicketRejected(self.rejected)
        self.tickets += 1
        return Ticket(f"t-{self.tickets}", "D-1")

    async def open_socket(self, url: str) -> Socket:
        await asyncio.sleep(HANDSHAKE_S)
        if self.is_unavailable:
            raise SocketLostError("unavailable")
        socket = FakeLiveSocket(self, url)
        self.sockets.append(socket)
        return socket

    @property
    def open(self) -> list[FakeLiveSocket]:
        return [socket for socket in self.sockets if socket.is_open]

    def happen(self, status: str) -> None:
        """Adds the next event of the delivery."""
        event = {
            "version": len(self.events) + 1,
            "status": status,
            "effective_at": self._instant(self.now_ms()),
            "cause": "declared",
        }
        self.events.append(event)
        more = {"effective_at": event["effective_at"], "cause": event["cause"]}
        self._post_all({"type": "status", **self._numbered(), **more})

    def move(self) -> None:
        """Moves the truck; the next round reports it."""
        self._lat, self._moved_at_ms = 35 + self.random.random(), self.now_ms()

    def round(self) -> None:
        """Sends the message of a round."""
        self._post_all({"type": "position", **self._numbered(), **self._positioned()})

    def snapshot(self, since: int) -> dict[str, Any]:
        events = [event for event in self.events if event["version"] > since]
        whole = {**self._numbered(), **self._positioned(), "events": events, "track": []}
        return {"type": "snapshot", **whole}

    @staticmethod
    def _instant(at_ms: int) -> str:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _numbered(self) -> dict[str, Any]:
        return {
            "v": 1,
            "sent_at": self._instant(self.now_ms()),
            "delivery_id": "D-1",
            "version": self.events[-1]["version"],
            "status": self.events[-1]["status"],
            "assignment": 1,
        }

    def _positioned(self) -> dict[str, Any]:
        none = {"position": None, "position_at": None, "distance_remaining_m": None, "eta": None}
        if not self._moved_at_ms:
            return none
        at = self._instant(self._moved_at_ms)
        position = {
            "lat": self._lat,
            "lon": 129.1,
            "heading_deg": None,
            "speed_mps": None,
            "accuracy_m": None,
            "recorded_at": at,
            "age_s": (self.now_ms() - self._moved_at_ms) / 1000,
            "stale_since": None,
        }
        return {**none, "position": position, "position_at": at}

    def _post_all(self, message: dict[str, Any]) -> None:
        for socket in self.open:
            if not socket.tracks or self.random.random() < self.noise:
                continue
            socket.post(message)
            if self.random.random() < self.noise:
                socket.post(message)


class FakeLiveSocket:
    """A socket, seen from the client's side."""

    def __init__(self, service: FakeLiveService, url: str) -> None:
        self.url = url
        self.sent: list[dict[str, Any]] = []
        self.is_open = True
        self.is_mute = False
        self.tracks = False
        self.opened_ms = service.now_ms()
        self._service = service
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()

    async def send(self, frame: str) -> None:
        if not self.is_open:
            raise SocketLostError("closed")
        message = json.loads(frame)
        self.sent.append(message)
        if message["action"] == "ping":
            self.post({"type": "pong"})
        else:
            self.tracks = True
            since = message["since_version"]
            loop = asyncio.get_running_loop()
            loop.call_later(0.04, lambda: self.post(self._service.snapshot(since)))

    async def receive(self) -> str | bytes:
        frame = await self._frames.get()
        if frame is None:
            raise SocketLostError("ended by the service")
        return frame

    async def close(self) -> None:
        self.is_open = False

    def post(self, message: dict[str, Any]) -> None:
        """Sends a message, which may overtake another."""
        frame = json.dumps(message)
        delay_s = 0.01 + 0.1 * self._service.random.random()
        asyncio.get_running_loop().call_later(delay_s, self._arrive, frame)

    def end(self) -> None:
        """Ends the socket, as the gateway would."""
        if self.is_open:
            self.is_open = False
            self._frames.put_nowait(None)

    def _arrive(self, frame: str) -> None:
        if self.is_open and not self.is_mute:
            self._frames.put_nowait(frame)
