"""Measures on a machine that others use too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

REPEATS = 3


def cpu_rate(count: int, work: Callable[[], object]) -> float:
    """How many of `count` things one core does per second, by the process's own CPU time.

    Other load on the machine then changes little.
    """
    before_s = time.process_time()
    work()
    return count / (time.process_time() - before_s)


def interleaved(
    contenders: Mapping[str, Callable[[], float]], *, repeats: int = REPEATS
) -> dict[str, float]:
    """The median of each contender, measured in turn, so that other load slows all equally."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, measure in contenders.items():
            measured[name].append(measure())
    return {name: statistics.median(values) for name, values in measured.items()}
