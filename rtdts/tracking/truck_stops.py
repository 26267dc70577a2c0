"""The order of a truck's stops, according to its open deliveries.

A dispatcher may number the stops (`stop_sequence`). Stops without a number come after the numbered
ones, by the start of their promised window; one without a window is due from its creation on.
"""

from __future__ import annotations

import msgspec

from rtdts.tracking.deliveries import Delivery


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """One open delivery of a truck. Older matches were stored without the fields with defaults."""

    delivery_id: str
    stop_sequence: int | None = None
    """The dispatcher's number; the same number is the same stop."""
    due_ms: int = 0
    """Start of the promised window, or the creation."""
    created_at_ms: int = 0

    def precedes(self, other: Stop) -> bool:
        """Returns whether the truck makes this stop before the other one."""
        if self.stop_sequence is not None and other.stop_sequence is not None:
            return self.stop_sequence < other.stop_sequence
        if self.stop_sequence is not None or other.stop_sequence is not None:
            return self.stop_sequence is not None
        return (self.due_ms, self.created_at_ms, self.delivery_id) < (
            other.due_ms,
            other.created_at_ms,
            other.delivery_id,
        )


class TruckStops(msgspec.Struct, frozen=True, kw_only=True):
    """The stops ahead of a truck."""

    stops: tuple[Stop, ...] = ()
    changed_at_ms: int = 0
    """When a stop was last removed or changed its place in the order: what the truck did before may
    have been for another customer."""
    is_complete: bool = True
    """Whether all stops could be read."""

    @property
    def delivery_ids(self) -> frozenset[str]:
        """The deliveries that could be read."""
        return frozenset(stop.delivery_id for stop in self.stops)

    def is_next(self, delivery_id: str) -> bool:
        """Returns whether no other stop comes first. False when that is not known."""
        own = next((stop for stop in self.stops if stop.delivery_id == delivery_id), None)
        if own is None or not self.is_complete:
            return False
        return not any(stop.precedes(own) for stop in self.stops)

    def count_before(self, delivery_id: str) -> int | None:
        """Returns how many stops have a lower number; None when that is not known.

        The order of stops without a number is guessed from their windows: good enough for hiding a
        truck, but not for counting stops.
        """
        own = next((stop for stop in self.stops if stop.delivery_id == delivery_id), None)
        if own is None or own.stop_sequence is None or not self.is_complete:
            return None
        numbers = {stop.stop_sequence for stop in self.stops if stop.stop_sequence is not None}
        return sum(number < own.stop_sequence for number in numbers)


def stop_of(delivery: Delivery) -> Stop:
    """Returns a delivery's stop."""
    window = delivery.window
    return Stop(
        delivery_id=delivery.delivery_id,
        stop_sequence=delivery.stop_sequence,
        due_ms=delivery.created_at_ms if window is None else window.start_ms,
        created_at_ms=delivery.created_at_ms,
    )
