"""Explains a drive's result: its truth, our events, the points near the destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.truth import ours
from bench.truth.drives import START_MS, Drive
from bench.truth.measuring import Measured
from rtdts.tracking.geodesy import distance_m

NEAR_RADII = 5.0
LATE_S = 30.0


def failures(rows: Sequence[Measured]) -> Iterator[str]:
    """A line for each drive that our method got wrong, or whose time is off by more than 30 s."""
    for row in rows:
        outcome, truth = row.outcomes["ours"], row.drive.truth
        true_text = "none" if truth.arrived_s is None else f"{truth.arrived_s:.0f} s"
        if not outcome.is_flawless:
            fault = "claimed falsely" if outcome.is_claimed else "missed"
            yield f"{row.drive.name}: {fault}; the truth is {true_text}"
        elif outcome.error_s is not None and abs(outcome.error_s) > LATE_S:
            yield f"{row.drive.name}: off by {outcome.error_s:+.0f} s; the truth is {true_text}"
        if row.jumps["ours"].jumps:
            yield f"{row.drive.name}: {row.jumps['ours'].jumps} jumps shown"


def explained(drive: Drive) -> Iterator[str]:
    """Lines about one drive."""
    truth, place = drive.truth, drive.plan.destination
    yield f"{drive.name}: left the origin at {drive.departed_s:.0f} s"
    if truth.entered_s is None:
        yield f"truth: no arrival; longest stay inside {truth.longest_s:.0f} s"
    else:
        yield (
            f"truth: entered {truth.entered_s:.0f} s, arrived {truth.arrived_s:.0f} s, "
            f"left {truth.left_s:.0f} s"
        )
    yield f"origin {drive.plan.origin}"
    yield f"destination {place}"
    for event in ours.events_of(drive, drive.points):
        at_s = (event.effective_at_ms - START_MS) / 1_000
        yield f"event at {at_s:8.1f} s: {event.status}, {event.cause}"
    yield f"points within {NEAR_RADII:.0f} radii of the destination, in order of time:"
    yield "       s   away m   true m  accuracy m  speed m/s  received s"
    for one in ours.classified_points(drive.points):
        point = one.point
        at_s = (point.event_at_ms - START_MS) / 1_000
        state = drive.motion.at(at_s)
        away_m = distance_m(point.lat, point.lon, place.lat, place.lon)
        true_m = distance_m(state.lat, state.lon, place.lat, place.lon)
        if min(away_m, true_m) <= NEAR_RADII * place.radius_m:
            received_s = (point.received_at_ms - START_MS) / 1_000
            yield (
                f"{at_s:8.1f} {away_m:8.0f} {true_m:8.0f} {_or_dash(point.accuracy_m):>11} "
                f"{_or_dash(point.speed_mps):>10} {received_s:11.1f}"
                f"{'' if one.is_good else '  bad'}"
            )


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
