"""A truck's current delivery, of all that it carries: shown in a view of the fleet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from rtdts.tracking.deliveries import CLOSED, Delivery, Promise, Status
from rtdts.tracking.truck_stops import stop_of

_FURTHEST_FIRST: Final = (
    Status.ARRIVED,
    Status.NEARBY,
    Status.IN_TRANSIT,
    Status.AT_PICKUP,
    Status.EN_ROUTE_TO_PICKUP,
    Status.ASSIGNED,
)
_RANKS: Final = {status: rank for rank, status in enumerate(_FURTHEST_FIRST)}
_LAST_STOP: Final = 2**63


class CurrentDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """A truck's current delivery."""

    delivery_id: str
    status: Status
    late_from_ms: int | None = None
    """From when on it is late, unless it arrives before; None: it has no window, or has arrived."""


class CarriedDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One of a truck's open deliveries."""

    delivery_id: str
    status: Status
    promise: Promise
    eta_earliest_ms: int | None = None


def promise_of(delivery: Delivery) -> Promise:
    """Returns the promise of a delivery as it is planned now."""
    window, stop = delivery.window, stop_of(delivery)
    return Promise(
        window_end_ms=None if window is None else window.end_ms,
        stop_sequence=stop.stop_sequence,
        due_ms=stop.due_ms,
    )


def current_delivery(
    carried: Iterable[CarriedDelivery], *, known_at_ms: int
) -> CurrentDelivery | None:
    """Returns the truck's open delivery with the furthest status; of several, the next stop.

    Args:
        carried: The deliveries that the truck carries.
        known_at_ms: When the ETAs were made: a delivery that they show to be late is late from then
            on.
    """
    open_ones = [one for one in carried if one.status not in CLOSED]
    if not open_ones:
        return None
    first = min(open_ones, key=_place)
    return CurrentDelivery(
        delivery_id=first.delivery_id,
        status=first.status,
        late_from_ms=_late_from_ms(first, known_at_ms),
    )


def _place(one: CarriedDelivery) -> tuple[int, int, int, str]:
    promise = one.promise
    sequence = _LAST_STOP if promise.stop_sequence is None else promise.stop_sequence
    return _RANKS[one.status], sequence, promise.due_ms, one.delivery_id


def _late_from_ms(one: CarriedDelivery, known_at_ms: int) -> int | None:
    end_ms = one.promise.window_end_ms
    if end_ms is None or one.status is Status.ARRIVED:
        return None
    # The range is wide: a delivery is late only if even the early end is too late.
    if one.eta_earliest_ms is not None and one.eta_earliest_ms > end_ms:
        return min(end_ms, known_at_ms)
    return end_ms
