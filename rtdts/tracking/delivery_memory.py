"""Keeping one delivery's machine in step with its truck's window and with its log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from rtdts.tracking.deliveries import UNDER_WAY, OpenMatch, Status
from rtdts.tracking.delivery_log import LogEntry, Standing, reconcile
from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.positions import DeliveryProgress
from rtdts.tracking.status_machine import (
    Machine,
    StatusRules,
    Transition,
    begun,
    step,
)
from rtdts.tracking.truck_state import DeliveryMemory


class DeliveryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """An open match with what its delivery's log folds to, read consistently."""

    match: OpenMatch
    standing: Standing


class DeliveryUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch made of one delivery."""

    before: DeliveryMemory
    after: DeliveryMemory
    """Believing that `pending` is in the log."""
    pending: tuple[Transition, ...]

    @property
    def unsettled(self) -> DeliveryMemory:
        """The memory with this batch, when nothing could be appended for now."""
        return msgspec.structs.replace(
            self.after, believed=self.before.believed, log_length=self.before.log_length
        )


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """How a memory and a log are brought together."""

    memory: DeliveryMemory
    """As it is once `append` is in the log."""
    append: tuple[Transition, ...]
    already_there: tuple[int, ...]
    """Versions of transitions of this batch that the log held already."""


def remember(
    plan: DeliveryPlan,
    window: Sequence[Fix],
    rules: StatusRules,
    *,
    window_from_ms: int,
    has_memory: bool = True,
) -> DeliveryMemory:
    """A delivery first seen, or changed by a declaration: folds the window's fixes since.

    What the log tells of the time before the window is taken as it stands.

    Args:
        plan: The delivery.
        window: The truck's fixes.
        rules: Distances and dwells.
        window_from_ms: Earlier fixes have left the window.
        has_memory: Whether the truck has one: if not, its log may still tell of points of it.
    """
    anchor = plan.standing.anchor
    base = _settled(plan.standing, window_from_ms)
    memory = DeliveryMemory(
        delivery_id=plan.match.delivery_id,
        assignment=plan.match.assignment,
        assigned_at_ms=plan.match.assigned_at_ms,
        match_version=plan.match.version,
        origin=plan.match.origin,
        destination=plan.match.destination,
        anchor=anchor,
        base=base,
        tip=base,
        believed=base.transitions,
        is_blind=not has_memory and bool(plan.standing.after_anchor),
    )
    return refold(memory, window, rules)


def refold(memory: DeliveryMemory, window: Iterable[Fix], rules: StatusRules) -> DeliveryMemory:
    """Folds the whole window anew: a late fix has turned up in it."""
    return msgspec.structs.replace(memory, tip=_folded(memory, memory.base, window, rules))


def fold_on(memory: DeliveryMemory, fixes: Iterable[Fix], rules: StatusRules) -> DeliveryMemory:
    """Folds fixes that are later than everything in the window."""
    return msgspec.structs.replace(memory, tip=_folded(memory, memory.tip, fixes, rules))


def forget(memory: DeliveryMemory, evicted: Iterable[Fix], rules: StatusRules) -> DeliveryMemory:
    """Lets fixes that leave the window go into the base."""
    return msgspec.structs.replace(memory, base=_folded(memory, memory.base, evicted, rules))


def believe(
    memory: DeliveryMemory, *, because: Fix, new_ids: Collection[str] | None
) -> tuple[DeliveryMemory, tuple[Transition, ...]]:
    """What the log lacks to fold to the machine's story, and the memory once it is written."""
    lacking = reconcile(
        memory.anchor,
        memory.believed,
        memory.tip.transitions,
        because=because,
        new_ids=new_ids,
    )
    if not lacking:
        return memory, ()
    written = msgspec.structs.replace(
        memory,
        believed=memory.tip.transitions,
        log_length=memory.log_length + len(lacking),
    )
    return written, lacking


def settle(
    update: DeliveryUpdate,
    log: Standing,
    window: Sequence[Fix],
    rules: StatusRules,
    *,
    because: Fix,
    window_from_ms: int,
) -> Settlement:
    """Decides what to append to a log that has just been read; its anchor is the memory's.

    Usually the log stands where the memory thought, and gets what is pending. It may be ahead:
    somebody folded these records before, and crashed before the memory was kept. Then it gets
    only what it lacks, and nothing while it names points that haven't come again yet.

    Args:
        update: What this batch made of the delivery.
        log: What the log folds to now.
        window: The truck's fixes, with this batch.
        rules: Distances and dwells.
        because: The newest news.
        window_from_ms: Earlier fixes have left the window.
    """
    before, after = update.before, update.after
    if len(log.after_anchor) == before.log_length:
        return Settlement(memory=after, append=update.pending, already_there=())
    told = set(before.believed)
    already_there = tuple(
        entry.version
        for entry in log.entries
        if entry.transition in after.tip.transitions and entry.transition not in told
    )
    unknown = _unknown_evidence(log, window, 0 if after.is_blind else window_from_ms)
    if any(entry.transition.effective_at_ms >= window_from_ms for entry in unknown):
        return Settlement(memory=update.unsettled, append=(), already_there=already_there)
    if unknown:  # a lost memory, and points that won't come again: the log is all there is
        base = _settled(log, window_from_ms)
        after = refold(msgspec.structs.replace(after, base=base, tip=base), window, rules)
    lacking = reconcile(after.anchor, log.transitions, after.tip.transitions, because=because)
    caught_up = msgspec.structs.replace(
        after,
        believed=after.tip.transitions,
        log_length=len(log.after_anchor) + len(lacking),
        is_blind=False,
    )
    return Settlement(memory=caught_up, append=lacking, already_there=already_there)


def progress_at(memory: DeliveryMemory, fix: Fix) -> DeliveryProgress | None:
    """How far the delivery had come with this fix; None when the truck did not carry it yet.

    The distance is None while the cargo isn't in transit.
    """
    if fix.event_at_ms < memory.assigned_at_ms:
        return None
    remaining_m = None
    if _status_at(memory, fix.event_at_ms) in UNDER_WAY:
        place = memory.destination
        remaining_m = round(distance_m(fix.lat, fix.lon, place.lat, place.lon), 1)
    return DeliveryProgress(delivery_id=memory.delivery_id, distance_remaining_m=remaining_m)


def _settled(log: Standing, window_from_ms: int) -> Machine:
    """The machine as the log leaves it where the window begins."""
    transitions = tuple(
        transition for transition in log.transitions if transition.effective_at_ms < window_from_ms
    )
    if not transitions:
        return begun(log.anchor.status, log.anchor.cause)
    return Machine(transitions[-1].status, transitions)


def _unknown_evidence(
    log: Standing, window: Sequence[Fix], known_before_ms: int
) -> tuple[LogEntry, ...]:
    """Entries whose points are not at hand.

    After a crash the log may be ahead of the memory, which sees the same points come again: until
    it has caught up, it must not "correct" what it doesn't know yet.
    """
    at_hand = {fix.point_id for fix in window}
    return tuple(
        entry
        for entry in log.after_anchor
        if entry.transition.point_id not in at_hand
        and entry.transition.effective_at_ms >= known_before_ms
    )


def _status_at(memory: DeliveryMemory, event_at_ms: int) -> Status | None:
    """None before the last declaration: what held then is no longer at hand."""
    if event_at_ms < memory.anchor.from_ms:
        return None
    status = memory.anchor.status
    for transition in memory.tip.transitions:
        if transition.effective_at_ms <= event_at_ms:
            status = transition.status
    return status


def _folded(
    memory: DeliveryMemory, machine: Machine, fixes: Iterable[Fix], rules: StatusRules
) -> Machine:
    plan = memory.plan
    for fix in fixes:
        if fix.event_at_ms >= memory.anchor.from_ms:
            machine = step(machine, fix, plan, rules)
    return machine
