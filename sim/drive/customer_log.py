"""Everything that one customer's socket received, as evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from rtdts.runtime.deadline import Deadline
from rtdts.tracking.deliveries import Status
from rtdts.tracking.instants import parse_instant
from sim.viewers.receiver import Received

DELIVERY_MESSAGE_TYPES = frozenset({"snapshot", "position", "status", "ended"})


@dataclass(frozen=True)
class ShownPosition:
    """A position received on a socket: the time of its fix, the time of receipt, the place."""

    delivery_id: str
    position_at_ms: int
    received_at_ms: int
    lat: float
    lon: float

    @property
    def age_s(self) -> float:
        """Seconds from the fix to its receipt on the socket."""
        return (self.received_at_ms - self.position_at_ms) / 1000


@dataclass(frozen=True)
class Gap:
    """An interval in which a customer received no message about its delivery."""

    from_ms: int
    to_ms: int

    @property
    def length_s(self) -> float:
        """Length of the gap, in seconds."""
        return (self.to_ms - self.from_ms) / 1000


@dataclass
class CustomerLog:
    """The messages that a customer received, sorted on receipt.

    Attributes:
        customer_id: The customer.
        own: The deliveries that are this customer's.
        message_times_ms: When messages about its deliveries were received, in that order.
        foreign: Messages about anything else: each one is a breach.
        rejected: For each delivery, how often the service said that it does not exist (for this
            viewer).
        problems: Messages that violate the service's contract.
        statuses: For each delivery, every status that a message reported.
        positions: Each new position, in the order of receipt.
    """

    customer_id: str
    own: Collection[str]
    message_times_ms: list[int] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    statuses: dict[str, set[Status]] = field(default_factory=dict)
    positions: list[ShownPosition] = field(default_factory=list)
    last_position_at_ms: int | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, received: Received) -> None:
        """Sort one message; used as the viewer's ``on_message``."""
        message, kind = received.message, received.message.get("type")
        if received.problem is not None:
            self.problems.append(received.problem)
        if kind == "error" and message.get("reason") == "not_found":
            delivery_id = str(message.get("delivery_id"))
            self.rejected[delivery_id] = self.rejected.get(delivery_id, 0) + 1
        elif kind in DELIVERY_MESSAGE_TYPES and message.get("delivery_id") not in self.own:
            self.foreign.append(f"{kind} of {message.get('delivery_id')}")
        elif kind in DELIVERY_MESSAGE_TYPES and received.problem is None:
            self._receive_own(message, received)
        self._changed.set()

    def _receive_own(self, message: Mapping[str, Any], received: Received) -> None:
        self.message_times_ms.append(received.received_at_ms)
        delivery_id = message["delivery_id"]
        entries = [message, *message.get("events", ())]
        seen = self.statuses.setdefault(delivery_id, set())
        seen.update(Status(entry["status"]) for entry in entries if "status" in entry)
        if received.new_position:
            self.last_position_at_ms = parse_instant(message["position_at"])
            self.positions.append(
                ShownPosition(
                    delivery_id,
                    self.last_position_at_ms,
                    received.received_at_ms,
                    message["position"]["lat"],
                    message["position"]["lon"],
                )
            )

    @property
    def messages(self) -> int:
        """How many messages about its deliveries were received."""
        return len(self.message_times_ms)

    def gaps(self, until_ms: int) -> tuple[Gap, ...]:
        """The gaps between its messages, and the one since the last, which has not ended yet."""
        return tuple(map(Gap, self.message_times_ms, [*self.message_times_ms[1:], until_ms]))

    def saw(self, delivery_id: str, status: Status) -> bool:
        """Whether any message reported the delivery in that status."""
        return status in self.statuses.get(delivery_id, ())

    async def wait_until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Wait for messages until the condition holds; False when it does not in time."""
        deadline = Deadline(within_s)
        while not condition():
            self._changed.clear()
            try:
                async with asyncio.timeout(deadline.remaining_s):
                    await self._changed.wait()
            except TimeoutError:
                return condition()
        return True
