"""What a fix's place among its truck's fixes tells: distance, speed, quality, motion, heading.

The result depends on the fixes and their order in time only, never on the order or the batches in
which they arrived: a late fix is put in its place, and those after it are derived anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import bearing_deg, distance_m
from rtdts.tracking.quality import Before, QualityRules, judge


class MotionRules(msgspec.Struct, frozen=True, kw_only=True):
    """When a truck counts as moving, and when a step has a direction."""

    sent_speed_mps: float = 1.0
    """From this speed on, when the device tells its speed (it measures Doppler shift: good)."""
    implied_speed_mps: float = 1.5
    baseline_s: float = 5.0
    """Without it: from this speed on, measured over at least so long a time …"""
    shift_m: float = 15.0
    """… and so long a way, else noise would make a parked truck drive."""
    heading_step_m: float = 5.0


class EnrichmentRules(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of this pipeline."""

    quality: QualityRules = QualityRules()
    motion: MotionRules = MotionRules()


_DECIMALS = 2
"""Of derived lengths and speeds: centimetres, as positions have 7 decimals (1 cm). More digits
would be none that anybody measured, and each is stored with every point."""
_HEADING_DECIMALS = 1

Step = Callable[[Fix, Before, EnrichmentRules], Fix]


def measure_step(fix: Fix, before: Before, _rules: EnrichmentRules) -> Fix:
    """Way and speed since the previous fix, whatever its quality."""
    previous = before.previous
    if previous is None:
        return msgspec.structs.replace(fix, distance_m=None, implied_speed_mps=None)
    way_m = distance_m(previous.lat, previous.lon, fix.lat, fix.lon)
    elapsed_s = (fix.event_at_ms - previous.event_at_ms) / 1_000
    return msgspec.structs.replace(
        fix,
        distance_m=round(way_m, _DECIMALS),
        implied_speed_mps=round(way_m / elapsed_s, _DECIMALS) if elapsed_s > 0 else None,
    )


def judge_quality(fix: Fix, before: Before, rules: EnrichmentRules) -> Fix:
    """The quality keywords."""
    return msgspec.structs.replace(fix, quality=judge(fix, before, rules.quality))


def decide_motion(fix: Fix, before: Before, rules: EnrichmentRules) -> Fix:
    """Moving or stopped; of a bad fix, what the one before it was."""
    if not fix.is_good:
        moving = before.previous is not None and before.previous.moving
    elif fix.speed_mps is not None:
        moving = fix.speed_mps >= rules.motion.sent_speed_mps
    else:
        moving = _has_shifted(fix, before, rules.motion)
    return msgspec.structs.replace(fix, moving=moving)


def find_speed(fix: Fix, before: Before, rules: EnrichmentRules) -> Fix:
    """The speed since the last good fix: the way to and from a false place is none."""
    good = before.last_good
    if good is None or not fix.is_good:
        speed_mps = before.previous.track_speed_mps if before.previous else None
    else:
        elapsed_s = (fix.event_at_ms - good.event_at_ms) / 1_000
        way_m = distance_m(good.lat, good.lon, fix.lat, fix.lon)
        is_believable = elapsed_s > 0 and way_m / elapsed_s <= rules.quality.max_speed_mps
        speed_mps = round(way_m / elapsed_s, _DECIMALS) if is_believable else good.track_speed_mps
    return msgspec.structs.replace(fix, track_speed_mps=speed_mps)


def find_heading(fix: Fix, before: Before, rules: EnrichmentRules) -> Fix:
    """The direction of the step from the last good fix; of a short step, the one before."""
    good = before.last_good
    if good is None or not fix.is_good:
        heading = before.previous.track_heading_deg if before.previous else None
    elif distance_m(good.lat, good.lon, fix.lat, fix.lon) >= rules.motion.heading_step_m:
        heading = round(bearing_deg(good.lat, good.lon, fix.lat, fix.lon), _HEADING_DECIMALS) % 360
    else:
        heading = good.track_heading_deg
    return msgspec.structs.replace(fix, track_heading_deg=heading)


PIPELINE: tuple[Step, ...] = (
    measure_step,
    judge_quality,
    decide_motion,
    find_speed,
    find_heading,
)


def enrich(fixes: Sequence[Fix], rules: EnrichmentRules, *, start: int = 0) -> list[Fix]:
    """Derives fixes from those before them.

    Args:
        fixes: Sorted by `Fix.order`, without copies.
        rules: The limits.
        start: The first to derive; those before it are taken as they are.

    Returns:
        All fixes, the first `start` unchanged.
    """
    derived = list(fixes[:start])
    last_good = next((fix for fix in reversed(derived) if fix.is_good), None)
    for raw in fixes[start:]:
        before = Before(derived, last_good)
        fix = raw
        for step in PIPELINE:
            fix = step(fix, before, rules)
        derived.append(fix)
        if fix.is_good:
            last_good = fix
    return derived


def _has_shifted(fix: Fix, before: Before, rules: MotionRules) -> bool:
    baseline_ms = rules.baseline_s * 1_000
    since = before.last_good
    for earlier in reversed(before.fixes):
        if not earlier.is_good:
            continue
        since = earlier
        if fix.event_at_ms - earlier.event_at_ms >= baseline_ms:
            break
    if since is None:
        return False
    elapsed_s = (fix.event_at_ms - since.event_at_ms) / 1_000
    shift_m = distance_m(since.lat, since.lon, fix.lat, fix.lon)
    least_m = max(rules.shift_m, fix.accuracy_m or 0.0)
    return shift_m >= least_m and elapsed_s > 0 and shift_m / elapsed_s >= rules.implied_speed_mps
