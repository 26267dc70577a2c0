"""Rates a contestant's claim of an arrival, and sums up many of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.truth.arrival import Truth

SLACK_S = 60.0
"""A claim is right when the truck stood inside at that time, within this tolerance."""


@dataclass(frozen=True)
class Outcome:
    """One drive, by one contestant.

    Attributes:
        is_claimed: The contestant claimed an arrival.
        is_right: The claim is right: not too early, and not after the truck had left.
        is_true: The truck did arrive, whatever was claimed.
        error_s: The error of the claimed time, when the claim is right: positive is too late.
    """

    is_claimed: bool
    is_right: bool
    is_true: bool
    error_s: float | None

    @property
    def is_flawless(self) -> bool:
        """Whether the claim is right, or rightly missing; its error in seconds does not count."""
        return self.is_right if self.is_true else not self.is_claimed


def outcome_of(claimed_s: float | None, truth: Truth) -> Outcome:
    """Compares a claim with the truth."""
    if truth.arrived_s is None or truth.entered_s is None or truth.left_s is None:
        return Outcome(claimed_s is not None, False, False, None)
    if claimed_s is None:
        return Outcome(False, False, True, None)
    is_right = truth.entered_s - SLACK_S <= claimed_s <= truth.left_s + SLACK_S
    return Outcome(True, is_right, True, claimed_s - truth.arrived_s if is_right else None)


Measure = Callable[[Sequence[Outcome]], float]


def precision(outcomes: Sequence[Outcome]) -> float:
    """How many of the claims are right."""
    claims = sum(one.is_claimed for one in outcomes)
    return sum(one.is_right for one in outcomes) / claims if claims else math.nan


def recall(outcomes: Sequence[Outcome]) -> float:
    """How many of the arrivals were claimed rightly."""
    arrivals = sum(one.is_true for one in outcomes)
    return sum(one.is_right for one in outcomes) / arrivals if arrivals else math.nan


def median_error_s(outcomes: Sequence[Outcome]) -> float:
    """The median absolute error of the right claims' times."""
    return percentile(_errors_s(outcomes), 50)


def p95_error_s(outcomes: Sequence[Outcome]) -> float:
    """The 95th percentile of the absolute error of the right claims' times."""
    return percentile(_errors_s(outcomes), 95)


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile, linear between the two nearest values; NaN where there is no value."""
    if len(values) < 2:
        return values[0] if values else math.nan
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _errors_s(outcomes: Sequence[Outcome]) -> list[float]:
    return [abs(one.error_s) for one in outcomes if one.error_s is not None]
