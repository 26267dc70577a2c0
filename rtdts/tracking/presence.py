"""Decides whether a truck is at a place, by all its fixes, each weighed by its accuracy.

A single fix is weak evidence: with an accuracy of 60 m, a truck that stands at the centre of a
geofence of 100 m is outside it in every tenth fix. So each fix gives evidence between "certainly
outside" and "certainly inside", by its distance in units of its accuracy, and `FenceEvidence` adds
it up. It begins with the first fix inside and ends when the sum falls to nothing (a cumulative sum,
as in quality control). The sum is bounded, so that a long stay does not hide a departure. Evidence
counts by the time since the fix before, so that a burst of fixes counts no more than one.

The sum is all that is kept of the past: a few numbers and the id of one point.
"""

from __future__ import annotations

import msgspec

from rtdts.tracking.deliveries import Place
from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m


class PresenceRules(msgspec.Struct, frozen=True, kw_only=True):
    """How fixes are weighed."""

    assumed_accuracy_m: float = 20.0
    """Assumed for a fix without accuracy."""
    min_accuracy_m: float = 10.0
    """Better accuracies count as this one: receivers report them wrongly."""
    finest_fence: float = 1.25
    """A geofence can't be finer than what is measured: its radius counts as at least this many
    accuracies of the fix."""
    max_inside: float = 1.5
    """Evidence of one fix well inside; that of one well outside is -1. So one outlier does not end
    a stay that one good fix began."""
    max_sum: float = 2.0
    """Bound of the sum: two fixes well outside end every stay."""
    sure: float = 1.5
    """Sum from which a dwell counts."""
    sure_before_silence: float = 0.5
    """Sum from which a silence counts as spent inside."""
    full_weight_s: float = 5.0
    """Time since the fix before, for full weight; sooner fixes weigh proportionally less."""
    min_weight: float = 0.2
    """Lowest weight of a fix."""
    far_m: float = 500.0
    """One fix this far outside a geofence, plus twice the accuracy, ends every stay."""
    pull_away_mps: float = 5.0
    """Lowest average speed, in a straight line, of a truck that drives on during a silence."""
    pace_mps: float = 8.0
    """Usual average speed, at which a truck is assumed to have driven in during a silence."""
    longest_drive_in_s: float = 900.0
    """Nothing is assumed for a longer silence: the truck may have stood anywhere."""
    one_place_m: float = 30.0
    """Places closer than this are one: no fix shows which of them a truck is at."""


class FenceObservation(msgspec.Struct, frozen=True):
    """A place as seen from one fix."""

    at_ms: int
    point_id: str
    distance_m: float
    accuracy_m: float
    """Assumed when the fix has none, and never below `PresenceRules.min_accuracy_m`."""
    reach_m: float
    """The geofence's radius, or what can be measured of it."""
    inside: float
    """Evidence that the truck is inside, from -1 to `PresenceRules.max_inside`."""

    @property
    def is_inside(self) -> bool:
        """Whether the fix itself lies inside."""
        return self.distance_m <= self.reach_m

    @property
    def outside_m(self) -> float:
        """Distance outside the geofence; 0 when inside."""
        return max(0.0, self.distance_m - self.reach_m)


class FenceEvidence(msgspec.Struct, frozen=True, array_like=True):
    """Accumulated evidence of a stay inside a geofence, or of a departure from it."""

    since_ms: int
    """``event_at`` of its first fix."""
    since_id: str
    last_ms: int
    """``event_at`` of the last good fix."""
    sum: float
    """Above 0; otherwise there is no evidence."""
    is_held: bool = True
    """Whether the last good fix is consistent with the evidence; otherwise a silence after it means
    nothing."""
    counts: bool = True
    """False for a stay that began before it could count."""
    unseen_ms: int = 0
    """How long before its first fix the stay probably began, during a silence."""


def observe_fence(fix: Fix, place: Place, rules: PresenceRules) -> FenceObservation:
    """Measures a place from a fix."""
    sent_m = rules.assumed_accuracy_m if fix.accuracy_m is None else fix.accuracy_m
    accuracy_m = max(sent_m, rules.min_accuracy_m)
    from_center_m = distance_m(fix.lat, fix.lon, place.lat, place.lon)
    reach_m = max(place.radius_m, rules.finest_fence * accuracy_m)
    inside = min(max((reach_m - from_center_m) / accuracy_m, -1.0), rules.max_inside)
    return FenceObservation(
        fix.event_at_ms, fix.point_id, from_center_m, accuracy_m, reach_m, inside
    )


def is_far(seen: FenceObservation, rules: PresenceRules) -> bool:
    """Returns whether this fix alone shows that the truck is not there, whatever came before."""
    return seen.outside_m > rules.far_m + 2 * seen.accuracy_m


def relative_evidence(
    seen: FenceObservation, other: FenceObservation, *, are_one: bool, rules: PresenceRules
) -> float:
    """Returns the evidence for being at a place and not at another with an overlapping geofence.

    Where a fix is inside both, the nearer centre decides.

    Args:
        seen: The place.
        other: The other one.
        are_one: Whether the two can't be distinguished: a truck at one is at the other.
        rules: How fixes are weighed.
    """
    if are_one or not (seen.is_inside and other.is_inside):
        return seen.inside
    nearer = (other.distance_m - seen.distance_m) / seen.accuracy_m
    return max(min(seen.inside, nearer), -1.0)


def with_evidence(
    so_far: FenceEvidence | None, evidence: float, seen: FenceObservation, rules: PresenceRules
) -> FenceEvidence | None:
    """Adds the evidence of one more fix; returns None when the sum falls to nothing."""
    if so_far is None:
        first = round(min(evidence, rules.max_sum), 2)
        return None if first <= 0 else FenceEvidence(seen.at_ms, seen.point_id, seen.at_ms, first)
    since_last_s = (seen.at_ms - so_far.last_ms) / 1_000
    weight = min(max(since_last_s / rules.full_weight_s, rules.min_weight), 1.0)
    total = round(min(so_far.sum + weight * evidence, rules.max_sum), 2)
    if total <= 0:
        return None
    return msgspec.structs.replace(so_far, last_ms=seen.at_ms, sum=total, is_held=evidence > -1.0)


def unseen_ms(fix: Fix, seen: FenceObservation, dwell_s: float, rules: PresenceRules) -> int:
    """Returns how long before this fix, the first one inside, the truck probably came in.

    0 unless a silence of half a dwell or more preceded the fix: then the truck is assumed to have
    driven here at the usual speed, and to have stood here for the rest of the silence.
    """
    step_m, step_mps = fix.distance_m, fix.implied_speed_mps
    if not step_m or not step_mps:
        return 0
    drive_s = max(0.0, step_m - seen.reach_m) / rules.pace_mps
    silence_s = step_m / step_mps
    if not dwell_s / 2 <= silence_s <= rules.longest_drive_in_s:
        return 0
    return max(0, round((silence_s - drive_s) * 1_000))


def stay(
    so_far: FenceEvidence | None,
    evidence: float,
    seen: FenceObservation,
    dwell_s: float,
    rules: PresenceRules,
) -> FenceEvidence | None:
    """Returns a stay inside a geofence after one more fix; None when the truck is not there."""
    if so_far is not None:
        if is_far(seen, rules):
            return None
        # Fixes this rare decide alone: by the next one the truck may be back.
        if evidence <= -1.0 and seen.at_ms - so_far.last_ms >= dwell_s * 1_000:
            return None
    return with_evidence(so_far, evidence, seen, rules)


def has_dwelt(
    so_far: FenceEvidence | None,
    evidence: float,
    seen: FenceObservation,
    dwell_s: float,
    rules: PresenceRules,
) -> bool:
    """Returns whether this fix shows that a stay has lasted for the dwell.

    Either this fix is inside, too; or there was a silence since the last one inside, long enough
    that the truck must have stayed before it came here (a dock without reception). A truck that
    drove on would be further from the place by now.

    Args:
        so_far: The stay before this fix.
        evidence: This fix's evidence for being there.
        seen: The place from this fix.
        dwell_s: The dwell.
        rules: How fixes are weighed.
    """
    if evidence > 0:
        now = with_evidence(so_far, evidence, seen, rules)
        return (
            now is not None
            and now.counts
            and now.sum >= rules.sure
            and seen.at_ms - now.since_ms >= dwell_s * 1_000
        )
    if so_far is None or not (so_far.counts and so_far.is_held):
        return False
    drive_s = seen.outside_m / rules.pull_away_mps
    silence_s = (seen.at_ms - so_far.last_ms) / 1_000
    return so_far.sum >= rules.sure_before_silence and silence_s - drive_s >= dwell_s


def left(
    so_far: FenceEvidence | None,
    seen: FenceObservation,
    fix: Fix,
    margin_m: float,
    rules: PresenceRules,
) -> tuple[FenceEvidence | None, bool]:
    """Returns the evidence of having left a place, with one more fix, and whether it is enough.

    A measured speed is independent of the position: together with a fix clearly outside it is
    enough. Without one a second fix is needed.

    Args:
        so_far: The evidence so far.
        seen: The place from the fix.
        fix: The fix.
        margin_m: Distance outside the geofence from which a fix counts as outside.
        rules: How fixes are weighed.
    """
    if is_far(seen, rules):
        return so_far or with_evidence(None, 1.0, seen, rules), True
    if seen.distance_m + seen.accuracy_m <= seen.reach_m:
        return None, False
    outside = (seen.distance_m - seen.reach_m - margin_m) / seen.accuracy_m
    evidence = min(max(outside, -1.0), 1.0)
    now = with_evidence(so_far, evidence, seen, rules)
    if now is None or evidence <= 0:
        return now, False
    is_driving = fix.moving and fix.speed_mps is not None
    return now, now.sum >= rules.max_sum or (is_driving and evidence >= 1.0)
