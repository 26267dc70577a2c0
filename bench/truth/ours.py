"""Our rules, fed with a drive: the only module that knows their entry points."""

from __future__ import annotations

from collections.abc import Iterable

from bench.truth.drives import START_MS, Drive
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import StatusRules, Transition
from rtdts.tracking.timeline import timeline

_ENRICHMENT = EnrichmentRules()
_STATUS = StatusRules()


def events_of(drive: Drive, points: Iterable[Point]) -> tuple[Transition, ...]:
    """The delivery's timeline once these points have arrived."""
    declared = [Transition(Status.ASSIGNED, Cause.ASSIGNED, START_MS)]
    if drive.picked_up_s is not None:
        picked_up_ms = START_MS + round(drive.picked_up_s * 1_000)
        declared.append(Transition(Status.IN_TRANSIT, Cause.DECLARED, picked_up_ms))
    return timeline(
        drive.plan,
        (fix_of(point) for point in points),
        declared,
        status_rules=_STATUS,
        enrichment_rules=_ENRICHMENT,
    )


def arrived_s(drive: Drive, points: Iterable[Point]) -> float | None:
    """When the truck arrived, by these points; None when it did not."""
    return next(
        (
            (event.effective_at_ms - START_MS) / 1_000
            for event in events_of(drive, points)
            if event.status is Status.ARRIVED
        ),
        None,
    )


def shown(drive: Drive) -> list[Fix]:
    """The positions that a viewer is shown, one after another: the newest good fix each time."""
    fixes: list[Fix] = []
    known: set[str] = set()
    seen: list[Fix] = []
    for _, points in drive.requests:
        fresh = sorted(
            {
                fix.point_id: fix for fix in map(fix_of, points) if fix.point_id not in known
            }.values(),
            key=lambda fix: fix.order,
        )
        if not fresh:
            continue
        known.update(fix.point_id for fix in fresh)
        start = len(fixes)
        while start and fixes[start - 1].order > fresh[0].order:
            start -= 1
        tail = sorted([*fixes[start:], *fresh], key=lambda fix: fix.order)
        fixes = enrich([*fixes[:start], *tail], _ENRICHMENT, start=start)
        newest = next((fix for fix in reversed(fixes) if fix.is_good), None)
        if newest and (not seen or newest.point_id != seen[-1].point_id):
            seen.append(newest)
    return seen


def fixes_of(points: Iterable[Point]) -> list[Fix]:
    """A drive's points as fixes, in order of time, without copies."""
    distinct = {fix.point_id: fix for fix in map(fix_of, points)}
    return enrich(sorted(distinct.values(), key=lambda fix: fix.order), _ENRICHMENT)


def good_fixes(points: Iterable[Point]) -> list[Fix]:
    """What the quality rules leave of them."""
    return [fix for fix in fixes_of(points) if fix.is_good]


def speed_of(fix: Fix) -> float | None:
    """What the device measured, or what its fixes imply, in metres a second."""
    return fix.track_speed_mps if fix.sent_speed_mps is None else fix.sent_speed_mps
