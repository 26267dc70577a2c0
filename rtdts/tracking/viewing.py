"""The right to view a delivery, and how much of its truck may be shown with it.

Asked anew before every push: a right is a fact about this moment, never about the moment when
somebody began to track. The rules:

- a dispatcher may view any delivery, a customer its own, nobody else any;
- the right ends with the viewer's token, when the delivery goes to another customer or is
  cancelled, and `viewing_minutes` after it was delivered or failed;
- while nothing has moved yet (`assigned`) a customer is told the status without a position;
- only the current truck is shown, and only from the start of its assignment until the delivery
  was closed: what else the truck does is none of the viewer's business.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from rtdts.tracking.deliveries import Delivery, Status
from rtdts.tracking.positions import ShownLatest, ShownPoint, TrackPoint, TruckInterval
from rtdts.tracking.roles import CUSTOMER, DISPATCHER

_MS_A_MINUTE = 60_000


class EndReason(enum.StrEnum):
    """Why viewing is over: the code that goes on the wire."""

    CANCELLED = "cancelled"
    NO_LONGER_YOURS = "no_longer_yours"
    VIEWING_OVER = "viewing_over"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason, not a secret


class Access(enum.Enum):
    """How much a viewer with a right may see."""

    FULL = "full"
    STATUS_ONLY = "status_only"


class MayView(msgspec.Struct, frozen=True, kw_only=True):
    """The viewer has a right at this moment."""

    access: Access


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The viewer has no right (any more)."""

    reason: EndReason

    @property
    def last_status_may_be_told(self) -> bool:
        """Whether the viewer may still hear the status with which it ended, never a position."""
        return self.reason in _STILL_THEIRS


Right = MayView | Ended


class ShownPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A point that a delivery's viewers may see, and what is known of it."""

    point: ShownPoint
    stale_since_ms: int | None = None
    """`event_at` of the first bad point after this one; None when it is the newest."""
    eta_earliest_ms: int | None = None
    eta_latest_ms: int | None = None
    eta_remaining_m: float | None = None
    """The remaining distance for which the ETA was made; None without one."""


_STILL_THEIRS = frozenset({EndReason.CANCELLED, EndReason.VIEWING_OVER})


def may_ever_view(delivery: Delivery, *, role: str, identity: str) -> bool:
    """Whether the delivery is this viewer's at all, whatever its status and the time.

    Args:
        delivery: The delivery, read consistently.
        role: The token's role.
        identity: The token's identity: the customer's id, for a customer.
    """
    if role == DISPATCHER:
        return True
    return role == CUSTOMER and identity == delivery.customer_id


def right_to_view(
    delivery: Delivery | None,
    *,
    role: str,
    identity: str,
    token_expires_at_ms: int,
    now_ms: int,
    viewing_minutes: int,
) -> Right:
    """Decides whether this viewer may see this delivery now.

    Reasons are tried in the order in which they disclose least: an expired token is told nothing
    of the delivery, and who lost it does not hear how it ended.

    Args:
        delivery: The delivery, read consistently at most 2 s ago; None when there is none.
        role: The token's role.
        identity: The token's identity.
        token_expires_at_ms: When the token ends, which the viewer connected with.
        now_ms: This moment.
        viewing_minutes: How long a delivered or failed delivery may still be viewed.
    """
    if now_ms >= token_expires_at_ms:
        return Ended(reason=EndReason.TOKEN_EXPIRED)
    if delivery is None or not may_ever_view(delivery, role=role, identity=identity):
        return Ended(reason=EndReason.NO_LONGER_YOURS)
    if delivery.status is Status.CANCELLED:
        return Ended(reason=EndReason.CANCELLED)
    if not delivery.is_open:
        # By when it was recorded: what time an end claims is for a truck to choose.
        if now_ms >= delivery.updated_at_ms + viewing_minutes * _MS_A_MINUTE:
            return Ended(reason=EndReason.VIEWING_OVER)
    return MayView(access=access_to(delivery, role=role))


def access_to(delivery: Delivery, *, role: str) -> Access:
    """How much of a delivery those of this role may see, of whom has a right to view it."""
    if delivery.status is Status.ASSIGNED and role == CUSTOMER:
        return Access.STATUS_ONLY
    return Access.FULL


def shown_interval_ms(delivery: Delivery) -> tuple[int, int | None]:
    """The half-open interval, by our clock, whose points may be shown; no end while open."""
    current = delivery.current
    end_ms = current.ended_at_ms
    if not delivery.is_open:
        closed_at_ms = _closed_at_ms(delivery)
        end_ms = closed_at_ms if end_ms is None else min(end_ms, closed_at_ms)
    return current.started_at_ms, end_ms


def closed_interval(delivery: Delivery) -> TruckInterval | None:
    """When the truck carried what has come to its end: its last position then is the one to show.

    None while the delivery is open, when the truck's latest is, and when it was cancelled, when
    there is none to show any more.
    """
    start_ms, end_ms = shown_interval_ms(delivery)
    if end_ms is None or delivery.status is Status.CANCELLED:
        return None
    return TruckInterval(truck_id=delivery.truck_id, start_ms=start_ms, end_ms=end_ms)


def may_show(delivery: Delivery, *, truck_id: str, counts_at_ms: int) -> bool:
    """Whether a point of this truck belongs to what the delivery's viewers see.

    Args:
        delivery: The delivery.
        truck_id: The point's truck.
        counts_at_ms: Its `counts_at_ms`: its ``event_at``, later where the clock is slow.
    """
    start_ms, end_ms = shown_interval_ms(delivery)
    if truck_id != delivery.truck_id or counts_at_ms < start_ms:
        return False
    return end_ms is None or counts_at_ms < end_ms


def position_to_show(delivery: Delivery, latest: ShownLatest | None) -> ShownPosition | None:
    """What a viewer with full access sees of the truck; None when there is nothing to show.

    Args:
        delivery: The delivery as read for the right to view.
        latest: Its truck's latest position: now, or as it was in its `closed_interval`.
    """
    if latest is None:
        return None
    point = latest.point
    if not may_show(delivery, truck_id=point.truck_id, counts_at_ms=point.counts_at_ms):
        return None
    progress = next(
        (one for one in latest.deliveries if one.delivery_id == delivery.delivery_id), None
    )
    return ShownPosition(
        point=point,
        stale_since_ms=latest.stale_since_ms,
        eta_earliest_ms=progress.eta_earliest_ms if progress else None,
        eta_latest_ms=progress.eta_latest_ms if progress else None,
        eta_remaining_m=progress.distance_remaining_m if progress else None,
    )


def track_to_show(delivery: Delivery, track: Iterable[TrackPoint]) -> tuple[TrackPoint, ...]:
    """The part of the current truck's track that a viewer with full access sees."""
    truck_id = delivery.truck_id
    return tuple(
        point
        for point in track
        if may_show(delivery, truck_id=truck_id, counts_at_ms=point.counts_at_ms)
    )


def _closed_at_ms(delivery: Delivery) -> int:
    # A closed row without its closing time can't happen through the store; were it to, the last
    # change of the row is the closing.
    return delivery.updated_at_ms if delivery.closed_at_ms is None else delivery.closed_at_ms
