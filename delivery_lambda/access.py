"""Access rules of this Lambda, as data: they are enforced here and shown in docs/security.md.

They cover only roles and ownership: `decisions` defines what a request may then do to a delivery in
its current state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from delivery_lambda.routes import (
    CREATE_SHARE,
    DECLARE_EVENT,
    GET_DELIVERY,
    ISSUE_TICKET,
    LIST_DELIVERIES,
    LIST_SHARES,
    PUT_DELIVERY,
    REVOKE_SHARE,
)
from rtdts.tracking.callers import Caller
from rtdts.tracking.deliveries import DeclaredType, Delivery
from rtdts.tracking.instants import MS_PER_DAY
from rtdts.tracking.roles import CUSTOMER, DISPATCHER, TRUCK

CALLERS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    PUT_DELIVERY: (DISPATCHER,),
    GET_DELIVERY: (DISPATCHER, CUSTOMER, TRUCK),
    LIST_DELIVERIES: (DISPATCHER, CUSTOMER, TRUCK),
    DECLARE_EVENT: (DISPATCHER, TRUCK),
    ISSUE_TICKET: (DISPATCHER, CUSTOMER),
    CREATE_SHARE: (DISPATCHER,),
    LIST_SHARES: (DISPATCHER,),
    REVOKE_SHARE: (DISPATCHER,),
}
"""The roles that may call each route."""

DECLARABLE: Final[Mapping[str, tuple[DeclaredType, ...]]] = {
    DISPATCHER: tuple(DeclaredType),
    TRUCK: (DeclaredType.PICKED_UP, DeclaredType.DELIVERED, DeclaredType.FAILED),
}
"""What each role may declare."""

TRUCK_SEES_CLOSED_FOR_MS: Final = MS_PER_DAY
"""A stolen truck token must not list a year of customers and their addresses."""


def may_see(caller: Caller, delivery: Delivery, *, now_ms: int) -> bool:
    """Returns whether the delivery exists for the caller."""
    if caller.role == DISPATCHER:
        return True
    if caller.role == CUSTOMER:
        return caller.identity == delivery.customer_id
    return caller.identity == delivery.truck_id and _is_recent(delivery, now_ms)


def closed_since_ms(caller: Caller, now_ms: int) -> int | None:
    """Returns the time after which a listed delivery, unless open, was closed; None: any time."""
    return now_ms - TRUCK_SEES_CLOSED_FOR_MS if caller.role == TRUCK else None


def _is_recent(delivery: Delivery, now_ms: int) -> bool:
    closed_at_ms = delivery.closed_at_ms
    if delivery.is_open or closed_at_ms is None:
        return delivery.is_open
    return closed_at_ms > now_ms - TRUCK_SEES_CLOSED_FOR_MS
