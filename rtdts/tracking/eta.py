"""Estimates when a truck will be at a destination, as a range, from the truck's own driving so far.

It uses no map and no traffic data. It uses the remaining great circle, how much longer than great
circles this drive's roads were, and this truck's own speeds, on this delivery and before it. So the
range is wide: its aim is to contain the true time nine times out of ten.

It predicts when the truck *enters* the destination's geofence. The status `arrived` comes later, by
the dwell.

Two accumulators, both small and without clock or history, are folded from good fixes in the order
of their ``event_at``:

- `TruckPace`, one per truck, by `drive_on`: distance and time driven;
- `EtaBaseline`, one per open delivery, by `observe`: the values of `TruckPace` when the cargo got
  under way, so that a truck with many deliveries costs one `drive_on` per fix.

A fix that is not later than those before it leaves `TruckPace` unchanged, so copies and late
points do no harm. Folded again in order, the same fixes give the same values.
"""

from __future__ import annotations

from math import exp, log, sqrt

import msgspec

from rtdts.tracking.deliveries import UNDER_WAY, Status
from rtdts.tracking.geodesy import distance_m

_PREDICTED = frozenset({Status.IN_TRANSIT, Status.NEARBY})
_CM_PER_M = 100
_MS_PER_S = 1_000


class EtaRules(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and calibrated constants.

    Those under "Calibrated" were fitted on the tuning roads of bench/truth (drives of 1 to 40 km;
    ``python -m bench.truth.eta_accuracy --tuning``). They minimise the interval score of a 90 %
    range and are rounded. Then `spread` was widened until each road by itself was covered at 90 %
    of the moments, because a road that was not used for tuning is covered less.
    """

    step_m: float = 25.0
    """A truck has driven on when it is this far from where it was, or further than the fix's
    accuracy if that is more; below this the noise of a stationary truck would count as distance."""
    min_stop_s: float = 15.0
    """Minimum time at one place that is a stop; less is part of driving."""
    longest_pause_s: float = 180.0
    """A longer stop is not traffic (loading, a break) and does not affect the pace."""
    silence_s: float = 300.0
    """After a silence this long, a slow step is a stop of unknown length rather than slow
    driving."""
    slow_mps: float = 3.0
    """Speed below which a step after such a silence is slow."""
    slowest_mps: float = 1.5
    fastest_mps: float = 30.0
    """A truck's recent speed is limited to `slowest_mps` to `fastest_mps`."""
    min_road_factor: float = 1.05
    max_road_factor: float = 2.0
    longest_stop_s: float = 3_600.0
    """After a longer stop the departure can't be predicted: no range."""
    longest_s: float = 32_400.0
    """No range for a drive expected to take longer: 9 hours are a day's driving in the EU
    (regulation 561/2006), and the driver's rest then matters more than anything else."""

    # Calibrated.
    road_factor: float = 1.35
    """Usual ratio of the length of roads to that of great circles."""
    road_factor_m: float = 8_000.0
    """Weight of `road_factor` against the drive's own ratio, as metres of progress."""
    pace_mps: float = 14.0
    """Usual speed, including halts."""
    pace_m: float = 5_000.0
    """Weight of `pace_mps` against the drive's own speed, as metres driven."""
    recent_share: float = 0.23
    """Weight (geometric) of the recent speed against the drive's."""
    recent_s: float = 180.0
    """Half-life of the recent speed, in time driven."""
    last_metres_s: float = 5.0
    """Time added for finding the place."""
    stop_share: float = 0.265
    """A stopped truck is expected to stay for this share of its stop so far."""
    stop_share_max_s: float = 600.0
    """Maximum stop so far that counts for `stop_share`."""
    late_stop_share: float = 1.15
    """At the late end, the truck stays longer by this share of its stop so far."""
    late_stop_share_max_s: float = 1_800.0
    """Maximum stop so far that counts for `late_stop_share`."""
    spread: float = 0.5
    """Spread of the logarithm of the remaining time, towards the early end."""
    spread_short_root_s: float = 5.15
    """The spread grows by this over the square root of the time in seconds: the last traffic lights
    weigh more."""
    spread_unknown: float = 0.17
    """The spread grows by this share while nothing is known of the drive."""
    spread_unknown_m: float = 1_000.0
    """Distance driven after which `spread_unknown` is halved."""
    late_to_early: float = 1.16
    """Ratio of the spread towards the late end to that towards the early end."""


class EtaRange(msgspec.Struct, frozen=True):
    """The earliest and latest expected arrival at the destination's geofence."""

    earliest_ms: int
    latest_ms: int


class TruckPace(msgspec.Struct, frozen=True, array_like=True):
    """A truck's distance and time driven so far; at most about 60 bytes packed.

    New fields go to the end, each with a default: it is stored.
    """

    at_ms: int
    """``event_at`` of the newest fix."""
    lat: float
    lon: float
    """The truck's position: the fix with which it last drove on."""
    here_ms: int = 0
    """How long the truck has been at this position."""
    path_cm: int = 0
    """Distance along the track since the first fix."""
    driven_ms: int = 0
    """Time that the distance took, short pauses included."""
    recent_mps: float = 0.0
    """Speed in the last minutes of driving; 0 before any."""


class EtaBaseline(msgspec.Struct, frozen=True, array_like=True):
    """The truck's values when an open delivery's cargo got under way; about 20 bytes packed.

    It is valid for one truck and one destination, and begins again when either changes.
    """

    remaining_m: int
    path_cm: int
    driven_ms: int


RULES = EtaRules()


def drive_on(
    pace: TruckPace | None,
    *,
    at_ms: int,
    lat: float,
    lon: float,
    accuracy_m: float | None = None,
    rules: EtaRules = RULES,
) -> TruckPace:
    """Returns the pace after one more good fix.

    Args:
        pace: The pace before it; None before the first.
        at_ms: The fix's ``event_at``; when not later than the pace's, nothing changes.
        lat: Degrees.
        lon: Degrees.
        accuracy_m: As the device sent it.
        rules: The limits.
    """
    if pace is None:
        return TruckPace(at_ms, lat, lon)
    if at_ms <= pace.at_ms:
        return pace
    silent_ms = at_ms - pace.at_ms
    step_m = distance_m(pace.lat, pace.lon, lat, lon)
    if step_m < max(rules.step_m, accuracy_m or 0.0):
        return TruckPace(
            at_ms,
            pace.lat,
            pace.lon,
            pace.here_ms + silent_ms,
            pace.path_cm,
            pace.driven_ms,
            pace.recent_mps,
        )
    before_mps = pace.recent_mps or rules.pace_mps
    is_traffic = pace.here_ms <= rules.longest_pause_s * _MS_PER_S
    driven_ms: float = silent_ms + pace.here_ms if is_traffic else silent_ms
    if silent_ms > rules.silence_s * _MS_PER_S and step_m < rules.slow_mps * driven_ms / _MS_PER_S:
        driven_ms = step_m / before_mps * _MS_PER_S
    mps = min(max(step_m / driven_ms * _MS_PER_S, rules.slowest_mps / 2), rules.fastest_mps)
    kept = 0.5 ** (driven_ms / (rules.recent_s * _MS_PER_S))
    return TruckPace(
        at_ms,
        lat,
        lon,
        0,
        pace.path_cm + round(step_m * _CM_PER_M),
        pace.driven_ms + round(driven_ms),
        kept * before_mps + (1.0 - kept) * mps,
    )


def observe(
    baseline: EtaBaseline | None, pace: TruckPace, *, remaining_m: float, status: Status
) -> EtaBaseline | None:
    """Returns a delivery's baseline after one more good fix of its truck.

    Args:
        baseline: The baseline before it; None before the cargo got under way with this truck to
            this place.
        pace: The truck's pace with this fix.
        remaining_m: Great circle from the fix to the destination's centre.
        status: The delivery's status with this fix.

    Returns:
        None while the cargo isn't under way.
    """
    if status not in UNDER_WAY:
        return None
    return baseline or EtaBaseline(round(remaining_m), pace.path_cm, pace.driven_ms)


def eta_range(
    baseline: EtaBaseline | None,
    pace: TruckPace | None,
    *,
    remaining_m: float | None,
    radius_m: float,
    status: Status,
    rules: EtaRules = RULES,
) -> EtaRange | None:
    """Returns when the truck will enter the destination's geofence, as of the pace's fix.

    Args:
        baseline: The delivery's baseline.
        pace: The truck's pace.
        remaining_m: Great circle from the pace's fix to the destination's centre.
        radius_m: Radius of the destination's geofence.
        status: The delivery's status with that fix.
        rules: The constants.

    Returns:
        A range that never begins before the fix. None when no reliable range exists: the cargo
        isn't under way, or the truck has not been seen to move, has stopped for an hour, has more
        than a day's driving ahead, or has arrived.
    """
    if status not in _PREDICTED or baseline is None or pace is None or remaining_m is None:
        return None
    left_m = remaining_m - radius_m
    if left_m <= 0 or pace.path_cm == 0 or pace.here_ms > rules.longest_stop_s * _MS_PER_S:
        return None
    seen_m = max(0.0, (pace.path_cm - baseline.path_cm) / _CM_PER_M)
    seen_s = max(0.0, (pace.driven_ms - baseline.driven_ms) / _MS_PER_S)
    stop_s = pace.here_ms / _MS_PER_S
    if stop_s < rules.min_stop_s:
        stop_s = 0.0
    expected_s = (
        left_m
        * _road_factor(baseline.remaining_m - remaining_m, seen_m, rules)
        * _seconds_per_m(seen_m, seen_s, pace.recent_mps, rules)
        + rules.last_metres_s
        + rules.stop_share * min(stop_s, rules.stop_share_max_s)
    )
    if expected_s > rules.longest_s:
        return None
    latest_s = expected_s + rules.late_stop_share * min(stop_s, rules.late_stop_share_max_s)
    unknown = rules.spread_unknown_m / (rules.spread_unknown_m + seen_m)
    spread = (
        rules.spread
        * (1.0 + rules.spread_short_root_s / sqrt(latest_s))
        * (1.0 + rules.spread_unknown * unknown)
    )
    return EtaRange(
        pace.at_ms + round(expected_s * exp(-spread) * _MS_PER_S),
        pace.at_ms + round(latest_s * exp(spread * rules.late_to_early) * _MS_PER_S),
    )


def _road_factor(progress_m: float, seen_m: float, rules: EtaRules) -> float:
    """Returns metres of road per metre of great circle: this drive's, shrunk to the usual."""
    factor = (rules.road_factor * rules.road_factor_m + seen_m) / (
        rules.road_factor_m + max(0.0, progress_m)
    )
    return min(max(factor, rules.min_road_factor), rules.max_road_factor)


def _seconds_per_m(seen_m: float, seen_s: float, recent_mps: float, rules: EtaRules) -> float:
    """Returns the pace: this drive's, shrunk to the usual, combined with the recent one."""
    drive = (rules.pace_m / rules.pace_mps + seen_s) / (rules.pace_m + seen_m)
    recent = 1.0 / min(max(recent_mps, rules.slowest_mps), rules.fastest_mps)
    share = rules.recent_share
    return exp((1.0 - share) * log(drive) + share * log(recent))
