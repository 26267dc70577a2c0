"""Counting what many sockets tell; pure: every moment is handed in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from rtdts.tracking.instants import parse_instant
from sim.viewers.receiver import Received

ABOUT_A_DELIVERY = frozenset({"snapshot", "position", "status", "ended"})


@dataclass
class SocketTally:
    """What one customer's socket brought.

    Attributes:
        own: The deliveries that its customer may hear of.
        connected_at_ms: When it was opened for the first time; None before.
        heard_at_ms: When the last message came (or, before any, when it was opened).
        pictured_at_ms: When the first snapshot came.
    """

    own: Collection[str]
    connected_at_ms: int | None = None
    last_message_at_ms: int | None = None
    pictured_at_ms: int | None = None


@dataclass
class Tally:
    """What all sockets brought so far.

    Attributes:
        sockets: One an entry.
        connect_s: Of each handshake that succeeded.
        snapshot_s: From each socket's opening to its first snapshot.
        ages_s: Of each newly shown position, from the fix to the socket.
        gaps_s: Between one message and the next on the same socket.
        messages: By type.
        errors: By kind.
        open_now: Sockets that are open.
    """

    sockets: list[SocketTally] = field(default_factory=list)
    connect_s: list[float] = field(default_factory=list)
    snapshot_s: list[float] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    messages: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    open_now: int = 0

    def add_socket(self, own: Collection[str]) -> SocketTally:
        """A socket that is to be opened."""
        socket = SocketTally(own)
        self.sockets.append(socket)
        return socket

    def connected(self, socket: SocketTally, now_ms: int, took_s: float) -> None:
        """A handshake succeeded; after a loss the silence since then goes on."""
        self.open_now += 1
        self.connect_s.append(took_s)
        if socket.connected_at_ms is None:
            socket.connected_at_ms = socket.last_message_at_ms = now_ms

    def disconnected(self) -> None:
        """An open socket is no more."""
        self.open_now -= 1

    def failed(self, kind: str) -> None:
        """Something went wrong."""
        self.errors[kind] += 1

    def count_message(self, socket: SocketTally, received: Received) -> None:
        """A message came."""
        message, now_ms = received.message, received.received_at_ms
        kind = str(message.get("type", "gateway"))
        self.messages[kind] += 1
        if socket.last_message_at_ms is not None:
            self.gaps_s.append((now_ms - socket.last_message_at_ms) / 1_000)
        socket.last_message_at_ms = now_ms
        if received.problem is not None:
            self.failed("broken_message")
        elif kind == "error":
            self.failed(f"error_{message.get('reason')}")
        elif kind in ABOUT_A_DELIVERY:
            self._count_delivery(socket, received, kind)

    def _count_delivery(self, socket: SocketTally, received: Received, kind: str) -> None:
        message, now_ms = received.message, received.received_at_ms
        if message.get("delivery_id") not in socket.own:
            self.failed("foreign_message")
            return
        if kind == "ended":
            self.failed(f"ended_{message.get('reason')}")
        if kind == "snapshot" and socket.pictured_at_ms is None:
            socket.pictured_at_ms = now_ms
            self.snapshot_s.append((now_ms - (socket.connected_at_ms or now_ms)) / 1_000)
        if received.new_position:
            self.ages_s.append((now_ms - parse_instant(message["position_at"])) / 1_000)

    def silences_s(self, now_ms: int) -> list[float]:
        """How long each opened socket has heard nothing."""
        return [
            (now_ms - socket.last_message_at_ms) / 1_000
            for socket in self.sockets
            if socket.last_message_at_ms is not None
        ]
