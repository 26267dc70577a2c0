"""The results of a benchmark, as a table for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich import box
from rich.table import Table


@dataclasses.dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value.

    Attributes:
        name: The measure, and after a dot its size or variant unless that is the usual one.
        value: Our value.
        unit: Unit of the value.
        beside: The baseline that was measured in the same run; None if there is none.
        ratio: Our value divided by the baseline's.
        at_most: The limit that our value must not exceed; None without a limit.
    """

    name: str
    value: float
    unit: str
    beside: str | None = None
    ratio: float | None = None
    at_most: float | None = None

    @property
    def is_beyond(self) -> bool:
        """Whether the value exceeds its limit."""
        return self.at_most is not None and self.value > self.at_most


_IN_FILE = ("name", "value", "unit", "beside", "ratio")
"""The fields of the file. A limit is part of the benchmark and not of the result."""

PrintLine = Callable[[str], None]
"""Takes lines of progress."""


class CannotMeasureError(Exception):
    """A benchmark can't be run here, or its result would be wrong; the message says why."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: The name of its main figure.
        title: What it measures, in one line.
        run: Runs it: quickly (small, for a smoke test) or properly.
    """

    name: str
    title: str
    run: Callable[[bool, PrintLine], Iterator[Figure]]


def beside(name: str, value: float, unit: str, baseline: str, baseline_value: float) -> Figure:
    """A figure with its baseline."""
    return Figure(
        name=name,
        value=value,
        unit=unit,
        beside=baseline,
        ratio=value / baseline_value if baseline_value else None,
    )


def write_json(figures: Iterable[Figure], path: Path) -> None:
    """Writes the figures as one list."""
    rows = [
        {
            **{name: getattr(one, name) for name in _IN_FILE},
            "value": _rounded(one.value),
            "ratio": one.ratio and _rounded(one.ratio),
        }
        for one in figures
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def table_of(figures: Sequence[Figure]) -> Table:
    """The figures as a table for people."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("at most", justify="right", no_wrap=True)
    table.add_column("beside")
    for one in figures:
        ratio = "" if one.ratio is None else f"{one.ratio:.{2 if one.ratio < 10 else 0}f}"
        at_most = "" if one.at_most is None else f"{one.at_most:,g}"
        value = f"{_rounded(one.value):,}"
        table.add_row(one.name, value, one.unit, ratio, at_most, one.beside or "")
    return table


def _rounded(value: float) -> float:
    """Rounds to a little more than three digits: no measurement here is more precise."""
    return round(value) if abs(value) >= 1_000 else round(value, 3 if abs(value) < 10 else 1)
