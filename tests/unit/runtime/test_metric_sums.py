"""Metrics that are summed, and lines of the log that are a sample."""

from __future__ import annotations

import io
import json

import pytest

from rtdts.runtime.metric_sums import MetricSums
from rtdts.runtime.metrics import Metric, MetricWriter
from rtdts.runtime.sample import Sample

START_MS = 1_800_000_000_000


class Summed:
    """Sums of ten seconds, with a clock that the test advances."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self._out = io.StringIO()
        writer = MetricWriter("part", [Metric("points", "Count")], stream=self._out)
        self.sums = MetricSums(
            writer,
            every_s=10,
            monotonic_s=lambda: self.now_s,
            now_ms=lambda: START_MS + round(self.now_s * 1_000),
        )

    def add(self, points: int, *, after_s: float = 0.0, at_once: bool = False) -> None:
        self.now_s += after_s
        self.sums.add({"points": points}, at_once=at_once)

    @property
    def lines(self) -> list[tuple[int, float]]:
        """Points and seconds of each line."""
        lines = [json.loads(line) for line in self._out.getvalue().splitlines()]
        return [(one["points"], (one["_aws"]["Timestamp"] - START_MS) / 1_000) for one in lines]


@pytest.fixture
def summed() -> Summed:
    return Summed()


def test_the_first_value_is_written_at_once_and_later_ones_are_summed_until_due(
    summed: Summed,
) -> None:
    summed.add(1)
    for _ in range(9):
        summed.add(2, after_s=1)

    assert summed.lines == [(1, 100)]

    summed.add(5, after_s=1)

    assert summed.lines == [(1, 100), (23, 110)]


def test_no_value_is_counted_twice_or_lost(summed: Summed) -> None:
    for number in range(100):
        summed.add(number, after_s=0.7)
    summed.add(0, after_s=10)

    assert sum(points for points, _ in summed.lines) == sum(range(100))


def test_a_failure_is_written_at_once_with_the_values_before_it(summed: Summed) -> None:
    summed.add(1)
    summed.add(2, after_s=1)
    summed.add(4, after_s=1, at_once=True)

    assert summed.lines == [(1, 100), (6, 102)]


def test_sums_from_before_a_pause_keep_their_own_time(summed: Summed) -> None:
    summed.add(1)
    summed.add(2, after_s=1)
    summed.add(4, after_s=3_600)

    assert summed.lines == [(1, 100), (2, 101), (4, 3_701)]


def test_an_infrequent_metric_is_written_each_time(summed: Summed) -> None:
    for _ in range(3):
        summed.add(1, after_s=10)

    assert [points for points, _ in summed.lines] == [1, 1, 1]


def test_a_sample_includes_the_first_of_every_n() -> None:
    sample = Sample(3)

    assert [sample.includes() for _ in range(7)] == [True, False, False, True, False, False, True]


def test_a_sample_of_one_includes_every_line() -> None:
    sample = Sample(1)

    assert all(sample.includes() for _ in range(3))
