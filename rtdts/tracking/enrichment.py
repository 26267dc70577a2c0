"""Derives from a fix and its neighbours: distance, speed, quality, motion and heading.

The result depends only on the fixes and their order in time, never on the order or the batches in
which they arrived: a late fix is inserted in its place, and those after it are derived again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import bearing_deg, distance_m
from rtdts.tracking.quality import FixContext, QualityRules, quality_faults


class MotionRules(msgspec.Struct, frozen=True, kw_only=True):
    """When a truck counts as moving, and when a step has a direction."""

    sent_speed_mps: float = 1.0
    """Threshold for a speed that the device sent (measured by Doppler shift, so reliable)."""
    implied_speed_mps: float = 1.5
    baseline_s: float = 5.0
    """Minimum time over which the speed is measured if the device sent none; the threshold is then
    `implied_speed_mps`."""
    shift_m: float = 15.0
    """Minimum distance of that measurement; otherwise noise would make a parked truck move."""
    heading_step_m: float = 5.0


class EnrichmentRules(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of this pipeline."""

    quality: QualityRules = QualityRules()
    motion: MotionRules = MotionRules()


LOOKBACK_FIXES = 6
"""Maximum number of fixes before a fix that the rules use."""
LOOKBACK_MS = 24 * 3_600_000
"""Rules use no fix further back than this. With both limits, a fix can be derived from a few
neighbours, wherever it lies."""

_DECIMALS = 2
"""Decimals of derived lengths and speeds: centimetres, as positions have 7 decimals (1 cm). More
digits would exceed the measurement's precision, and each is stored with every point."""
_HEADING_DECIMALS = 1


def enrich(fixes: Sequence[Fix], rules: EnrichmentRules, *, start: int = 0) -> list[Fix]:
    """Derives fixes from those before them.

    Args:
        fixes: Sorted by `Fix.order`, without copies.
        rules: The limits.
        start: Index of the first fix to derive.

    Returns:
        All fixes, the first `start` unchanged.
    """
    derived = list(fixes[:start])
    for raw in fixes[start:]:
        derived.append(derive(raw, derived[-LOOKBACK_FIXES:], rules))
    return derived


def derive(fix: Fix, context: Sequence[Fix], rules: EnrichmentRules) -> Fix:
    """Derives one fix.

    Args:
        fix: The fix.
        context: The `LOOKBACK_FIXES` before it (or as many as there are), derived, in order.
        rules: The limits.
    """
    before = _before(fix, context)
    quality = quality_faults(fix, before, rules.quality)
    is_good = not quality
    return msgspec.structs.replace(
        fix,
        distance_m=None if before.step_m is None else round(before.step_m, _DECIMALS),
        implied_speed_mps=_implied_speed_mps(fix, before),
        quality=quality,
        moving=_is_moving(fix, before, rules.motion, is_good=is_good),
        track_speed_mps=_track_speed_mps(fix, before, rules.quality, is_good=is_good),
        track_heading_deg=_track_heading_deg(fix, before, rules.motion, is_good=is_good),
    )


def _before(fix: Fix, context: Sequence[Fix]) -> FixContext:
    oldest_ms = fix.event_at_ms - LOOKBACK_MS
    if not context or context[-1].event_at_ms < oldest_ms:
        return FixContext((), None, None, None)
    previous = context[-1]
    step_m = distance_m(previous.lat, previous.lon, fix.lat, fix.lon)
    for good in reversed(context):
        if good.is_good and good.event_at_ms >= oldest_ms:
            is_previous = good is previous
            good_step_m = (
                step_m if is_previous else distance_m(good.lat, good.lon, fix.lat, fix.lon)
            )
            return FixContext(context, good, step_m, good_step_m)
    return FixContext(context, None, step_m, None)


def _implied_speed_mps(fix: Fix, before: FixContext) -> float | None:
    """Returns the speed since the previous fix, whatever its quality."""
    previous = before.previous
    if previous is None or before.step_m is None:
        return None
    elapsed_s = (fix.event_at_ms - previous.event_at_ms) / 1_000
    return round(before.step_m / elapsed_s, _DECIMALS) if elapsed_s > 0 else None


def _is_moving(fix: Fix, before: FixContext, rules: MotionRules, *, is_good: bool) -> bool:
    """Returns whether the truck is moving; for a bad fix, the same as for the one before it."""
    if not is_good:
        return before.previous is not None and before.previous.moving
    if fix.speed_mps is not None:
        return fix.speed_mps >= rules.sent_speed_mps
    return _has_shifted(fix, before, rules)


def _track_speed_mps(
    fix: Fix, before: FixContext, rules: QualityRules, *, is_good: bool
) -> float | None:
    """Returns the speed since the last good fix; distances to and from a bad fix don't count."""
    good, step_m = before.last_good, before.good_step_m
    if good is None or step_m is None or not is_good:
        return before.previous.track_speed_mps if before.previous else None
    elapsed_s = (fix.event_at_ms - good.event_at_ms) / 1_000
    is_believable = elapsed_s > 0 and step_m / elapsed_s <= rules.reachability.max_speed_mps
    return round(step_m / elapsed_s, _DECIMALS) if is_believable else good.track_speed_mps


def _track_heading_deg(
    fix: Fix, before: FixContext, rules: MotionRules, *, is_good: bool
) -> float | None:
    """Returns the direction of the step from the last good fix; for a short step, the last one."""
    good, step_m = before.last_good, before.good_step_m
    if good is None or step_m is None or not is_good:
        return before.previous.track_heading_deg if before.previous else None
    if step_m < rules.heading_step_m:
        return good.track_heading_deg
    return round(bearing_deg(good.lat, good.lon, fix.lat, fix.lon), _HEADING_DECIMALS) % 360


def _has_shifted(fix: Fix, before: FixContext, rules: MotionRules) -> bool:
    baseline_ms = rules.baseline_s * 1_000
    since = before.last_good
    oldest_ms = fix.event_at_ms - LOOKBACK_MS
    for earlier in reversed(before.fixes):
        if not earlier.is_good or earlier.event_at_ms < oldest_ms:
            continue
        since = earlier
        if fix.event_at_ms - earlier.event_at_ms >= baseline_ms:
            break
    if since is None:
        return False
    elapsed_s = (fix.event_at_ms - since.event_at_ms) / 1_000
    shift_m = distance_m(since.lat, since.lon, fix.lat, fix.lon)
    min_shift_m = max(rules.shift_m, fix.accuracy_m or 0.0)
    return (
        shift_m >= min_shift_m and elapsed_s > 0 and shift_m / elapsed_s >= rules.implied_speed_mps
    )
