"""Decides what a request may do to a delivery, and what the delivery then becomes.

Pure: rows and requests in; a change, or the reason why there is none, out.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

import msgspec

from rtdts.tracking.deliveries import (
    BEFORE_PICKUP,
    CLOSED,
    Assignment,
    Cause,
    DeclaredType,
    Delivery,
    DeliveryEvent,
    Doubt,
    FailureCode,
    Place,
    Status,
    TimeWindow,
    shown_from,
)
from rtdts.tracking.doubts import doubts_about
from rtdts.tracking.roles import TRUCK
from rtdts.tracking.visibility import DEFAULT_VISIBILITY, Visibility

CLOCK_TOLERANCE_MS = 30_000
"""How far a declaring client's clock may be ahead: as much as a truck's (see ingest's stamping)."""

MAX_TRUCK_PICKUPS = 10
"""Pickups that trucks may declare for one delivery. Their other declarations end it, so without
this limit a truck could make its log grow without end. Dispatchers have no limit."""

ANY_VERSION = "*"


class Reason(enum.Enum):
    """Why a request is rejected."""

    NOT_FOUND = enum.auto()
    CLOSED = enum.auto()
    OTHER_VERSION = enum.auto()
    ILLEGAL_STATUS = enum.auto()
    KEY_REUSED = enum.auto()
    NOT_YET = enum.auto()
    BEFORE_ASSIGNMENT = enum.auto()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeliverySpec:
    """The truck, customer, route and terms: all that the dispatcher decides."""

    truck_id: str
    customer_id: str
    origin: Place
    destination: Place
    window: TimeWindow | None = None
    visibility: Visibility = DEFAULT_VISIBILITY
    stop_sequence: int | None = None
    origin_name: str | None = None
    destination_name: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Declaration:
    """A declaration: an event that a person reports."""

    type: DeclaredType
    at_ms: int | None
    """When it happened, if the request says so; otherwise now."""
    note: str | None
    proof: str | None
    idempotency_key: str
    request_hash: str
    failure_code: FailureCode | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """The change to write."""

    before: Delivery | None
    after: Delivery
    events: tuple[DeliveryEvent, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Unchanged:
    """Everything is already as requested."""

    delivery: Delivery


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rejection:
    """Why a request is rejected; `detail` is for the caller."""

    reason: Reason
    detail: str
    field: str | None = None
    """The invalid part of the request, if there is one."""


Decision = Change | Unchanged | Rejection


def decide_plan(
    before: Delivery | None,
    delivery_id: str,
    plan: DeliverySpec,
    *,
    expected_version: int | str | None,
    actor: str,
    now_ms: int,
) -> Decision:
    """Creates a delivery, or brings it in line with a plan, by at most one event.

    Args:
        before: The current delivery; None when there is none.
        delivery_id: Its id.
        plan: The dispatcher's plan.
        expected_version: The version that it must be at; `ANY_VERSION`: it must exist.
        actor: The caller.
        now_ms: The current time; a new truck's assignment starts here.
    """
    if before is not None and not before.is_open:
        return Rejection(reason=Reason.CLOSED, detail=f"the delivery is {before.status}")
    if (rejection := _wrong_version(before, expected_version)) is not None:
        return rejection
    if before is None:
        return _create(delivery_id, plan, actor, now_ms)
    if plan == _plan_of(before):
        return Unchanged(delivery=before)
    return _change(before, plan, actor, now_ms)


def decide_declaration(
    delivery: Delivery,
    log: Sequence[DeliveryEvent],
    declaration: Declaration,
    *,
    actor: str,
    now_ms: int,
) -> Decision:
    """Records a declaration, once per idempotency key, if it is consistent with what is known.

    Args:
        delivery: The current delivery.
        log: All its events; this declaration may already be among them.
        declaration: The declaration.
        actor: The caller that makes it.
        now_ms: The current time.
    """
    for event in log:
        if event.idempotency_key == declaration.idempotency_key:
            if event.request_hash == declaration.request_hash:
                return Unchanged(delivery=delivery)
            return Rejection(
                reason=Reason.KEY_REUSED,
                detail="this Idempotency-Key was used before with another body",
            )
    if delivery.status not in _LEGAL_FROM[declaration.type]:
        return Rejection(
            reason=Reason.ILLEGAL_STATUS,
            detail=f"{declaration.type} is not possible while the delivery is {delivery.status}",
        )
    is_pickup = declaration.type is DeclaredType.PICKED_UP
    if is_pickup and _is_truck(actor) and _truck_pickups(log) >= MAX_TRUCK_PICKUPS:
        return Rejection(
            reason=Reason.ILLEGAL_STATUS,
            detail=f"trucks have declared picked_up {MAX_TRUCK_PICKUPS} times",
        )
    now_ms = max(now_ms, delivery.updated_at_ms)  # clocks differ: a row's time never goes back
    at_ms = now_ms if declaration.at_ms is None else declaration.at_ms
    if at_ms > now_ms + CLOCK_TOLERANCE_MS:
        return Rejection(reason=Reason.NOT_YET, detail="at: lies in the future", field="at")
    if at_ms < delivery.current.started_at_ms:
        detail = "at: lies before the start of the truck's assignment"
        return Rejection(reason=Reason.BEFORE_ASSIGNMENT, detail=detail, field="at")
    effective_at_ms = min(at_ms, now_ms)
    if is_pickup:
        effective_at_ms = max(effective_at_ms, _last_declared_ms(log))
        now_ms = max(now_ms, effective_at_ms)
    doubts = doubts_about(declaration.type, effective_at_ms, delivery, log)
    return _declare(delivery, declaration, actor, effective_at_ms, now_ms, doubts)


def _truck_pickups(log: Sequence[DeliveryEvent]) -> int:
    return sum(event.declared is DeclaredType.PICKED_UP and _is_truck(event.actor) for event in log)


def _is_truck(actor: str | None) -> bool:
    return actor is not None and actor.startswith(f"{TRUCK}:")


def _last_declared_ms(log: Sequence[DeliveryEvent]) -> int:
    """Returns the effective time of a person's last event (a rule's event names its point).

    A delivery's timeline orders declarations by effective time. A pickup that is reported late,
    after the truck or the plan was changed, would come before that change in the timeline and after
    it in the log; so it takes effect with the change. An end keeps its time however late it is
    reported.

    Events with the same effective time are ordered by status: after a change that kept `nearby`, a
    pickup takes effect a millisecond later.
    """
    return max(
        (
            event.effective_at_ms + (event.status is Status.NEARBY)
            for event in log
            if event.point_id is None
        ),
        default=0,
    )


def _wrong_version(before: Delivery | None, expected: int | str | None) -> Rejection | None:
    if expected is None:
        return None
    if before is None:
        return Rejection(reason=Reason.OTHER_VERSION, detail="the delivery does not exist")
    if expected not in (ANY_VERSION, before.version):
        detail = f"the delivery is at version {before.version}"
        return Rejection(reason=Reason.OTHER_VERSION, detail=detail)
    return None


def _create(delivery_id: str, plan: DeliverySpec, actor: str, now_ms: int) -> Change:
    after = Delivery(
        delivery_id=delivery_id,
        **_terms(plan),
        customer_since_ms=now_ms,
        status=Status.ASSIGNED,
        version=1,
        assignments=(Assignment(assignment=1, truck_id=plan.truck_id, started_at_ms=now_ms),),
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
    )
    return Change(
        before=None, after=after, events=(_event(after, Cause.ASSIGNED, now_ms, now_ms, actor),)
    )


def _change(before: Delivery, plan: DeliverySpec, actor: str, now_ms: int) -> Change:
    # The clocks of two Lambdas differ a little: no interval may end before it began, and no
    # declaration takes effect before an earlier one.
    at_ms = max(now_ms, before.updated_at_ms)
    status, cause, assignments = _status_under(before, plan), Cause.CORRECTED, before.assignments
    if plan.truck_id != before.truck_id:
        assignments = _reassigned(before, plan.truck_id, at_ms)
        if before.status in BEFORE_PICKUP:
            status, cause = Status.ASSIGNED, Cause.ASSIGNED
        else:
            cause = Cause.TRANSFERRED
    since_ms, since_version = before.customer_since_ms, before.customer_since_version
    if plan.customer_id != before.customer_id:
        since_ms, since_version = at_ms, before.version + 1
    after = msgspec.structs.replace(
        before,
        **_terms(plan),
        customer_since_ms=since_ms,
        customer_since_version=since_version,
        shown_from_ms=_shown_from_ms(before, plan, status, at_ms),
        status=status,
        version=before.version + 1,
        assignments=assignments,
        updated_at_ms=at_ms,
    )
    return Change(before=before, after=after, events=(_event(after, cause, at_ms, at_ms, actor),))


def _shown_from_ms(before: Delivery, plan: DeliverySpec, status: Status, at_ms: int) -> int | None:
    """Starts over with another customer, truck or policy: none of them reveals what was before."""
    is_unchanged = (plan.customer_id, plan.truck_id, plan.visibility) == (
        before.customer_id,
        before.truck_id,
        before.visibility,
    )
    return shown_from(before.shown_from_ms if is_unchanged else None, status, at_ms)


def _status_under(before: Delivery, plan: DeliverySpec) -> Status:
    """Returns the part of the status that stays valid under another plan.

    A truck that is at or near one place need not be near another. From the truck's next point on,
    the rules find its status under the new plan.
    """
    if before.status is Status.AT_PICKUP and _has_moved(before.origin, plan.origin):
        return Status.EN_ROUTE_TO_PICKUP
    was_shown_destination = before.status in (Status.NEARBY, Status.ARRIVED)
    if was_shown_destination and _has_moved(before.destination, plan.destination):
        return Status.IN_TRANSIT
    return before.status


def _has_moved(place: Place, other: Place) -> bool:
    return (place.lat, place.lon) != (other.lat, other.lon)


def _reassigned(before: Delivery, truck_id: str, at_ms: int) -> tuple[Assignment, ...]:
    ended = msgspec.structs.replace(before.current, ended_at_ms=at_ms)
    begun = Assignment(assignment=before.assignment + 1, truck_id=truck_id, started_at_ms=at_ms)
    return (*before.assignments[:-1], ended, begun)


def _declare(
    before: Delivery,
    declaration: Declaration,
    actor: str,
    at_ms: int,
    now_ms: int,
    doubts: tuple[Doubt, ...],
) -> Change:
    status = _LEADS_TO[declaration.type]
    # A time that the sensors contradict ends nothing in the past.
    closed_at_ms = now_ms if doubts else at_ms
    after = msgspec.structs.replace(
        before,
        status=status,
        version=before.version + 1,
        updated_at_ms=now_ms,
        shown_from_ms=shown_from(before.shown_from_ms, status, at_ms),
        closed_at_ms=closed_at_ms if status in CLOSED else None,
        failure_code=declaration.failure_code,
    )
    event = msgspec.structs.replace(
        _event(after, Cause.DECLARED, at_ms, now_ms, actor),
        declared=declaration.type,
        note=declaration.note,
        proof=declaration.proof,
        failure_code=declaration.failure_code,
        idempotency_key=declaration.idempotency_key,
        request_hash=declaration.request_hash,
        doubts=doubts,
    )
    return Change(before=before, after=after, events=(event,))


def _event(
    after: Delivery, cause: Cause, effective_at_ms: int, recorded_at_ms: int, actor: str
) -> DeliveryEvent:
    return DeliveryEvent(
        delivery_id=after.delivery_id,
        version=after.version,
        status=after.status,
        cause=cause,
        effective_at_ms=effective_at_ms,
        recorded_at_ms=recorded_at_ms,
        assignment=after.assignment,
        truck_id=after.truck_id,
        actor=actor,
    )


def _plan_of(delivery: Delivery) -> DeliverySpec:
    names = (field.name for field in dataclasses.fields(DeliverySpec))
    return DeliverySpec(**{name: getattr(delivery, name) for name in names})


def _terms(plan: DeliverySpec) -> dict[str, Any]:
    """Returns the fields that the delivery's row has, too: all but the truck."""
    terms = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)}
    del terms["truck_id"]
    return terms


_LEADS_TO = {
    DeclaredType.PICKED_UP: Status.IN_TRANSIT,
    DeclaredType.DELIVERED: Status.DELIVERED,
    DeclaredType.FAILED: Status.FAILED,
    DeclaredType.CANCELLED: Status.CANCELLED,
}

_OPEN = frozenset(Status) - CLOSED

_LEGAL_FROM = {
    # The sensors determine where the truck is; they may have reached `in_transit` or `nearby` too
    # early. The pickup can't follow the arrival.
    DeclaredType.PICKED_UP: _OPEN - {Status.ARRIVED},
    DeclaredType.DELIVERED: _OPEN,
    DeclaredType.FAILED: _OPEN,
    DeclaredType.CANCELLED: _OPEN,
}
