"""The measures of the benchmark, with their aims, as figures for programs and rows for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.truth import eta, jumps, outcomes
from bench.truth.measuring import Measured

Values = Callable[[Sequence[Measured], str], float]
"""The value over some drives, by one contestant; NaN where there is none."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of several contestants.

    Attributes:
        name: Name of its figure.
        unit: Unit of its values; a "share" is from 0 to 1.
        title: Title for people.
        of: Its value over some drives, by a contestant.
        contestants: The contestants; ours is first.
        baseline: The contestant that is named beside ours.
        aim: The aim, as text for people.
        is_met: Whether our value meets the aim, given the baseline's; None where there is no aim.
    """

    name: str
    unit: str
    title: str
    of: Values
    contestants: tuple[str, ...] = ("ours", "geofence", "circle")
    baseline: str = "geofence"
    aim: str = ""
    is_met: Callable[[float, float], bool] | None = None


TITLES = {
    "geofence": "one-point geofence",
    "circle": "20 m circle on the newest point",
    "newest": "the newest point as it is",
    "as_it_comes": "each point as it comes",
    "naive": "remaining distance over current speed, ±20 %",
    "naive_90": "remaining distance over current speed, margins of 90 % of the tuning set",
}


def _of_outcomes(measure: outcomes.Measure) -> Values:
    return lambda rows, contestant: measure([row.outcomes[contestant] for row in rows])


def _of_late(measure: outcomes.Measure) -> Values:
    """The measure over drives that also went through the consumer, whose result is ours there."""
    return lambda rows, contestant: measure(
        [
            row.outcomes["consumer" if contestant == "ours" else contestant]
            for row in rows
            if "consumer" in row.outcomes
        ]
    )


def _of_moments(measure: Callable[[Sequence[eta.Moment]], float]) -> Values:
    return lambda rows, contestant: measure(
        list(chain.from_iterable(row.moments.get(contestant, []) for row in rows))
    )


def _share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return sum(found) / len(found) if found else math.nan


MEASURES = (
    Measure(
        name="arrived_precision",
        unit="share",
        title="`arrived`: right of those claimed",
        of=_of_outcomes(outcomes.precision),
        aim="≥ 0.98",
        is_met=lambda ours, _: ours >= 0.98,
    ),
    Measure(
        name="arrived_recall",
        unit="share",
        title="`arrived`: claimed of those that were",
        of=_of_outcomes(outcomes.recall),
        aim="≥ 0.98",
        is_met=lambda ours, _: ours >= 0.98,
    ),
    Measure(
        name="arrival_time_median",
        unit="s",
        title="error of the arrival time, median",
        of=_of_outcomes(outcomes.median_error_s),
    ),
    Measure(
        name="arrival_time_p95",
        unit="s",
        title="error of the arrival time, p95",
        of=_of_outcomes(outcomes.p95_error_s),
        aim="≤ 30 s",
        is_met=lambda ours, _: ours <= 30,
    ),
    Measure(
        name="late_precision",
        unit="share",
        title="batched, late, shuffled, through the consumer: right of those claimed",
        of=_of_late(outcomes.precision),
        aim="≥ 0.98",
        is_met=lambda ours, _: ours >= 0.98,
    ),
    Measure(
        name="late_recall",
        unit="share",
        title="batched, late, shuffled, through the consumer: claimed of those that were",
        of=_of_late(outcomes.recall),
        aim="≥ 0.98",
        is_met=lambda ours, _: ours >= 0.98,
    ),
    Measure(
        name="jumps_shown",
        unit="per 1,000",
        title="jumps > 200 m per 1,000 positions shown",
        of=lambda rows, contestant: jumps.per_thousand([row.jumps[contestant] for row in rows]),
        contestants=("ours", "newest", "as_it_comes"),
        baseline="newest",
        aim="0",
        is_met=lambda ours, _: ours == 0,
    ),
    Measure(
        name="misled_live",
        unit="share",
        title="drives with late points: an arrival shown and taken back",
        of=lambda rows, _: _share(row.is_misled for row in rows if row.is_misled is not None),
        contestants=("ours",),
        baseline="",
    ),
    Measure(
        name="eta_coverage",
        unit="share",
        title="ETA ranges that contain the arrival",
        of=_of_moments(eta.coverage),
        contestants=("ours", "naive", "naive_90"),
        baseline="naive",
        aim="≥ 0.90",
        is_met=lambda ours, _: ours >= 0.9,
    ),
    Measure(
        name="eta_width_median",
        unit="s",
        title="ETA ranges: width, median",
        of=_of_moments(eta.median_width_s),
        contestants=("ours", "naive", "naive_90"),
        baseline="naive",
        aim="≤ naive",
        is_met=lambda ours, naive: ours <= naive,
    ),
    Measure(
        name="eta_given",
        unit="share",
        title="moments with a range at all",
        of=_of_moments(eta.given_share),
        contestants=("ours", "naive", "naive_90"),
        baseline="naive",
    ),
)
"""All measures, in the order of the table."""
