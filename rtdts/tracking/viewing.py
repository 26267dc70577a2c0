"""The right to view a delivery.

It is checked again before every push: the right depends on the present moment, never on the moment
when the viewer began to track. The rules:

- a dispatcher may view any delivery, and the fleet; a customer its own; a share's viewer the
  share's delivery, while the share is live and the customer is the same as when it was created;
  no other viewer may view any;
- the right ends with the viewer's token, when the delivery goes to another customer or is
  cancelled, and `viewing_minutes` after it was closed in another way.

`rtdts.tracking.viewer_scope` decides what of the truck may be shown with it.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

from rtdts.tracking.deliveries import Delivery, Status
from rtdts.tracking.roles import CUSTOMER, DISPATCHER, SHARE
from rtdts.tracking.shares import Share

_MS_PER_MINUTE: Final = 60_000


class EndReason(enum.StrEnum):
    """Why viewing is over: the code that is sent to clients."""

    CANCELLED = "cancelled"
    NO_LONGER_YOURS = "no_longer_yours"
    VIEWING_OVER = "viewing_over"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason, not a secret


class Access(enum.Enum):
    """How much a viewer with a right may see."""

    FULL = "full"
    """The truck throughout its assignment."""
    AS_CUSTOMER = "as_customer"
    """What the delivery's visibility lets its customer see: see `rtdts.tracking.viewer_scope`."""
    STATUS_ONLY = "status_only"


class MayView(msgspec.Struct, frozen=True, kw_only=True):
    """The viewer has a right at this moment."""

    access: Access


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The viewer has no right (any more)."""

    reason: EndReason

    @property
    def last_status_may_be_shown(self) -> bool:
        """Whether the viewer may still receive its final status; never a position."""
        return self.reason in _STATUS_STILL_SHOWN


Right = MayView | Ended


_STATUS_STILL_SHOWN = frozenset({EndReason.CANCELLED, EndReason.VIEWING_OVER})


def may_ever_view(
    delivery: Delivery, *, role: str, identity: str, share: Share | None = None
) -> bool:
    """Returns whether the delivery is this viewer's at all, whatever its status and the time.

    Args:
        delivery: The delivery, read consistently.
        role: The token's role.
        identity: The token's identity: the customer's id, for a customer.
        share: The viewer's share, if its role is `SHARE`.
    """
    if role == DISPATCHER:
        return True
    if role == SHARE:
        return share is not None and share.share_id == identity and share.applies_to(delivery)
    return role == CUSTOMER and identity == delivery.customer_id


def right_to_view(
    delivery: Delivery | None,
    *,
    role: str,
    identity: str,
    token_expires_at_ms: int,
    now_ms: int,
    viewing_minutes: int,
    share: Share | None = None,
) -> Right:
    """Decides whether this viewer may see this delivery now.

    Reasons are checked in the order in which they disclose least: with an expired token nothing of
    the delivery is disclosed, and a customer that lost it does not learn how it ended.

    Args:
        delivery: The delivery, read consistently at most 2 s ago; None when there is none.
        role: The token's role.
        identity: The token's identity.
        token_expires_at_ms: When the token expires that the viewer connected with.
        now_ms: This moment.
        viewing_minutes: How long a closed delivery may still be viewed, unless it was cancelled.
        share: The viewer's share, read with the delivery; None when it has none (any more).
    """
    if now_ms >= token_expires_at_ms:
        return Ended(reason=EndReason.TOKEN_EXPIRED)
    if role == SHARE and (share is None or not share.is_live(now_ms)):
        return Ended(reason=EndReason.TOKEN_EXPIRED)
    if delivery is None or not may_ever_view(delivery, role=role, identity=identity, share=share):
        return Ended(reason=EndReason.NO_LONGER_YOURS)
    if delivery.status is Status.CANCELLED:
        return Ended(reason=EndReason.CANCELLED)
    if is_viewing_over(delivery, now_ms=now_ms, viewing_minutes=viewing_minutes):
        return Ended(reason=EndReason.VIEWING_OVER)
    return MayView(access=access_to(delivery, role=role))


def is_viewing_over(delivery: Delivery, *, now_ms: int, viewing_minutes: int) -> bool:
    """Returns whether a delivery has been closed for longer than it may be viewed."""
    # Counts from when the end was recorded: a truck chooses the effective time that it declares.
    ended_at_ms = delivery.end_recorded_at_ms
    return ended_at_ms is not None and now_ms >= ended_at_ms + viewing_minutes * _MS_PER_MINUTE


def right_to_fleet(*, role: str, token_expires_at_ms: int, now_ms: int) -> Ended | None:
    """Decides whether a viewer may see the fleet now; None if it may.

    Args:
        role: The token's role: a dispatcher's.
        token_expires_at_ms: When the token expires that the viewer connected with.
        now_ms: This moment.
    """
    if role == DISPATCHER and now_ms < token_expires_at_ms:
        return None
    return Ended(reason=EndReason.TOKEN_EXPIRED)


def access_to(delivery: Delivery, *, role: str) -> Access:
    """Returns how much of a delivery a viewer of this role may see, given the right to view it."""
    if role == DISPATCHER:
        return Access.FULL
    return Access.STATUS_ONLY if delivery.status is Status.ASSIGNED else Access.AS_CUSTOMER
