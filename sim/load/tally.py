"""Counts what many sockets receive; pure: the time is a parameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from rtdts.tracking.instants import parse_instant
from sim.viewers.receiver import Received

DELIVERY_MESSAGE_TYPES = frozenset({"snapshot", "position", "status", "ended"})


@dataclass
class SocketTally:
    """What one customer's socket received.

    Attributes:
        own: The deliveries that its customer may view.
        connected_at_ms: When it was opened for the first time; None before.
        last_message_at_ms: When the last message was received (or, before any, when it was
            opened).
        snapshot_at_ms: When the first snapshot was received.
    """

    own: Collection[str]
    connected_at_ms: int | None = None
    last_message_at_ms: int | None = None
    snapshot_at_ms: int | None = None


@dataclass(frozen=True)
class Progress:
    """How far a running load test is.

    Attributes:
        sockets: Requested sockets.
        duration_s: How long all of them are to be held.
        elapsed_s: Time since the first socket's connect time.
        held_s: For how long all have been held; None before.
        points_accepted: Number of accepted points of all trucks.
        tally: What the sockets received so far.
    """

    sockets: int
    duration_s: float
    elapsed_s: float
    held_s: float | None
    points_accepted: int
    tally: Tally


@dataclass
class Tally:
    """What all sockets received so far.

    Attributes:
        sockets: One entry per socket.
        connect_s: Duration of each successful handshake.
        snapshot_s: Time from each socket's opening to its first snapshot.
        ages_s: Age of each new position, from the fix to the socket.
        gaps_s: Time between two messages on the same socket.
        messages: Number of messages by type.
        errors: Number of errors by kind.
        open_now: Number of open sockets.
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
        """Adds a socket that will be opened."""
        socket = SocketTally(own)
        self.sockets.append(socket)
        return socket

    def connected(self, socket: SocketTally, now_ms: int, took_s: float) -> None:
        """Counts a successful handshake; after a loss, the gap since the last message continues."""
        self.open_now += 1
        self.connect_s.append(took_s)
        if socket.connected_at_ms is None:
            socket.connected_at_ms = socket.last_message_at_ms = now_ms

    def disconnected(self) -> None:
        """Counts the end of an open socket."""
        self.open_now -= 1

    def failed(self, kind: str) -> None:
        """Counts an error."""
        self.errors[kind] += 1

    def count_message(self, socket: SocketTally, received: Received) -> None:
        """Counts a message."""
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
        elif kind in DELIVERY_MESSAGE_TYPES:
            self._count_delivery(socket, received, kind)

    def _count_delivery(self, socket: SocketTally, received: Received, kind: str) -> None:
        message, now_ms = received.message, received.received_at_ms
        if message.get("delivery_id") not in socket.own:
            self.failed("foreign_message")
            return
        if kind == "ended":
            self.failed(f"ended_{message.get('reason')}")
        if kind == "snapshot" and socket.snapshot_at_ms is None:
            socket.snapshot_at_ms = now_ms
            self.snapshot_s.append((now_ms - (socket.connected_at_ms or now_ms)) / 1_000)
        if received.new_position:
            self.ages_s.append((now_ms - parse_instant(message["position_at"])) / 1_000)

    def silences_s(self, now_ms: int) -> list[float]:
        """For each opened socket, the time since its last message."""
        return [
            (now_ms - socket.last_message_at_ms) / 1_000
            for socket in self.sockets
            if socket.last_message_at_ms is not None
        ]
