"""How often an ETA range contains the true arrival, and how wide it is, beside the naive one.

It is evaluated every half minute of the drive, at the newest good fix. The true arrival is when the
noise-free track enters the destination's circle for the stay that counts. Two kinds of drives are
left out: those whose points come late (the range is about the current time), and those that first
pass their destination for another stop, which no range from positions can predict.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bench.truth import ours
from bench.truth.drives import START_MS, Drive
from bench.truth.ours import ClassifiedPoint
from rtdts.tracking.geodesy import distance_m

EVERY_S = 30.0
LEFT_OUT = frozenset({"returns", "late", "late_by", "shuffled", "batched"})
STANDING_MPS = 1.0
"""At lower speeds the naive method has no speed to divide by."""

NAIVE_MARGIN = 0.2
NAIVE_90 = (0.18, 2.48)
"""The 5th and 95th percentile of the true time over the naive one, in the tuning set."""

Range = tuple[float, float]
"""Earliest and latest arrival, seconds from the start of the drive."""

Estimator = Callable[[Drive, Sequence[ClassifiedPoint]], Range | None]


@dataclass(frozen=True)
class Moment:
    """One estimate compared with the truth."""

    arrives_s: float
    given: Range | None

    @property
    def is_covered(self) -> bool:
        """Whether the range contains the true arrival."""
        return self.given is not None and self.given[0] <= self.arrives_s <= self.given[1]


def naive(drive: Drive, seen: Sequence[ClassifiedPoint]) -> Range | None:
    """Great circle to the destination over the current speed, plus and minus a fifth."""
    return _stretched(drive, seen[-1], 1 - NAIVE_MARGIN, 1 + NAIVE_MARGIN)


def naive_90(drive: Drive, seen: Sequence[ClassifiedPoint]) -> Range | None:
    """The naive range with the margins that contained 90 % of the tuning set's arrivals."""
    return _stretched(drive, seen[-1], *NAIVE_90)


def _stretched(drive: Drive, newest: ClassifiedPoint, low: float, high: float) -> Range | None:
    place = drive.plan.destination
    point, speed_mps = newest.point, newest.speed_mps
    if speed_mps is None or speed_mps < STANDING_MPS:
        return None
    drive_s = distance_m(point.lat, point.lon, place.lat, place.lon) / speed_mps
    now_s = (point.event_at_ms - START_MS) / 1_000
    return now_s + drive_s * low, now_s + drive_s * high


def moments_of(drive: Drive, estimators: Sequence[Estimator]) -> Iterator[tuple[Moment, ...]]:
    """Each moment of a drive, as each estimator sees it; none of a drive without arrival."""
    arrives_s = drive.truth.entered_s
    if arrives_s is None or drive.case in LEFT_OUT:
        return
    next_s = drive.departed_s
    seen = ours.good_points(drive.points)
    for number, newest in enumerate(seen, start=1):
        at_s = (newest.point.event_at_ms - START_MS) / 1_000
        if at_s < next_s:
            continue
        if at_s >= arrives_s:
            return
        next_s = at_s + EVERY_S
        yield tuple(Moment(arrives_s, one(drive, seen[:number])) for one in estimators)


def coverage(moments: Sequence[Moment]) -> float:
    """The share of the given ranges that contain the truth."""
    given = [one for one in moments if one.given is not None]
    return sum(one.is_covered for one in given) / len(given) if given else math.nan


def given_share(moments: Sequence[Moment]) -> float:
    """The share of the moments with a range."""
    return sum(one.given is not None for one in moments) / len(moments) if moments else math.nan


def median_width_s(moments: Sequence[Moment]) -> float:
    """The ranges' median width, from earliest to latest."""
    widths = [one.given[1] - one.given[0] for one in moments if one.given is not None]
    return statistics.median(widths) if widths else math.nan
