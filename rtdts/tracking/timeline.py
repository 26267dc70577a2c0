"""A delivery's story: what its truck's fixes and its people's declarations add up to.

The definition: all fixes and all declarations, in whatever order, give one story. It is what the
tests hold every log against; the log itself, which learns its story point by point, is
`rtdts.tracking.delivery_log`.

**What is declared rules.** Assigning, changing the plan, giving to another truck and declaring each
set the status at their effective time, by somebody's name; the rules go on from there, with the
fixes from then on.
So what a late point tells of the time before the last declaration changes nothing any more, and
a declared end is never reopened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtdts.tracking.deliveries import CLOSED, Status
from rtdts.tracking.delivery_log import is_declared
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix
from rtdts.tracking.status_machine import PlannedRoute, StatusRules, Transition, begun, step

_RANK = {status: rank for rank, status in enumerate(Status)}


def timeline(
    plan: PlannedRoute,
    fixes: Iterable[Fix],
    declarations: Iterable[Transition],
    *,
    status_rules: StatusRules,
    enrichment_rules: EnrichmentRules,
) -> tuple[Transition, ...]:
    """The story of a delivery with its current truck.

    Args:
        plan: Origin and destination.
        fixes: The truck's points, in any order, copies included, nothing derived yet.
        declarations: The assignment and everything declared since, in any order.
        status_rules: Distances and dwells.
        enrichment_rules: What makes a fix good, and moving.

    Returns:
        By effective time: declarations, and between them what the rules made of the fixes. A
        declaration withdraws what the rules said that can't be true with it: nothing was in
        transit before it was picked up.
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
        machine = begun(one.status, one.cause)
        for fix in ordered:
            is_past = until_ms is not None and fix.counts_at_ms >= until_ms
            if fix.counts_at_ms >= one.effective_at_ms and not is_past:
                machine = step(machine, fix, plan, status_rules)
        transitions += machine.transitions
    return tuple(transitions)


def since_last_declaration(transitions: Sequence[Transition]) -> tuple[Transition, ...]:
    """The end of a story that late points can still change; its declaration is the first."""
    last = max(index for index, entry in enumerate(transitions) if is_declared(entry))
    return tuple(transitions[last:])
