"""A delivery's status according to its truck's fixes: a pure step from one fix to the next.

The rules lead forward only, in the order of `Status`; a delivery's end is declared (see
`bench.truth.timeline`). One rule leads back: a truck that took a delivery over inherits its
status, and its first fix may show that it is not near the destination. A fix of poor quality
decides nothing. `rtdts.tracking.presence` distinguishes a stay at a place from noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from rtdts.tracking.deliveries import CLOSED, Cause, Evidence, PlannedRoute, Status
from rtdts.tracking.fixes import Fix
from rtdts.tracking.presence import FenceEvidence, FenceObservation, has_dwelt, with_evidence
from rtdts.tracking.scene import Scene
from rtdts.tracking.status_rules import StatusRules


class Transition(msgspec.Struct, frozen=True, array_like=True):
    """One change of status, and why."""

    status: Status
    cause: Cause
    effective_at_ms: int
    """When it became true: the ``event_at`` of a point, or the end of a dwell between two."""
    point_id: str | None = None
    """The point that showed it."""
    evidence: Evidence | None = None
    """Evidence for the log: once it is there, the state need not keep it."""

    @property
    def fact(self) -> tuple[Status, Cause, int, str | None]:
        """All but the evidence: equal facts make two transitions the same."""
        return self.status, self.cause, self.effective_at_ms, self.point_id


class StatusMachine(msgspec.Struct, frozen=True, array_like=True):
    """One delivery's machine between two fixes: all of the past that the next step may use."""

    status: Status
    transitions: tuple[Transition, ...] = ()
    """All transitions so far, in order."""
    origin: FenceEvidence | None = None
    """Before `at_pickup` the stay at the origin, then the evidence of having left it."""
    destination: FenceEvidence | None = None
    """The stay at the destination."""
    is_inherited: bool = False
    """Whether the status is another truck's, and this truck has not sent a good fix yet."""

    @property
    def has_only_status(self) -> bool:
        """Whether it has no state except its status."""
        return self.origin is None and self.destination is None and not self.is_inherited


def initial_machine(status: Status, cause: Cause | None) -> StatusMachine:
    """Returns the machine of a delivery that a person has just brought to a status.

    Args:
        status: The status.
        cause: The cause. After a transfer the new truck has not yet shown where it is.
    """
    is_near = status in (Status.NEARBY, Status.ARRIVED)
    return StatusMachine(status, is_inherited=is_near and cause is Cause.TRANSFERRED)


def step(machine: StatusMachine, fix: Fix, plan: PlannedRoute, rules: StatusRules) -> StatusMachine:
    """Returns the machine after one more fix, which must not be earlier than those before it.

    One fix may make several transitions: a short drive can leave the origin and be near the
    destination at once.
    """
    if not fix.is_good or machine.status in CLOSED:
        return machine
    scene = Scene(fix, plan, rules)
    if _is_uneventful(machine, scene):
        return machine
    while True:
        for target, cause, rule in _RULES[machine.status]:
            found = rule(machine, scene)
            if found is not None:
                machine = _moved_on(machine, target, cause, found, scene)
                break
        else:
            return _observed(machine, scene)


def is_reset_point(status: Status, fix: Fix, plan: PlannedRoute, rules: StatusRules) -> bool:
    """Returns whether, after this fix, any machine of this status has no other state.

    This is so unless the fix makes a transition. From such a fix on, a track can be folded without
    the fixes before it.
    """
    if not fix.is_good:
        return False
    scene = Scene(fix, plan, rules)
    if status is Status.ASSIGNED:
        return scene.is_far_from_origin
    if status is Status.EN_ROUTE_TO_PICKUP:
        return scene.is_far_from_origin and scene.is_far_from_destination
    if status is Status.AT_PICKUP:
        inner_m = scene.origin.distance_m + scene.origin.accuracy_m
        return inner_m <= scene.origin.reach_m and scene.is_far_from_destination
    if status in (Status.IN_TRANSIT, Status.NEARBY):
        return scene.is_far_from_destination
    return True


class _Found(msgspec.Struct, frozen=True):
    """A rule fires: since when, and with which evidence."""

    effective_at_ms: int
    evidence: Evidence


_Rule = Callable[[StatusMachine, Scene], _Found | None]


def _is_uneventful(machine: StatusMachine, scene: Scene) -> bool:
    """Returns whether this is one of the many fixes between two places, which no rule needs."""
    if not machine.has_only_status:
        return False
    if machine.status is Status.EN_ROUTE_TO_PICKUP:
        return scene.origin.inside <= 0 and scene.destination.inside <= 0
    if machine.status is Status.IN_TRANSIT:
        return scene.destination.inside <= 0 and not scene.is_near
    return machine.status is Status.NEARBY and scene.destination.inside <= 0


def _moved_on(
    machine: StatusMachine, target: Status, cause: Cause, found: _Found, scene: Scene
) -> StatusMachine:
    # Effective times never go back: this stay may have begun before the last transition.
    since_ms = machine.transitions[-1].effective_at_ms if machine.transitions else 0
    effective_at_ms = max(found.effective_at_ms, since_ms)
    made = Transition(target, cause, effective_at_ms, scene.fix.point_id, found.evidence)
    return StatusMachine(
        target,
        (*machine.transitions, made),
        destination=_initial_destination(machine, target, scene),
    )


def _initial_destination(
    machine: StatusMachine, target: Status, scene: Scene
) -> FenceEvidence | None:
    """Returns the stay at the destination with which a new status begins."""
    if target is Status.EN_ROUTE_TO_PICKUP:
        # The truck stood there before it moved off: no arrival until it returns.
        if scene.destination.inside <= -1.0:
            return None
        was_there = with_evidence(None, 1.0, scene.destination, scene.rules.presence)
        return None if was_there is None else msgspec.structs.replace(was_there, counts=False)
    if target is Status.AT_PICKUP and machine.status is Status.EN_ROUTE_TO_PICKUP:
        # A dwell counts for one place; where both are one, the next dwell is the destination's.
        return with_evidence(None, scene.at_destination, scene.destination, scene.rules.presence)
    return machine.destination if target in (Status.IN_TRANSIT, Status.NEARBY) else None


def _observed(machine: StatusMachine, scene: Scene) -> StatusMachine:
    """Returns the machine with the fix added to its evidence."""
    status = machine.status
    origin: FenceEvidence | None = None
    destination: FenceEvidence | None = None
    if status in (Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP):
        origin = scene.stay_at_origin(machine.origin, machine.status)
    elif status is Status.AT_PICKUP:
        origin, _ = scene.left_origin(machine.origin)
    if status in _CAN_BE_AT_DESTINATION and _may_begin(machine, scene):
        destination = scene.stay_at_destination(machine.destination)
    if (origin, destination, False) == (
        machine.origin,
        machine.destination,
        machine.is_inherited,
    ):
        return machine
    return StatusMachine(status, machine.transitions, origin, destination)


def _may_begin(machine: StatusMachine, scene: Scene) -> bool:
    """Returns whether a stay at the destination may continue, or begin with this fix.

    A truck that loads where it will unload must move before it can count as unloading.
    """
    if machine.destination is not None or machine.status is not Status.AT_PICKUP:
        return True
    return scene.fix.moving or scene.at_destination <= 0 or not scene.is_one_place


def _has_moved_off(machine: StatusMachine, scene: Scene) -> _Found | None:
    # Moving about inside the origin is not driving to it: such a truck goes to `at_pickup`
    # directly.
    if not scene.fix.moving or scene.stay_at_origin(machine.origin, machine.status) is not None:
        return None
    return _now(scene, scene.origin)


def _has_dwelt_at_origin(machine: StatusMachine, scene: Scene) -> _Found | None:
    evidence = scene.at_origin(machine.status)
    return _dwelt(machine.origin, evidence, scene.origin, scene)


def _has_left_origin(machine: StatusMachine, scene: Scene) -> _Found | None:
    now, has_left = scene.left_origin(machine.origin)
    if not has_left or now is None:
        return None
    since_id = now.since_id if now.since_id != scene.fix.point_id else None
    return _Found(now.since_ms, _evidence(scene, scene.origin, since_id))


def _has_dwelt_at_destination(machine: StatusMachine, scene: Scene) -> _Found | None:
    found = _dwelt(machine.destination, scene.at_destination, scene.destination, scene)
    if found is None or machine.destination is None:
        return found
    return _earlier(found, machine.destination.unseen_ms, machine)


def _earlier(found: _Found, by_ms: int, machine: StatusMachine) -> _Found:
    """Moves a finding back into the silence before the first fix that shows it.

    It stays if no rule has fired since the declaration, which may have been made in that silence.
    """
    if not by_ms or not machine.transitions:
        return found
    evidence = msgspec.structs.replace(found.evidence, silence_s=by_ms / 1_000)
    return _Found(found.effective_at_ms - by_ms, evidence)


def _must_have_picked_up(machine: StatusMachine, scene: Scene) -> _Found | None:
    """Finds a dwell at the destination, where a truck has no reason to be without the cargo."""
    dwelt = _has_dwelt_at_destination(machine, scene)
    if dwelt is None:
        return None
    if (
        machine.status is Status.EN_ROUTE_TO_PICKUP
        and scene.stay_at_origin(machine.origin, machine.status) is not None
    ):
        return None
    return _Found(_since_ms(machine.destination, scene), dwelt.evidence)


def _is_near_destination(machine: StatusMachine, scene: Scene) -> _Found | None:
    if scene.is_near:
        at_ms = _since_ms(machine.destination, scene)
        found = _Found(at_ms, _evidence(scene, scene.destination))
        if machine.destination is None and scene.destination.inside > 0:
            return _earlier(found, scene.unseen_ms, machine)
        return found
    dwelt = _has_dwelt_at_destination(machine, scene)
    if dwelt is None:
        return None
    return _Found(_since_ms(machine.destination, scene), dwelt.evidence)


def _is_not_near(machine: StatusMachine, scene: Scene) -> _Found | None:
    if not machine.is_inherited or scene.is_near:
        return None
    return _now(scene, scene.destination)


def _since_ms(so_far: FenceEvidence | None, scene: Scene) -> int:
    return scene.fix.event_at_ms if so_far is None else so_far.since_ms


def _dwelt(
    so_far: FenceEvidence | None, evidence: float, seen: FenceObservation, scene: Scene
) -> _Found | None:
    rules = scene.rules
    if not has_dwelt(so_far, evidence, seen, rules.dwell_s, rules.presence):
        return None
    since_ms = _since_ms(so_far, scene)
    silence_s = (seen.at_ms - so_far.last_ms) / 1_000 if so_far and evidence <= 0 else None
    since_id = None if so_far is None else so_far.since_id
    return _Found(
        since_ms + round(rules.dwell_s * 1_000), _evidence(scene, seen, since_id, silence_s)
    )


def _now(scene: Scene, seen: FenceObservation) -> _Found:
    return _Found(scene.fix.event_at_ms, _evidence(scene, seen))


def _evidence(
    scene: Scene,
    seen: FenceObservation,
    since_id: str | None = None,
    silence_s: float | None = None,
) -> Evidence:
    return Evidence(
        distance_m=round(seen.distance_m, 1),
        accuracy_m=scene.fix.accuracy_m,
        since_point_id=since_id,
        silence_s=silence_s,
    )


_CAN_BE_AT_DESTINATION = frozenset(
    {Status.EN_ROUTE_TO_PICKUP, Status.AT_PICKUP, Status.IN_TRANSIT, Status.NEARBY}
)

_RULES: Mapping[Status, tuple[tuple[Status, Cause, _Rule], ...]] = {
    Status.ASSIGNED: (
        (Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, _has_dwelt_at_origin),
        (Status.EN_ROUTE_TO_PICKUP, Cause.MOVED_OFF, _has_moved_off),
    ),
    Status.EN_ROUTE_TO_PICKUP: (
        (Status.AT_PICKUP, Cause.DWELT_AT_ORIGIN, _has_dwelt_at_origin),
        (Status.IN_TRANSIT, Cause.IMPLIED, _must_have_picked_up),
    ),
    Status.AT_PICKUP: (
        (Status.IN_TRANSIT, Cause.IMPLIED, _must_have_picked_up),
        (Status.IN_TRANSIT, Cause.LEFT_ORIGIN, _has_left_origin),
    ),
    Status.IN_TRANSIT: ((Status.NEARBY, Cause.NEAR_DESTINATION, _is_near_destination),),
    Status.NEARBY: (
        (Status.IN_TRANSIT, Cause.TRANSFERRED, _is_not_near),
        (Status.ARRIVED, Cause.DWELT_AT_DESTINATION, _has_dwelt_at_destination),
    ),
    Status.ARRIVED: ((Status.IN_TRANSIT, Cause.TRANSFERRED, _is_not_near),),
}
