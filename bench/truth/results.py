"""What was measured, as figures for programs and as tables for people."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.table import Table

from bench.figures import Figure, beside
from bench.truth.intervals import interval
from bench.truth.measures import MEASURES, TITLES, Measure
from bench.truth.measuring import Measured
from bench.truth.outcomes import p95_error_s

Value = tuple[float, float, float]
"""A value and the ends of its confidence interval."""


@dataclass(frozen=True)
class Result:
    """One measure, of every contestant that has it."""

    measure: Measure
    values: dict[str, Value]

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met; None where there is none, or nothing of ours was measured."""
        if self.measure.is_met is None or "ours" not in self.values:
            return None
        baseline = self.values.get(self.measure.baseline, (math.nan,))
        return self.measure.is_met(self.values["ours"][0], baseline[0])


def results_of(rows: Sequence[Measured]) -> list[Result]:
    """Every measure over all drives."""
    return [Result(one, dict(_values(one, rows))) for one in MEASURES]


def _values(measure: Measure, rows: Sequence[Measured]) -> list[tuple[str, Value]]:
    found = []
    for contestant in measure.contestants:
        value = measure.of(rows, contestant)
        if not math.isnan(value):
            low, high = interval(rows, functools.partial(_value, measure, contestant))
            found.append((contestant, (value, low, high)))
    return found


def _value(measure: Measure, contestant: str, rows: Sequence[Measured]) -> float:
    return measure.of(rows, contestant)


def figures_of(results: Sequence[Result], rows: Sequence[Measured]) -> list[Figure]:
    """The benchmark's list: ours with its interval, and each baseline by its name."""
    figures = [
        Figure(name="drives", value=len(rows), unit="drives"),
        Figure(
            name="arrivals",
            value=sum(row.drive.truth.arrived_s is not None for row in rows),
            unit="drives",
        ),
        Figure(name="left_out", value=sum(row.drive.redrawn for row in rows), unit="drives"),
        Figure(name="points", value=sum(len(row.drive.points) for row in rows), unit="points"),
    ]
    for result in results:
        name, unit = result.measure.name, result.measure.unit
        for contestant, (value, low, high) in result.values.items():
            if contestant != "ours":
                figures.append(Figure(name=f"{name}.{contestant}", value=value, unit=unit))
                continue
            baseline = result.values.get(result.measure.baseline)
            figures += [
                beside(name, value, unit, TITLES[result.measure.baseline], baseline[0])
                if baseline
                else Figure(name=name, value=value, unit=unit),
                Figure(name=f"{name}.low", value=low, unit=unit),
                Figure(name=f"{name}.high", value=high, unit=unit),
            ]
    return figures


def summary_table(results: Sequence[Result]) -> Table:
    """Measures, aims, and whether they are met."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("measure", "aim", "", "ours (95 % interval)", "beside"):
        table.add_column(name)
    for result in results:
        met = {True: "met", False: "NOT MET", None: ""}[result.is_met]
        ours = result.values.get("ours")
        others = (
            f"{TITLES[contestant]}: {_text(value)}"
            for contestant, (value, _, _) in result.values.items()
            if contestant != "ours"
        )
        table.add_row(
            f"{result.measure.title}, {result.measure.unit}",
            result.measure.aim,
            met,
            f"{_text(ours[0])} ({_text(ours[1])} to {_text(ours[2])})" if ours else "not measured",
            "\n".join(others),
        )
    return table


def case_table(rows: Sequence[Measured], titles: dict[str, str]) -> Table:
    """Case by case: how many arrivals, how many claimed rightly and falsely, how late."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("case")
    table.add_column("what")
    for name in ("drives", "arrivals", "right", "false", "p95, s", "geofence: right", "false"):
        table.add_column(name, justify="right")
    for case, group in groupby(rows, key=lambda row: row.drive.case):
        members = list(group)
        ours = [row.outcomes["ours"] for row in members]
        theirs = [row.outcomes["geofence"] for row in members]
        table.add_row(
            case,
            titles[case],
            str(len(members)),
            str(sum(one.is_true for one in ours)),
            str(sum(one.is_right for one in ours)),
            str(sum(one.is_claimed and not one.is_right for one in ours)),
            _text(p95_error_s(ours)),
            str(sum(one.is_right for one in theirs)),
            str(sum(one.is_claimed and not one.is_right for one in theirs)),
        )
    return table


def _text(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.3g}"
