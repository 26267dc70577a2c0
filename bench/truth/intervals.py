"""Confidence intervals by resampling whole drives: points of one drive are not independent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

RESAMPLES = 500
CONFIDENCE = 0.95

T = TypeVar("T")


def interval(values: Sequence[T], measure: Callable[[Sequence[T]], float]) -> tuple[float, float]:
    """Percentile bootstrap of a measure; not a number where it has no value."""
    rng = Random(1)
    drawn = sorted(
        result
        for _ in range(RESAMPLES)
        if not math.isnan(result := measure(rng.choices(values, k=len(values))))
    )
    if not drawn:
        return math.nan, math.nan
    cut = int(len(drawn) * (1 - CONFIDENCE) / 2)
    return drawn[cut], drawn[-1 - cut]
