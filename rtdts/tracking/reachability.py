"""How far a truck can have come between two of its fixes: distinguishes a drive from a jump.

A receiver measures its speed by Doppler shift, independently of its position: a reflection moves
the position and leaves the speed. So where speeds are sent, they show how far the truck drove.
Elsewhere the steps before and after a doubtful one show how fast the truck drives.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m


class ReachabilityRules(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a truck's motion."""

    max_speed_mps: float = 60.0
    """216 km/h: a truck's 25 m/s, with a margin for a ferry or a train that carries it."""
    slack_m: float = 100.0
    """A step that exceeds the truck's reach by no more than this counts as noise."""
    slack_of_accuracy: float = 1.2
    """This many times the accuracies of both ends also count as noise, if that is more."""
    acceleration_mps2: float = 1.5
    """Acceleration and braking of a truck between two fixes with speeds."""
    unmeasured_acceleration_mps2: float = 2.0
    """Acceleration and braking between other fixes: the truck may be about to accelerate."""
    unknown_speed_mps: float = 25.0
    """Assumed speed of a truck of which nothing is known."""
    recent_s: float = 30.0
    """An older speed does not count as known."""


_FALSE_STEPS = 3
"""This many impossible steps in a row show that a device does not measure the speeds it sends."""


def is_unreachable(
    fix: Fix, good: Fix, step_m: float, context: Sequence[Fix], rules: ReachabilityRules
) -> bool:
    """Returns whether a step is further than any truck can drive.

    Args:
        fix: The fix in question.
        good: The truck's last good fix.
        step_m: The distance between them.
        context: The fixes before, in order.
        rules: The limits of a truck's motion.
    """
    chain = [good, *_after(good, context), fix]
    if _is_unreachable(chain, step_m, rules, trusts_speeds=True):
        return not _disproves_speeds(fix, context, rules) or _is_unreachable(
            chain, step_m, rules, trusts_speeds=False
        )
    return False


def are_consistent(earlier: Fix, later: Fix, rules: ReachabilityRules) -> bool:
    """Returns whether a truck can make the step between two fixes, without knowing any other."""
    speed_mps = rules.unknown_speed_mps
    return _step_m(earlier, later) <= _reach_m(
        (earlier, later), speed_mps, rules, trusts_speeds=True
    )


def _is_unreachable(
    chain: Sequence[Fix], step_m: float, rules: ReachabilityRules, *, trusts_speeds: bool
) -> bool:
    good, first, fix = chain[0], chain[1], chain[-1]
    speed_mps = _speed_at_mps(good, rules)
    if fix is not first:
        doubted = chain[-2]
        pair = (doubted, fix)
        on_m = _step_m(*pair) - _driven_m(pair, speed_mps, trusts_speeds=trusts_speeds)
        if on_m < step_m - _driven_m(chain, speed_mps, trusts_speeds=trusts_speeds):
            # The fix continues the doubted ones. At this speed they may be right after all.
            speed_mps = max(speed_mps, _step_mps(first, chain[2], rules))
            step_m, chain = _step_m(good, first), chain[:2]
    return step_m > _reach_m(chain, speed_mps, rules, trusts_speeds=trusts_speeds)


def _reach_m(
    chain: Sequence[Fix], speed_mps: float, rules: ReachabilityRules, *, trusts_speeds: bool
) -> float:
    """Returns how far from the first fix of a chain the last can be."""
    slack_m = _slack_m(chain[0], chain[-1], rules)
    driven_m = _driven_m(chain, speed_mps, trusts_speeds=trusts_speeds)
    # Possible faster driving between fixes adds up as errors do: it does not occur every time.
    spread = math.hypot(*(_elapsed_s(*pair) ** 2 / 4 for pair in pairwise(chain)))
    if trusts_speeds and all(one.speed_mps is not None for one in chain):
        more_m = max(slack_m, rules.acceleration_mps2 * spread)
    else:
        more_m = slack_m + rules.unmeasured_acceleration_mps2 * spread
    max_m = rules.max_speed_mps * _elapsed_s(chain[0], chain[-1])
    return min(driven_m + more_m, max_m + slack_m)


def _driven_m(chain: Sequence[Fix], speed_mps: float, *, trusts_speeds: bool) -> float:
    """Returns the distance along a chain by its speeds; where none were sent, by `speed_mps`."""
    driven_m = 0.0
    for earlier, later in pairwise(chain):
        if trusts_speeds and earlier.speed_mps is not None and later.speed_mps is not None:
            driven_m += (earlier.speed_mps + later.speed_mps) / 2 * _elapsed_s(earlier, later)
        else:
            driven_m += speed_mps * _elapsed_s(earlier, later)
    return driven_m


def _speed_at_mps(good: Fix, rules: ReachabilityRules) -> float:
    """Returns the truck's speed according to its last good fix and the one before it."""
    step_m, step_mps, known_mps = good.distance_m, good.implied_speed_mps, good.track_speed_mps
    if step_m is None or step_mps is None or known_mps is None:
        return rules.unknown_speed_mps
    is_recent = step_m <= step_mps * rules.recent_s
    return known_mps if is_recent else rules.unknown_speed_mps


def _step_mps(earlier: Fix, later: Fix, rules: ReachabilityRules) -> float:
    elapsed_s = _elapsed_s(earlier, later)
    step_m = _step_m(earlier, later)
    return min(step_m / elapsed_s, rules.max_speed_mps) if elapsed_s > 0 else 0.0


def _disproves_speeds(fix: Fix, context: Sequence[Fix], rules: ReachabilityRules) -> bool:
    """Returns whether several steps in a row are longer than the speeds that were sent allow.

    A reflection causes one such step, and one back. A device that does not measure its speed and
    sends the same one with each fix causes only such steps.
    """
    row = [*context[-_FALSE_STEPS:], fix]
    return (
        len(row) > _FALSE_STEPS
        and all(one.speed_mps is not None for one in row)
        and not any(are_consistent(*pair, rules) for pair in pairwise(row))
    )


def _after(good: Fix, context: Sequence[Fix]) -> list[Fix]:
    return [one for one in context if one.order > good.order]


def _slack_m(earlier: Fix, later: Fix, rules: ReachabilityRules) -> float:
    known_m = (earlier.accuracy_m or 0.0) + (later.accuracy_m or 0.0)
    return max(rules.slack_m, rules.slack_of_accuracy * known_m)


def _step_m(earlier: Fix, later: Fix) -> float:
    return distance_m(earlier.lat, earlier.lon, later.lat, later.lon)


def _elapsed_s(earlier: Fix, later: Fix) -> float:
    return (later.event_at_ms - earlier.event_at_ms) / 1_000
