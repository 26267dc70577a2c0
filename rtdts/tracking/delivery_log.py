"""A delivery's append-only log (``delivery-events``): its fold, and the events still missing.

The log is the timeline as it became known; `bench.truth.timeline` defines the timeline that all
points and declarations together imply. `fold_log` folds a log, `reconcile` returns what to append
so that the log folds to the timeline.

**Corrections.** A late point can show that a rule fired too late, or should not have fired. Then
one event with the cause ``corrected`` goes back to the last status that still holds, and the
transitions that really followed are appended after it. Nothing is rewritten.

**Corrections end.** A truck can send late points that contradict each other without end. So a log
of `CORRECTED_EVENTS` events since its last declaration is not corrected any more. It still grows
forward: a status beyond its last one is appended.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rtdts.tracking.deliveries import Cause, DeliveryEvent, Status
from rtdts.tracking.fixes import Fix
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.stream_position import ShardPosition

CORRECTED_EVENTS = 100
"""Events since the last declaration up to which a log is corrected. An undisturbed delivery has 5
of them; one settling adds at most the number of statuses + 6."""

_RANK = {status: rank for rank, status in enumerate(Status)}


class Anchor(msgspec.Struct, frozen=True, array_like=True):
    """The last declaration (or assignment) of a log: the rules continue from here."""

    version: int
    status: Status
    effective_at_ms: int
    from_ms: int
    """Fixes from this moment on count (`Fix.counts_at_ms`): the later of the declaration's
    effective time and the start of the truck's assignment."""
    cause: Cause | None = None


class LogEntry(msgspec.Struct, frozen=True, array_like=True):
    """A transition, and its version in the log."""

    version: int
    transition: Transition


class FoldedLog(msgspec.Struct, frozen=True, kw_only=True):
    """The fold of a log."""

    anchor: Anchor
    entries: tuple[LogEntry, ...]
    """The rules' transitions since the anchor that are in force."""
    after_anchor: tuple[LogEntry, ...]
    """Everything after the anchor, including corrections and what they withdrew."""
    through: tuple[ShardPosition, ...] = ()
    """The records up to which the log is current: the last one of each shard."""

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """The rules' transitions since the anchor that are in force."""
        return tuple(entry.transition for entry in self.entries)

    def includes_later_than(self, here: ShardPosition) -> bool:
        """Returns whether the log is based on later records of the same shard."""
        return any(
            one.shard_id == here.shard_id and one.position > here.position for one in self.through
        )


def is_declared(entry: Transition | DeliveryEvent) -> bool:
    """Returns whether a person declared it: a rule's event always names its point."""
    return entry.point_id is None


def fold_log(events: Sequence[DeliveryEvent]) -> FoldedLog:
    """Folds a log.

    Args:
        events: The whole log, by version.

    Raises:
        ValueError: It doesn't begin with an assignment.
    """
    if not events or not is_declared(events[0]):
        raise ValueError("a log begins with an assignment")
    anchor_at, assigned_at_ms = 0, events[0].effective_at_ms
    for index, event in enumerate(events):
        if not is_declared(event):
            continue
        anchor_at = index
        if event.assignment != events[index - 1].assignment or index == 0:
            assigned_at_ms = event.effective_at_ms
    declared = events[anchor_at]
    after_anchor = tuple(
        LogEntry(event.version, _transition(event)) for event in events[anchor_at + 1 :]
    )
    return FoldedLog(
        anchor=Anchor(
            declared.version,
            declared.status,
            declared.effective_at_ms,
            max(declared.effective_at_ms, assigned_at_ms),
            declared.cause,
        ),
        entries=_fold(after_anchor, declared.status),
        after_anchor=after_anchor,
        through=tuple(
            {event.through.shard_id: event.through for event in events if event.through}.values()
        ),
    )


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """How to bring a log to the expected transitions."""

    append: tuple[Transition, ...]
    in_log: tuple[Transition, ...]
    """The rules' transitions that are in force once `append` is in the log."""
    has_moved_times: bool = False
    """Whether nothing is appended only because times may not be corrected yet."""


def reconcile(
    anchor: Anchor,
    in_log: Sequence[Transition],
    expected: Sequence[Transition],
    *,
    trigger: Fix,
    log_length: int = 0,
    tolerance_ms: int = 0,
    may_move_times: bool = True,
) -> Reconciliation:
    """Returns what to append to a log that folds to `in_log`, so that it folds to `expected`.

    Args:
        anchor: The log's last declaration.
        in_log: The rules' transitions that are in force.
        expected: The rules' transitions that should be in force.
        trigger: The point that caused the change: a correction names it.
        log_length: Events of the log after the anchor; from `CORRECTED_EVENTS` on only statuses
            beyond the last one are appended.
        tolerance_ms: A transition whose time moved by less than this stays as it is.
        may_move_times: Whether a transition whose time moved by more may be corrected now, when no
            status changes.
    """
    kept = 0
    for before, after in zip(in_log, expected, strict=False):
        if not _same(before, after, tolerance_ms):
            break
        kept += 1
    missing = tuple(expected[kept:])
    in_force = tuple(in_log)
    if kept == len(in_log):
        return Reconciliation(append=missing, in_log=(*in_force, *missing))
    if log_length >= CORRECTED_EVENTS:
        last = _RANK[in_log[-1].status]
        beyond = tuple(one for one in missing if _RANK[one.status] > last)
        return Reconciliation(append=beyond, in_log=(*in_force, *beyond))
    if not may_move_times and _statuses(in_log) == _statuses(expected):
        return Reconciliation(append=(), in_log=in_force, has_moved_times=True)
    while kept and in_log[kept - 1].status is anchor.status:
        kept -= 1  # going back to the anchor's status is going back to the anchor
    missing = tuple(expected[kept:])
    back_to = in_log[kept - 1].status if kept else anchor.status
    correction = Transition(back_to, Cause.CORRECTED, trigger.event_at_ms, trigger.point_id)
    return Reconciliation(append=(correction, *missing), in_log=(*in_force[:kept], *missing))


def _fold(entries: Sequence[LogEntry], anchor: Status) -> tuple[LogEntry, ...]:
    in_force: list[LogEntry] = []
    for entry in entries:
        if entry.transition.cause is Cause.CORRECTED:
            back_to = entry.transition.status
            # Back to the anchor when no transition led to this status, or when it is the anchor's
            # own: after a transfer the rules may reach that status again.
            led_to = (n for n, old in enumerate(in_force, 1) if _led_to(old, back_to))
            kept = 0 if back_to is anchor else next(led_to, 0)
            del in_force[kept:]
        else:
            in_force.append(entry)
    return tuple(in_force)


def _led_to(entry: LogEntry, status: Status) -> bool:
    return entry.transition.status is status


def _same(one: Transition, other: Transition, tolerance_ms: int) -> bool:
    if one.status is not other.status:
        return False
    moved_ms = abs(one.effective_at_ms - other.effective_at_ms)
    return moved_ms < tolerance_ms or (moved_ms == 0 and one.point_id == other.point_id)


def _statuses(transitions: Sequence[Transition]) -> list[Status]:
    return [one.status for one in transitions]


def _transition(event: DeliveryEvent) -> Transition:
    return Transition(
        event.status, event.cause, event.effective_at_ms, event.point_id, event.evidence
    )
