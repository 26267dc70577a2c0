"""The quality of a fix: keywords for its faults, each given by one rule.

A fix that any rule rejects is indexed and counted, but neither shown nor used to decide a
delivery's status.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.reachability import ReachabilityRules, are_consistent, is_unreachable


class Quality(enum.StrEnum):
    """Why a fix is rejected."""

    NULL_ISLAND = "null_island"
    """0° N 0° E: what some receivers send when they have no position."""
    POOR_ACCURACY = "poor_accuracy"
    POOR_GEOMETRY = "poor_geometry"
    """HDOP is too high, or there are too few satellites for a fix in two dimensions."""
    IMPLAUSIBLE_SPEED = "implausible_speed"
    """No truck can get there from its last good fix in that time: `rtdts.tracking.reachability`."""
    FROZEN = "frozen"
    """The receiver repeats a place while the truck's own data says that it is moving."""


class QualityRules(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the quality rules."""

    max_accuracy_m: float = 100.0
    max_hdop: float = 10.0
    min_satellites: int = 3
    reachability: ReachabilityRules = ReachabilityRules()
    rivals: int = 3
    """This many consecutive fixes that agree outweigh a last good fix that is alone."""
    many_rivals: int = 6
    """This many outweigh any last good fix."""
    rivals_s: float = 90.0
    """Fixes that agree for this long outweigh any last good fix, too."""
    frozen_speed_mps: float = 3.0
    frozen_fixes: int = 3
    """This many fixes at exactly one place, at `frozen_speed_mps` or faster, are frozen."""


class FixContext(msgspec.Struct, frozen=True):
    """The fixes before a fix, already derived."""

    fixes: Sequence[Fix]
    last_good: Fix | None
    step_m: float | None
    """Distance from the previous fix."""
    good_step_m: float | None
    """Distance from the last good fix."""

    @property
    def previous(self) -> Fix | None:
        """The previous fix, good or not."""
        return self.fixes[-1] if self.fixes else None


Rule = Callable[[Fix, FixContext, QualityRules], bool]


def _is_null_island(fix: Fix, _before: FixContext, _rules: QualityRules) -> bool:
    return fix.lat == 0.0 and fix.lon == 0.0


def _is_inaccurate(fix: Fix, _before: FixContext, rules: QualityRules) -> bool:
    return fix.accuracy_m is not None and fix.accuracy_m > rules.max_accuracy_m


def _has_poor_geometry(fix: Fix, _before: FixContext, rules: QualityRules) -> bool:
    return (fix.hdop is not None and fix.hdop > rules.max_hdop) or (
        fix.satellites is not None and fix.satellites < rules.min_satellites
    )


def _is_implausibly_fast(fix: Fix, before: FixContext, rules: QualityRules) -> bool:
    good, step_m = before.last_good, before.good_step_m
    if good is None or step_m is None or step_m <= rules.reachability.slack_m:
        return False
    return is_unreachable(
        fix, good, step_m, before.fixes, rules.reachability
    ) and not _is_outweighed(fix, good, before, rules)


def _is_outweighed(fix: Fix, good: Fix, before: FixContext, rules: QualityRules) -> bool:
    """Returns whether the last good fix was the outlier: everything after it is far from it.

    Consecutive fixes that agree with each other outweigh it. Reflections also agree with each other
    for a while, so more fixes are needed when the last good one is not alone.
    """
    rivals = [one for one in before.fixes if one.order > good.order]
    if len(rivals) < rules.rivals - 1 or not all(
        Quality.IMPLAUSIBLE_SPEED in rival.quality for rival in rivals
    ):
        return False
    row = [*rivals, fix]
    if any(not are_consistent(one, other, rules.reachability) for one, other in pairwise(row)):
        return False
    is_alone = not any(
        (one.lat, one.lon) != (good.lat, good.lon) and are_consistent(one, good, rules.reachability)
        for one in before.fixes
        if one.order < good.order
    )
    lasts_s = (fix.event_at_ms - rivals[0].event_at_ms) / 1_000
    return is_alone or len(row) >= rules.many_rivals or lasts_s >= rules.rivals_s


def _is_frozen(fix: Fix, before: FixContext, rules: QualityRules) -> bool:
    previous = before.previous
    if previous is None or fix.speed_mps is None or fix.speed_mps < rules.frozen_speed_mps:
        return False
    if (previous.lat, previous.lon) != (fix.lat, fix.lon):
        return False
    same = before.fixes[-(rules.frozen_fixes - 1) :]
    return len(same) == rules.frozen_fixes - 1 and all(
        other.lat == fix.lat
        and other.lon == fix.lon
        and other.speed_mps is not None
        and other.speed_mps >= rules.frozen_speed_mps
        for other in same
    )


QUALITY_RULES: tuple[tuple[Quality, Rule], ...] = (
    (Quality.NULL_ISLAND, _is_null_island),
    (Quality.POOR_ACCURACY, _is_inaccurate),
    (Quality.POOR_GEOMETRY, _has_poor_geometry),
    (Quality.IMPLAUSIBLE_SPEED, _is_implausibly_fast),
    (Quality.FROZEN, _is_frozen),
)


def quality_faults(fix: Fix, before: FixContext, rules: QualityRules) -> tuple[str, ...]:
    """Returns the keywords of all rules that reject a fix; empty when it is good."""
    return tuple(
        keyword.value for keyword, finds_fault in QUALITY_RULES if finds_fault(fix, before, rules)
    )
