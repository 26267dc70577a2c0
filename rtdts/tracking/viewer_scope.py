"""How much of a truck may be shown with a delivery to a viewer with the right to view it.

- a dispatcher is shown the current truck from the start of its assignment until the end of the
  delivery was recorded;
- a customer is shown it from when it was on its way for this delivery and this customer, as far as
  the delivery's visibility allows, until the delivery ended. What else the truck does, or did
  before, does not concern the customer. At other times a customer receives the status alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from rtdts.tracking.deliveries import UNDER_WAY, Delivery, DeliveryEvent, Place, Status
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.positions import ShownLatest, ShownPoint, TrackPoint, TruckInterval
from rtdts.tracking.truck_stops import TruckStops
from rtdts.tracking.viewing import Access
from rtdts.tracking.visibility import EnRoute, NextStop, WithinDistance, WithinTime

_MS_PER_MINUTE: Final = 60_000
_DESTINATION_MARGIN_M: Final = 100.0
"""Margin around the destination's geofence: for where the truck parks, and the positions' error."""


class ShownPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A point that a delivery's viewers may see, and what is known of it."""

    point: ShownPoint
    stale_since_ms: int | None = None
    """`event_at` of the first bad point after this one; None when it is the newest."""
    eta_earliest_ms: int | None = None
    eta_latest_ms: int | None = None
    eta_remaining_m: float | None = None
    """The remaining distance for which the ETA was made; None without one."""


def events_to_show(
    delivery: Delivery, events: Iterable[DeliveryEvent], *, is_customer: bool
) -> tuple[DeliveryEvent, ...]:
    """Returns the events that a viewer may see: for a customer, none of a former customer's."""
    first = delivery.customer_since_version if is_customer else 1
    return tuple(event for event in events if first <= event.version <= delivery.version)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which points may be shown: one truck's, of an interval, and perhaps only near a place."""

    truck_id: str
    start_ms: int
    """Start of the interval, by our clock."""
    end_ms: int | None = None
    """End of the interval, exclusive; None while the delivery is open."""
    near: Place | None = None
    """Only inside this circle, if given."""
    expected_within_ms: int | None = None
    """Only while the truck is expected at `near` within this time, or is there."""

    def has(self, point: ShownPoint | TrackPoint, *, truck_id: str) -> bool:
        """Returns whether a point lies in the truck's interval; does not check the place."""
        at_ms = point.counts_at_ms
        if truck_id != self.truck_id or at_ms < self.start_ms:
            return False
        return self.end_ms is None or at_ms < self.end_ms

    def is_near(self, point: ShownPoint | TrackPoint) -> bool:
        """Returns whether a point lies where it may be shown."""
        near = self.near
        if near is None:
            return True
        return distance_m(point.lat, point.lon, near.lat, near.lon) <= near.radius_m


def needs_stops(delivery: Delivery) -> bool:
    """Returns whether what its customer is shown depends on the truck's other stops."""
    is_hidden = not delivery.is_open or delivery.status is Status.ASSIGNED
    return isinstance(delivery.visibility, NextStop) and not is_hidden


def is_numbered(delivery: Delivery) -> bool:
    """Returns whether its viewers are shown how many stops come before it."""
    return delivery.is_open and delivery.stop_sequence is not None


def stops_before(delivery: Delivery, stops: TruckStops | None) -> int | None:
    """Returns how many stops come before a delivery; None when that is not shown, or not known."""
    if stops is None or not is_numbered(delivery):
        return None
    return stops.count_before(delivery.delivery_id)


def scope_of(delivery: Delivery, access: Access, stops: TruckStops | None) -> Scope | None:
    """Returns what may be shown of a delivery's truck; None when nothing may.

    For a delivery that has ended, its customer is shown the truck at the destination's door,
    whatever stops come first by then; with the policy `en_route`, as before.

    Args:
        delivery: The delivery, as read for the right to view.
        access: The viewer's access.
        stops: The truck's stops, with this delivery; None if they are not known. Required only if
            `needs_stops`.
    """
    started_at_ms = delivery.current.started_at_ms
    truck_id = delivery.truck_id
    if access is Access.STATUS_ONLY or delivery.status is Status.CANCELLED:
        return None
    if access is Access.FULL:
        return Scope(truck_id=truck_id, start_ms=started_at_ms, end_ms=delivery.end_recorded_at_ms)
    # Rows from before this field existed show what came after their last change.
    shown_from_ms = delivery.shown_from_ms
    start_ms = max(
        started_at_ms,
        delivery.customer_since_ms,
        delivery.updated_at_ms if shown_from_ms is None else shown_from_ms,
    )
    scope = Scope(truck_id=truck_id, start_ms=start_ms, end_ms=_customers_end_ms(delivery))
    if isinstance(delivery.visibility, EnRoute):
        return scope
    if not delivery.is_open:
        return msgspec.structs.replace(scope, near=_destination_area(delivery))
    return _narrowed(delivery, scope, stops)


def _narrowed(delivery: Delivery, scope: Scope, stops: TruckStops | None) -> Scope | None:
    """Returns what a policy leaves of the scope of an open delivery."""
    match delivery.visibility:
        case NextStop():
            if stops is None or not stops.is_next(delivery.delivery_id):
                return None
            start_ms = max(scope.start_ms, stops.changed_at_ms)
            return msgspec.structs.replace(scope, start_ms=start_ms)
        case WithinDistance(distance_m=radius_m) if delivery.status in UNDER_WAY:
            near = msgspec.structs.replace(delivery.destination, radius_m=radius_m)
            return msgspec.structs.replace(scope, near=near)
        case WithinTime(minutes=minutes) if delivery.status in UNDER_WAY:
            return msgspec.structs.replace(
                scope, near=_destination_area(delivery), expected_within_ms=minutes * _MS_PER_MINUTE
            )
    return None


def closed_interval(delivery: Delivery, access: Access) -> TruckInterval | None:
    """Returns when the truck carried a delivery that has ended: its last position then is shown.

    None while the delivery is open, because the truck's latest position is shown; and when it was
    cancelled, because no position is shown any more. The `Scope` limits what may be shown of it.
    """
    if delivery.is_open or delivery.status is Status.CANCELLED:
        return None
    end_ms = _customers_end_ms(delivery)
    if access is Access.FULL:
        end_ms = delivery.end_recorded_at_ms
    if end_ms is None:
        return None
    return TruckInterval(
        truck_id=delivery.truck_id, start_ms=delivery.current.started_at_ms, end_ms=end_ms
    )


def position_to_show(
    delivery: Delivery, latest: ShownLatest | None, scope: Scope | None, *, now_ms: int
) -> ShownPosition | None:
    """Returns what a viewer sees of the truck; None when there is nothing to show.

    Args:
        delivery: The delivery as read for the right to view.
        latest: Its truck's latest position: now, or as it was in its `closed_interval`.
        scope: What may be shown.
        now_ms: This moment.
    """
    if latest is None or scope is None:
        return None
    point = latest.point
    if not scope.has(point, truck_id=point.truck_id):
        return None
    progress = next(
        (one for one in latest.deliveries if one.delivery_id == delivery.delivery_id), None
    )
    shown = ShownPosition(
        point=point,
        stale_since_ms=latest.stale_since_ms,
        eta_earliest_ms=progress.eta_earliest_ms if progress else None,
        eta_latest_ms=progress.eta_latest_ms if progress else None,
        eta_remaining_m=progress.distance_remaining_m if progress else None,
    )
    if scope.is_near(point) or _is_expected(shown, scope, now_ms):
        return shown
    return None


def _is_expected(shown: ShownPosition, scope: Scope, now_ms: int) -> bool:
    earliest_ms, latest_ms = shown.eta_earliest_ms, shown.eta_latest_ms
    if scope.expected_within_ms is None or earliest_ms is None or latest_ms is None:
        return False
    is_current = shown.stale_since_ms is None and now_ms <= latest_ms
    return is_current and earliest_ms - now_ms <= scope.expected_within_ms


def track_to_show(scope: Scope | None, track: Sequence[TrackPoint]) -> tuple[TrackPoint, ...]:
    """Returns the part of a truck's track that a viewer sees.

    With a policy that depends on the place, that is the part since the truck last came near: it may
    have been there before for others. With a policy that depends on the expected time, it is not
    known which part the truck drove while it was expected, so it is the part near the door.
    """
    if scope is None:
        return ()
    kept: list[TrackPoint] = []
    for point in reversed(track):
        if not scope.has(point, truck_id=scope.truck_id):
            continue
        if not scope.is_near(point):
            break
        kept.append(point)
    return tuple(reversed(kept))


def _customers_end_ms(delivery: Delivery) -> int | None:
    """Returns until when a customer is shown the truck; None while the delivery is open."""
    # The store writes no closed row without its closing time; if there were one, the last change
    # of the row would be the closing.
    closed_at_ms = delivery.closed_at_ms
    return delivery.end_recorded_at_ms if closed_at_ms is None else closed_at_ms


def _destination_area(delivery: Delivery) -> Place:
    destination = delivery.destination
    radius_m = destination.radius_m + _DESTINATION_MARGIN_M
    return msgspec.structs.replace(destination, radius_m=radius_m)
