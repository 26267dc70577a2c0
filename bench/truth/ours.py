"""Our rules, applied to a drive: the only module that uses their entry points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.truth.drives import START_MS, Drive
from bench.truth.timeline import timeline
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.status_rules import StatusRules

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


@dataclass(frozen=True)
class ClassifiedPoint:
    """A point, and the result of our quality rules.

    Attributes:
        point: As the device sent it.
        is_good: Whether no rule finds fault with it.
        speed_mps: What the device sent, or what its points imply; None when neither is there.
    """

    point: Point
    is_good: bool
    speed_mps: float | None


def classified_points(points: Iterable[Point]) -> list[ClassifiedPoint]:
    """A drive's points in order of time, without copies."""
    by_id = {fix_of(point).point_id: point for point in points}
    ordered = sorted(map(fix_of, by_id.values()), key=lambda fix: fix.order)
    classified = []
    for fix in enrich(ordered, _ENRICHMENT):
        point = by_id[fix.point_id]
        sent_mps = point.speed_mps
        classified.append(
            ClassifiedPoint(
                point, fix.is_good, fix.track_speed_mps if sent_mps is None else sent_mps
            )
        )
    return classified


def good_points(points: Iterable[Point]) -> list[ClassifiedPoint]:
    """The points that pass the quality rules."""
    return [one for one in classified_points(points) if one.is_good]


def shown(drive: Drive) -> list[tuple[int, float, float]]:
    """What a viewer is shown, one after another: the newest good fix each time.

    Returns:
        ``event_at`` in ms, latitude and longitude of each.
    """
    fixes: list[Fix] = []
    known: set[str] = set()
    seen: list[Fix] = []
    for _, points in drive.requests:
        fresh = {fix.point_id: fix for fix in map(fix_of, points) if fix.point_id not in known}
        if not fresh:
            continue
        known |= fresh.keys()
        new = sorted(fresh.values(), key=lambda fix: fix.order)
        start = len(fixes)
        while start and fixes[start - 1].order > new[0].order:
            start -= 1
        tail = sorted([*fixes[start:], *new], key=lambda fix: fix.order)
        fixes = enrich([*fixes[:start], *tail], _ENRICHMENT, start=start)
        newest = next((fix for fix in reversed(fixes) if fix.is_good), None)
        if newest and (not seen or newest.point_id != seen[-1].point_id):
            seen.append(newest)
    return [(fix.event_at_ms, fix.lat, fix.lon) for fix in seen]
