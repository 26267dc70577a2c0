"""How far a truck can have come between two of its fixes: what tells a drive from a jump.

A receiver measures its speed by Doppler shift, apart from its place: a reflection moves the place
and leaves the speed. So where speeds are sent, they say how long the way was. Elsewhere the steps
before and after a doubtful one say how fast the truck drives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m


class ReachRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a truck can do."""

    max_speed_mps: float = 60.0
    """216 km/h: a truck's 25 m/s and room for what a ferry or a train carries."""
    slack_m: float = 100.0
    """A way that is longer by so much than the truck can have come is noise still …"""
    slack_of_accuracy: float = 1.2
    """… or by so many times the accuracies of both ends."""
    acceleration_mps2: float = 1.5
    """Between two fixes with speeds, a truck gains speed and brakes by so much …"""
    unmeasured_acceleration_mps2: float = 2.0
    """… and between others: it may have been about to gain speed."""
    unknown_speed_mps: float = 25.0
    """Of a truck of which nothing is known."""
    recent_s: float = 30.0
    """A speed older than that is not known."""


_FALSE_STEPS = 3
"""So many steps in a row show that a device does not measure the speeds that it sends."""


def is_beyond(
    fix: Fix, good: Fix, step_m: float, context: Sequence[Fix], rules: ReachRules
) -> bool:
    """Whether no truck comes so far.

    Args:
        fix: Where it is said to be.
        good: Its last good fix.
        step_m: From there.
        context: The fixes before, in order.
        rules: What a truck can do.
    """
    chain = [good, *_after(good, context), fix]
    if _is_beyond(chain, step_m, rules, trusts_speeds=True):
        return not _disproves_speeds(fix, context, rules) or _is_beyond(
            chain, step_m, rules, trusts_speeds=False
        )
    return False


def agree(earlier: Fix, later: Fix, rules: ReachRules) -> bool:
    """Whether a truck makes the step between two fixes, of which no other is known."""
    speed_mps = rules.unknown_speed_mps
    return _step_m(earlier, later) <= _reach_m(
        (earlier, later), speed_mps, rules, trusts_speeds=True
    )


def _is_beyond(
    chain: Sequence[Fix], step_m: float, rules: ReachRules, *, trusts_speeds: bool
) -> bool:
    good, first, fix = chain[0], chain[1], chain[-1]
    speed_mps = _speed_at_mps(good, rules)
    if fix is not first:
        doubted = chain[-2]
        pair = (doubted, fix)
        on_m = _step_m(*pair) - _driven_m(pair, speed_mps, trusts_speeds=trusts_speeds)
        if on_m < step_m - _driven_m(chain, speed_mps, trusts_speeds=trusts_speeds):
            # It goes on from the doubted ones. By how fast it does, they may be right after all.
            speed_mps = max(speed_mps, _step_mps(first, chain[2], rules))
            step_m, chain = _step_m(good, first), chain[:2]
    return step_m > _reach_m(chain, speed_mps, rules, trusts_speeds=trusts_speeds)


def _reach_m(
    chain: Sequence[Fix], speed_mps: float, rules: ReachRules, *, trusts_speeds: bool
) -> float:
    """How far from the first of a chain the last can be."""
    slack_m = _slack_m(chain[0], chain[-1], rules)
    driven_m = _driven_m(chain, speed_mps, trusts_speeds=trusts_speeds)
    # What it may have driven faster between two fixes adds up as errors do: it does not always.
    spread = math.hypot(*(_elapsed_s(*pair) ** 2 / 4 for pair in pairwise(chain)))
    if trusts_speeds and all(one.speed_mps is not None for one in chain):
        more_m = max(slack_m, rules.acceleration_mps2 * spread)
    else:
        more_m = slack_m + rules.unmeasured_acceleration_mps2 * spread
    most_m = rules.max_speed_mps * _elapsed_s(chain[0], chain[-1])
    return min(driven_m + more_m, most_m + slack_m)


def _driven_m(chain: Sequence[Fix], speed_mps: float, *, trusts_speeds: bool) -> float:
    """The way along a chain by its speeds; where none were sent, by `speed_mps`."""
    driven_m = 0.0
    for earlier, later in pairwise(chain):
        if trusts_speeds and earlier.speed_mps is not None and later.speed_mps is not None:
            driven_m += (earlier.speed_mps + later.speed_mps) / 2 * _elapsed_s(earlier, later)
        else:
            driven_m += speed_mps * _elapsed_s(earlier, later)
    return driven_m


def _speed_at_mps(good: Fix, rules: ReachRules) -> float:
    """How fast the truck drove by its last good fix and the one before it."""
    step_m, step_mps, known_mps = good.distance_m, good.implied_speed_mps, good.track_speed_mps
    if step_m is None or step_mps is None or known_mps is None:
        return rules.unknown_speed_mps
    is_recent = step_m <= step_mps * rules.recent_s
    return known_mps if is_recent else rules.unknown_speed_mps


def _step_mps(earlier: Fix, later: Fix, rules: ReachRules) -> float:
    elapsed_s = _elapsed_s(earlier, later)
    step_m = _step_m(earlier, later)
    return min(step_m / elapsed_s, rules.max_speed_mps) if elapsed_s > 0 else 0.0


def _disproves_speeds(fix: Fix, context: Sequence[Fix], rules: ReachRules) -> bool:
    """Whether several steps in a row are longer than the speeds that were sent with them.

    A reflection makes one such step, and one back. A device that does not measure its speed and
    sends the same one with each fix makes nothing else.
    """
    row = [*context[-_FALSE_STEPS:], fix]
    return (
        len(row) > _FALSE_STEPS
        and all(one.speed_mps is not None for one in row)
        and not any(agree(*pair, rules) for pair in pairwise(row))
    )


def _after(good: Fix, context: Sequence[Fix]) -> list[Fix]:
    return [one for one in context if one.order > good.order]


def _slack_m(earlier: Fix, later: Fix, rules: ReachRules) -> float:
    known_m = (earlier.accuracy_m or 0.0) + (later.accuracy_m or 0.0)
    return max(rules.slack_m, rules.slack_of_accuracy * known_m)


def _step_m(earlier: Fix, later: Fix) -> float:
    return distance_m(earlier.lat, earlier.lon, later.lat, later.lon)


def _elapsed_s(earlier: Fix, later: Fix) -> float:
    return (later.event_at_ms - earlier.event_at_ms) / 1_000
