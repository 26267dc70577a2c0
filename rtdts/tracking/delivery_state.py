"""Keeps one delivery's machine consistent with its truck's window and with its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from rtdts.tracking.deliveries import UNDER_WAY, OpenMatch, Status
from rtdts.tracking.delivery_log import FoldedLog, Reconciliation, reconcile
from rtdts.tracking.eta import TruckPace, drive_on, observe
from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.positions import DeliveryProgress
from rtdts.tracking.status_machine import StatusMachine, Transition, initial_machine, step
from rtdts.tracking.status_rules import StatusRules
from rtdts.tracking.truck_state import DeliveryState


class DeliveryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An open match with the fold of its delivery's log, read consistently."""

    match: OpenMatch
    log: FoldedLog


class DeliveryUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one delivery by a batch, or by a settling."""

    before: DeliveryState
    after: DeliveryState
    """The state once `pending` is in the log."""
    pending: tuple[Transition, ...] = ()
    has_moved_times: bool = False
    """Whether times differ from the log's, and may only be corrected later."""

    @property
    def unsettled(self) -> DeliveryState:
        """The state with this batch, when nothing could be appended yet."""
        return msgspec.structs.replace(
            self.after, in_log=self.before.in_log, log_length=self.before.log_length
        )


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How a delivery's state and its log are brought together."""

    delivery_state: DeliveryState
    """The state once `append` is in the log."""
    append: tuple[Transition, ...]
    already_there: tuple[int, ...]
    """Versions of events that are in the log and were unknown to the state: a worker that crashed
    may have appended them without a nudge."""
    has_moved_times: bool = False


def delivery_state_of(
    plan: DeliveryPlan, window: Sequence[Fix], rules: StatusRules
) -> DeliveryState:
    """Builds the state of a new delivery, or one changed by a declaration, from the window's fixes.

    What the log holds of the time before the window stays as it is.
    """
    log = plan.log
    delivery_state = DeliveryState(
        delivery_id=plan.match.delivery_id,
        assignment=plan.match.assignment,
        assigned_at_ms=plan.match.assigned_at_ms,
        match_version=plan.match.version,
        origin=plan.match.origin,
        destination=plan.match.destination,
        promise=plan.match.promise,
        anchor=log.anchor,
        tip=_before_window(log, window),
        in_log=log.transitions,
        log_length=len(log.after_anchor),
    )
    return fold_fixes(delivery_state, window, rules)


def fold_fixes(
    delivery_state: DeliveryState, fixes: Iterable[Fix], rules: StatusRules
) -> DeliveryState:
    """Folds fixes that are later than all before."""
    tip = folded(delivery_state, delivery_state.tip, fixes, rules)
    return (
        delivery_state
        if tip is delivery_state.tip
        else msgspec.structs.replace(delivery_state, tip=tip)
    )


def drive(
    pace: TruckPace | None,
    delivery_states: Iterable[DeliveryState],
    fix: Fix,
    rules: StatusRules,
) -> tuple[TruckPace | None, list[DeliveryState]]:
    """Returns a truck's pace and its deliveries after one fix that is later than all before."""
    after = [fold_fixes(delivery_state, (fix,), rules) for delivery_state in delivery_states]
    if not fix.is_good:
        return pace, after
    pace = drive_on(
        pace, at_ms=fix.event_at_ms, lat=fix.lat, lon=fix.lon, accuracy_m=fix.accuracy_m
    )
    return pace, [_observed(delivery_state, pace, fix) for delivery_state in after]


def _observed(delivery_state: DeliveryState, pace: TruckPace, fix: Fix) -> DeliveryState:
    is_under_way = delivery_state.tip.status in UNDER_WAY
    if is_under_way == (delivery_state.eta is not None):
        return delivery_state
    place = delivery_state.destination
    eta = observe(
        delivery_state.eta,
        pace,
        remaining_m=distance_m(fix.lat, fix.lon, place.lat, place.lon) if is_under_way else 0.0,
        status=delivery_state.tip.status,
    )
    return msgspec.structs.replace(delivery_state, eta=eta)


def reconcile_delivery(
    delivery_state: DeliveryState, *, trigger: Fix, rules: StatusRules, may_move_times: bool
) -> tuple[DeliveryState, Reconciliation]:
    """Returns the state once the log is complete, and the transitions to append to the log."""
    if delivery_state.in_log == delivery_state.tip.transitions:
        return delivery_state, Reconciliation(append=(), in_log=delivery_state.in_log)
    reconciled = reconcile(
        delivery_state.anchor,
        delivery_state.in_log,
        delivery_state.tip.transitions,
        trigger=trigger,
        log_length=delivery_state.log_length,
        tolerance_ms=rules.dwell_ms,
        may_move_times=may_move_times,
    )
    if not reconciled.append:
        return delivery_state, reconciled
    written = msgspec.structs.replace(
        delivery_state,
        in_log=reconciled.in_log,
        log_length=delivery_state.log_length + len(reconciled.append),
    )
    return written, reconciled


def reconcile_with_log(
    update: DeliveryUpdate,
    log: FoldedLog,
    rules: StatusRules,
    *,
    trigger: Fix,
    is_behind: bool,
    may_move_times: bool,
) -> Settlement:
    """Decides what to append to a log that has just been read; its anchor is the state's.

    Usually the log is where the state expects it, and gets what is pending. It may be ahead: a
    worker folded these records before and crashed before the state was stored.

    Args:
        update: The change of the delivery by this batch.
        log: The current fold of the log.
        rules: The tolerance of times.
        trigger: The point that caused the change.
        is_behind: Whether the log is based on records that have not been processed again yet: then
            it must not be corrected for what this worker doesn't know.
        may_move_times: Whether times that moved may be corrected now.
    """
    before, after = update.before, update.after
    if len(log.after_anchor) == before.log_length and not is_behind:
        return Settlement(
            delivery_state=after,
            append=update.pending,
            already_there=(),
            has_moved_times=update.has_moved_times,
        )
    already_there = tuple(entry.version for entry in log.after_anchor[before.log_length :])
    if is_behind:
        return Settlement(delivery_state=update.unsettled, append=(), already_there=already_there)
    reconciled = reconcile(
        after.anchor,
        log.transitions,
        after.tip.transitions,
        trigger=trigger,
        log_length=len(log.after_anchor),
        tolerance_ms=rules.dwell_ms,
        may_move_times=may_move_times,
    )
    caught_up = msgspec.structs.replace(
        after,
        in_log=reconciled.in_log,
        log_length=len(log.after_anchor) + len(reconciled.append),
    )
    return Settlement(
        delivery_state=caught_up,
        append=reconciled.append,
        already_there=already_there,
        has_moved_times=reconciled.has_moved_times,
    )


def progress_at(delivery_state: DeliveryState, fix: Fix) -> DeliveryProgress | None:
    """Returns the delivery's progress with this fix; None when the truck did not carry it yet.

    The distance is None while the cargo isn't in transit.
    """
    if fix.counts_at_ms < delivery_state.assigned_at_ms:
        return None
    remaining_m = None
    if _status_at(delivery_state, fix) in UNDER_WAY:
        place = delivery_state.destination
        remaining_m = round(distance_m(fix.lat, fix.lon, place.lat, place.lon), 1)
    return DeliveryProgress(
        delivery_id=delivery_state.delivery_id, distance_remaining_m=remaining_m
    )


def folded(
    delivery_state: DeliveryState, machine: StatusMachine, fixes: Iterable[Fix], rules: StatusRules
) -> StatusMachine:
    """Returns the machine after those of the fixes that count for the delivery."""
    plan = delivery_state.plan
    for fix in fixes:
        if fix.counts_at_ms >= delivery_state.anchor.from_ms:
            machine = step(machine, fix, plan, rules)
    return machine


def _before_window(log: FoldedLog, window: Sequence[Fix]) -> StatusMachine:
    """Returns the machine at the start of the window, according to the log."""
    transitions = log.transitions
    if window:
        window_ids = {fix.point_id for fix in window}
        from_ms = window[0].event_at_ms
        kept = 0
        for one in transitions:
            if one.point_id in window_ids or one.effective_at_ms >= from_ms:
                break
            kept += 1
        transitions = transitions[:kept]
    if not transitions:
        return initial_machine(log.anchor.status, log.anchor.cause)
    return StatusMachine(transitions[-1].status, transitions)


def _status_at(delivery_state: DeliveryState, fix: Fix) -> Status | None:
    """Returns the status with a fix; None before the last declaration, as it is no longer kept."""
    if fix.counts_at_ms < delivery_state.anchor.from_ms:
        return None
    status = delivery_state.anchor.status
    for transition in delivery_state.tip.transitions:
        if transition.effective_at_ms <= fix.event_at_ms:
            status = transition.status
    return status
