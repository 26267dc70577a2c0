"""What is wrong with a fix: keywords, each given by one rule.

A fix that any rule finds fault with is indexed and counted, but neither shown nor used to decide
a delivery's status.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m


class Quality(enum.StrEnum):
    """Why a fix is not to be believed."""

    NULL_ISLAND = "null_island"
    """0° N 0° E: what some receivers say when they know nothing."""
    POOR_ACCURACY = "poor_accuracy"
    POOR_GEOMETRY = "poor_geometry"
    """HDOP, or too few satellites for a fix in two dimensions."""
    IMPLAUSIBLE_SPEED = "implausible_speed"
    """No truck gets there from its last good fix in that time."""
    FROZEN = "frozen"
    """The receiver repeats a place while the truck says that it drives."""


class QualityRules(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of the quality rules."""

    max_accuracy_m: float = 100.0
    max_hdop: float = 10.0
    min_satellites: int = 3
    max_speed_mps: float = 60.0
    """216 km/h: a truck's 25 m/s and room for what a ferry or a train carries."""
    jump_slack_m: float = 200.0
    """A jump shorter than this is noise, whatever speed it implies."""
    frozen_speed_mps: float = 3.0
    frozen_fixes: int = 3
    """So many fixes at exactly one place, while moving faster than that, are frozen."""


class Before(msgspec.Struct, frozen=True):
    """What came before a fix, already derived."""

    fixes: Sequence[Fix]
    last_good: Fix | None
    way_m: float | None
    """From the fix just before."""
    good_way_m: float | None
    """From the last good one."""

    @property
    def previous(self) -> Fix | None:
        """The fix just before, good or not."""
        return self.fixes[-1] if self.fixes else None


Rule = Callable[[Fix, Before, QualityRules], bool]


def _is_null_island(fix: Fix, _before: Before, _rules: QualityRules) -> bool:
    return fix.lat == 0.0 and fix.lon == 0.0


def _is_inaccurate(fix: Fix, _before: Before, rules: QualityRules) -> bool:
    return fix.accuracy_m is not None and fix.accuracy_m > rules.max_accuracy_m


def _has_poor_geometry(fix: Fix, _before: Before, rules: QualityRules) -> bool:
    return (fix.hdop is not None and fix.hdop > rules.max_hdop) or (
        fix.satellites is not None and fix.satellites < rules.min_satellites
    )


def _is_implausibly_fast(fix: Fix, before: Before, rules: QualityRules) -> bool:
    good, way_m = before.last_good, before.good_way_m
    if good is None or way_m is None or not _is_beyond_reach(good, fix, way_m, rules):
        return False
    # When the good one was itself the outlier, everything after it is far from it. Three fixes in
    # a row that agree with each other outweigh it.
    rivals = before.fixes[-2:]
    return not (
        len(rivals) == 2
        and all(Quality.IMPLAUSIBLE_SPEED in rival.quality for rival in rivals)
        and not _is_too_far(rivals[0], rivals[1], rules)
        and not _is_too_far(rivals[1], fix, rules)
    )


def _is_too_far(earlier: Fix, later: Fix, rules: QualityRules) -> bool:
    way_m = distance_m(earlier.lat, earlier.lon, later.lat, later.lon)
    return _is_beyond_reach(earlier, later, way_m, rules)


def _is_beyond_reach(earlier: Fix, later: Fix, way_m: float, rules: QualityRules) -> bool:
    elapsed_s = (later.event_at_ms - earlier.event_at_ms) / 1_000
    return way_m > max(rules.jump_slack_m, rules.max_speed_mps * elapsed_s)


def _is_frozen(fix: Fix, before: Before, rules: QualityRules) -> bool:
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


def judge(fix: Fix, before: Before, rules: QualityRules) -> tuple[str, ...]:
    """The keywords of all rules that find fault with a fix; empty when it is good."""
    return tuple(
        keyword.value for keyword, finds_fault in QUALITY_RULES if finds_fault(fix, before, rules)
    )
