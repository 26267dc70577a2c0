"""A delivery's status as its truck's fixes tell it: a pure step from one fix to the next.

The rules only lead forward, along `Status`'s order. What leads back or ends a delivery is declared
(see `rtdts.tracking.timeline`). A fix of poor quality decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from rtdts.tracking.deliveries import BEFORE_PICKUP, UNDER_WAY, Cause, Place, Status
from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m


class StatusRules(msgspec.Struct, frozen=True, kw_only=True):
    """Distances and dwells of the status rules."""

    near_m: float = 1_000.0
    """So close to the destination's centre is `nearby` (inside its geofence always is)."""
    dwell_s: float = 60.0
    """So long inside a geofence is being there."""
    exit_margin_m: float = 30.0
    """So far outside the origin's geofence is having left: noise at the fence is not."""


class Transition(msgspec.Struct, frozen=True, array_like=True):
    """One change of status, and why."""

    status: Status
    cause: Cause
    effective_at_ms: int
    """``event_at`` of the point with which it became true."""
    point_id: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Where a delivery goes from and to."""

    origin: Place
    destination: Place


class Machine(msgspec.Struct, frozen=True, array_like=True):
    """One delivery's machine between two fixes."""

    status: Status
    inside_since_ms: int | None = None
    """Since when the truck is inside the geofence that matters now; None when it is outside."""
    transitions: tuple[Transition, ...] = ()
    """All that it made so far, in order."""


Rule = Callable[[Machine, Fix, Plan, StatusRules], bool]


def step(machine: Machine, fix: Fix, plan: Plan, rules: StatusRules) -> Machine:
    """The machine after one more fix, which must not be earlier than those before it.

    One fix may make several transitions: a short way can leave the origin and be near the
    destination at once.
    """
    if not fix.is_good:
        return machine
    while True:
        machine = _timed(machine, fix, plan)
        for target, cause, holds in _RULES[machine.status]:
            if holds(machine, fix, plan, rules):
                made = Transition(target, cause, fix.event_at_ms, fix.point_id)
                # A dwell counts for one transition and one place.
                machine = Machine(target, None, (*machine.transitions, made))
                break
        else:
            return machine


def _timed(machine: Machine, fix: Fix, plan: Plan) -> Machine:
    fence = _fence(machine.status, plan)
    if fence is None:
        return machine
    is_inside = _to(fence, fix) <= fence.radius_m
    if is_inside == (machine.inside_since_ms is not None):
        return machine
    since_ms = fix.event_at_ms if is_inside else None
    return Machine(machine.status, since_ms, machine.transitions)


def _fence(status: Status, plan: Plan) -> Place | None:
    if status in BEFORE_PICKUP:
        return plan.origin
    return plan.destination if status in UNDER_WAY else None


def _to(place: Place, fix: Fix) -> float:
    return distance_m(fix.lat, fix.lon, place.lat, place.lon)


def _has_moved_off(machine: Machine, fix: Fix, _plan: Plan, _rules: StatusRules) -> bool:
    # Moving about inside the origin is no way to it: such a truck goes straight to `at_pickup`.
    return fix.moving and machine.inside_since_ms is None


def _has_dwelt(machine: Machine, fix: Fix, _plan: Plan, rules: StatusRules) -> bool:
    since_ms = machine.inside_since_ms
    return since_ms is not None and fix.event_at_ms - since_ms >= rules.dwell_s * 1_000


def _has_left_origin(_machine: Machine, fix: Fix, plan: Plan, rules: StatusRules) -> bool:
    return _to(plan.origin, fix) > plan.origin.radius_m + rules.exit_margin_m


def _is_near_destination(_machine: Machine, fix: Fix, plan: Plan, rules: StatusRules) -> bool:
    return _to(plan.destination, fix) <= max(rules.near_m, plan.destination.radius_m)


_RULES: Mapping[Status, tuple[tuple[Status, Cause, Rule], ...]] = {
    Status.ASSIGNED: (
        (Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, _has_dwelt),
        (Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, _has_moved_off),
    ),
    Status.EN_ROUTE_TO_PICKUP: ((Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, _has_dwelt),),
    Status.AT_PICKUP: ((Status.IN_TRANSIT, Cause.LEFT_ORIGIN, _has_left_origin),),
    Status.IN_TRANSIT: ((Status.NEARBY, Cause.NEAR_DESTINATION, _is_near_destination),),
    Status.NEARBY: ((Status.ARRIVED, Cause.DWELT_AT_DESTINATION, _has_dwelt),),
    Status.ARRIVED: (),
    Status.DELIVERED: (),
    Status.FAILED: (),
    Status.CANCELLED: (),
}
