"""A delivery's timeline: the events that its truck's fixes and its declarations imply together.

The definition: all fixes and all declarations, in any order, give one timeline. The tests compare
every log with it; the log itself, which is extended point by point, is
`rtdts.tracking.delivery_log`.

**Declarations take precedence.** Assigning, changing the plan, transferring to another truck and
declaring each set the status at their effective time, in a person's name. The rules continue from
there, with the fixes from then on. So a late point of the time before the last declaration changes
nothing any more, and a declared end is never reopened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtdts.tracking.deliveries import CLOSED, PlannedRoute, Status
from rtdts.tracking.delivery_log import is_declared
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix
from rtdts.tracking.status_machine import Transition, initial_machine, step
from rtdts.tracking.status_rules import StatusRules

_RANK = {status: rank for rank, status in enumerate(Status)}


def timeline(
    plan: PlannedRoute,
    fixes: Iterable[Fix],
    declarations: Iterable[Transition],
    *,
    status_rules: StatusRules,
    enrichment_rules: EnrichmentRules,
) -> tuple[Transition, ...]:
    """Returns the timeline of a delivery with its current truck.

    Args:
        plan: Origin and destination.
        fixes: The truck's points, in any order, copies included, nothing derived yet.
        declarations: The assignment and everything declared since, in any order.
        status_rules: Distances and dwells.
        enrichment_rules: What makes a fix good, and moving.

    Returns:
        By effective time: the declarations, and between them the rules' transitions. A declaration
        withdraws transitions that contradict it: nothing was in transit before it was picked up.
    """
    distinct = {fix.point_id: fix for fix in fixes}
    ordered = enrich(sorted(distinct.values(), key=lambda fix: fix.order), enrichment_rules)
    declared = sorted(declarations, key=lambda one: (one.effective_at_ms, _RANK[one.status]))
    transitions: list[Transition] = []
    for index, one in enumerate(declared):
        until_ms = declared[index + 1].effective_at_ms if index + 1 < len(declared) else None
        transitions = [entry for entry in transitions if _RANK[entry.status] < _RANK[one.status]]
        transitions.append(one)
        if one.status in CLOSED:
            break
        machine = initial_machine(one.status, one.cause)
        for fix in ordered:
            is_past = until_ms is not None and fix.counts_at_ms >= until_ms
            if fix.counts_at_ms >= one.effective_at_ms and not is_past:
                machine = step(machine, fix, plan, status_rules)
        transitions += machine.transitions
    return tuple(transitions)


def since_last_declaration(transitions: Sequence[Transition]) -> tuple[Transition, ...]:
    """Returns what late points can still change: a timeline from its last declaration on."""
    last = max(index for index, entry in enumerate(transitions) if is_declared(entry))
    return tuple(transitions[last:])
