"""Decides which trucks' messages are put next (pure).

Messages of one truck that arrive within a moment are put together. A truck has at most one put in
progress, so its messages go into the stream in the order in which they arrived. A failed put waits
longer each time, and delays only its own truck.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MAX_POINTS: Final = 10_000
"""Points of all trucks in one put; it may exceed this by less than one message. Their records
usually fit into one call of `PutRecords`. A put may have time for one call only: the points of a
second one would fail without an attempt, and their trucks would back off."""


@dataclasses.dataclass
class _Truck(Generic[T]):
    waiting: deque[T]
    has_backlog: bool = False
    """Whether the last put left messages that had waited: they need not wait for more."""
    waits_s: Iterator[float] | None = None
    """The backoff of a truck whose last put failed."""


class TruckBatcher(Generic[T]):
    """Messages that are not in the stream yet, by truck.

    Args:
        points: How many points a message has.
        gather_s: How long a truck's first message waits for more.
        waits_s: Makes the waits between failed puts of a truck.
    """

    def __init__(
        self,
        points: Callable[[T], int],
        *,
        gather_s: float,
        waits_s: Callable[[], Iterator[float]],
    ) -> None:
        self._points = points
        self._gather_s = gather_s
        self._waits_s = waits_s
        self._trucks: dict[str, _Truck[T]] = {}
        self._due: list[tuple[float, int, str]] = []
        """A heap of (due time, sequence number that keeps the order, truck)."""
        self._numbers = 0

    def add(self, truck_id: str, message: T, *, now_s: float) -> None:
        """Add a message."""
        truck = self._trucks.get(truck_id)
        if truck is not None:
            truck.waiting.append(message)  # is scheduled, or will be after the put in progress
            return
        self._trucks[truck_id] = _Truck(deque((message,)))
        self._schedule(truck_id, now_s + self._gather_s)

    def next_due_s(self) -> float | None:
        """When the next truck is due; None when none is waiting."""
        return self._due[0][0] if self._due else None

    def begin_due(self, now_s: float, *, max_trucks: int) -> dict[str, list[T]]:
        """Begin the puts of the trucks that are due, and return their messages in order.

        Args:
            now_s: The time.
            max_trucks: How many trucks at most. Those beyond this or `MAX_POINTS` stay due.
        """
        due: dict[str, list[T]] = {}
        free_points = MAX_POINTS
        while free_points > 0 and self._due and self._due[0][0] <= now_s and len(due) < max_trucks:
            _, _, truck_id = heapq.heappop(self._due)
            truck = self._trucks[truck_id]
            due[truck_id] = self._next_messages(truck, free_points)
            free_points -= sum(map(self._points, due[truck_id]))
        return due

    def done(self, truck_id: str, failed: Sequence[T], *, now_s: float) -> None:
        """End the put of a truck.

        Args:
            truck_id: Which truck.
            failed: The messages that must be put again, in order.
            now_s: The time.
        """
        truck = self._trucks[truck_id]
        truck.waiting.extendleft(reversed(failed))
        if failed:
            truck.waits_s = truck.waits_s or self._waits_s()
            self._schedule(truck_id, now_s + next(truck.waits_s))
        elif truck.waiting:
            truck.waits_s = None
            self._schedule(truck_id, now_s + (0.0 if truck.has_backlog else self._gather_s))
        else:
            del self._trucks[truck_id]

    def _next_messages(self, truck: _Truck[T], free_points: int) -> list[T]:
        """Takes messages with at most this many points together, but at least one message."""
        messages: list[T] = []
        points = 0
        while truck.waiting:
            points += self._points(truck.waiting[0])
            if messages and points > free_points:
                break
            messages.append(truck.waiting.popleft())
        truck.has_backlog = bool(truck.waiting)
        return messages

    def hasten(self) -> None:
        """Make all trucks due now: no more messages will come."""
        self._gather_s = 0.0
        self._due = [(0.0, number, truck_id) for _, number, truck_id in self._due]
        heapq.heapify(self._due)

    def _schedule(self, truck_id: str, at_s: float) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (at_s, self._numbers, truck_id))
