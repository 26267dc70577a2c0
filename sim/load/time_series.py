"""The course of a load test, second by second, and a chart of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sim.drive.verdict import percentile
from sim.load.tally import Tally
from sim.svg import FAINT, Chart, Drawing

WIDTH: Final = 800
PANEL: Final = 130
SPACE: Final = 62
LEFT: Final = 62
BLUE: Final = "#1c6e8c"
RED: Final = "#b23a48"


@dataclass(frozen=True)
class Sample:
    """One second of the test.

    Attributes:
        at_s: Seconds since the first socket's connect time.
        open_now: Number of open sockets.
        messages: Number of messages in this second.
        age_p50_s: Median age of the positions of this second; None without positions.
        age_p99_s: Their 99th percentile; None without positions.
        gap_max_s: The longest gap that a message of this second ended.
    """

    at_s: float
    open_now: int
    messages: int
    age_p50_s: float | None
    age_p99_s: float | None
    gap_max_s: float | None


class TimeSeries:
    """Records the changes of a tally over time.

    Attributes:
        samples: In time order.
        held_from_s: When all sockets had their snapshot, in seconds since the first socket's
            connect time; None before.
    """

    def __init__(self, tally: Tally) -> None:
        self.samples: list[Sample] = []
        self.held_from_s: float | None = None
        self._tally = tally
        self._messages = self._ages = self._gaps = 0

    def sample(self, at_s: float) -> None:
        """Records the changes since the last call."""
        tally = self._tally
        ages = sorted(tally.ages_s[self._ages :])
        gaps = tally.gaps_s[self._gaps :]
        messages = tally.messages.total()
        self.samples.append(
            Sample(
                at_s,
                tally.open_now,
                messages - self._messages,
                percentile(ages, 50),
                percentile(ages, 99),
                max(gaps, default=None),
            )
        )
        self._messages, self._ages, self._gaps = messages, len(tally.ages_s), len(tally.gaps_s)


def draw(samples: Sequence[Sample], title: str, held_from_s: float | None) -> str:
    """The time series as SVG: sockets, messages per second, ages and gaps over time.

    Args:
        samples: In time order; at least one.
        title: Title of the chart.
        held_from_s: When all sockets had their snapshot; None when that never happened.
    """
    panels: tuple[tuple[str, Sequence[tuple[str, Callable[[Sample], float | None]]]], ...] = (
        ("sockets open", ((BLUE, lambda one: one.open_now),)),
        ("messages per second", ((BLUE, lambda one: one.messages),)),
        (
            "age of positions, s (p50, p99)",
            ((BLUE, lambda one: one.age_p50_s), (RED, lambda one: one.age_p99_s)),
        ),
        ("longest gap that ended, s", ((BLUE, lambda one: one.gap_max_s),)),
    )
    drawing = Drawing(WIDTH, 40 + len(panels) * (PANEL + SPACE), title)
    drawing.text(LEFT, 24, title, size=14, weight="bold")
    max_s = max(samples[-1].at_s, 1.0)
    for place, (name, curves) in enumerate(panels):
        top = 56 + place * (PANEL + SPACE)
        values = [value for _, of in curves for one in samples if (value := of(one)) is not None]
        highest = _round_up(max(values, default=1.0))
        chart = Chart(
            drawing=drawing,
            left=LEFT,
            top=top,
            width=WIDTH - LEFT - 20,
            height=PANEL,
            x_range=(0.0, max_s),
            y_range=(0.0, highest),
        )
        chart.axes(_ticks(max_s, 6), _ticks(highest, 4), "seconds since the first socket")
        drawing.text(LEFT, top - 8, name)
        if held_from_s is not None:
            chart.bar(held_from_s, 0.0, highest, FAINT, more="stroke-dasharray='4 3'")
        for colour, of in curves:
            points = [(one.at_s, of(one)) for one in samples]
            chart.curve([(x, y) for x, y in points if y is not None], colour)
            for x, y in _isolated(points):
                chart.dot(x, y, colour, radius=1.5)
    return drawing.svg()


def _isolated(points: Sequence[tuple[float, float | None]]) -> Iterator[tuple[float, float]]:
    """Yields the points with a value and no value on either side.

    The curve crosses gaps, so without a dot such a point would look like part of a gap.
    """
    values = [None, *(y for _, y in points), None]
    for (x, y), before, after in zip(points, values, values[2:], strict=False):
        if y is not None and before is None and after is None:
            yield x, y


def _ticks(highest: float, count: int) -> Iterable[tuple[float, str]]:
    step = _round_up(highest / count)
    return [(step * n, f"{step * n:g}") for n in range(count + 1) if step * n <= highest * 1.001]


def _round_up(value: float) -> float:
    """Rounds up to one, two or five times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= value * 0.999)
