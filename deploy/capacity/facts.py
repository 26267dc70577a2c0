"""The figures behind all calculations: measurements, AWS's limits and AWS's prices."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
HOURS_PER_MONTH: Final = 730
"""Hours per month, as AWS counts them."""
GB: Final = 1024**3
"""Bytes per GB, as AWS bills them."""

Steps = tuple[tuple[float, float], ...]
"""A price's steps: up to how many units per month, and USD per unit. The last one has no end."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """One figure of a benchmark.

    Attributes:
        value: The figure, in `unit`.
        unit: The value's unit.
        written: The figure as docs/performance.md states it, word for word.
    """

    value: float
    unit: str
    written: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit as it is before an increase is requested.

    Attributes:
        value: The limit, in `unit`.
        unit: The value's unit.
        source: Where it is documented.
        how: How it is known: ``checked`` at the source, ``from_memory``, or one of ``ours``.
    """

    value: float
    unit: str
    source: str
    how: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of us-east-1.

    Attributes:
        noted_on: When they were written down.
        steps: The steps of each price, by name.
        from_memory: Names of those that were not found in AWS's price list.
    """

    noted_on: str
    steps: Mapping[str, Steps]
    from_memory: tuple[str, ...]

    def cost(self, name: str, units: float) -> float:
        """USD for a number of units in a month.

        Raises:
            KeyError: There is no such price.
        """
        cost, begin = 0.0, 0.0
        for end, price in self.steps[name]:
            cost += max(min(units, end) - begin, 0.0) * price
            begin = end
        return cost


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """All facts that a calculation uses."""

    measured: Mapping[str, float]
    limits: Mapping[str, Limit]
    prices: Prices


def measured_figures() -> dict[str, Measured]:
    """The results of `make bench`, by their names there."""
    return {name: Measured(**row) for name, row in _read("measured")["figures"].items()}


def read_facts() -> Facts:
    """The figures of the three files."""
    document = _read("prices")
    return Facts(
        measured={name: figure.value for name, figure in measured_figures().items()},
        limits={
            name: Limit(**row, how=how)
            for how, rows in _read("limits").items()
            for name, row in rows.items()
        },
        prices=Prices(
            noted_on=str(document["noted_on"]),
            steps={
                name: _steps(price)
                for name, price in (document["checked"] | document["from_memory"]).items()
            },
            from_memory=tuple(document["from_memory"]),
        ),
    )


def _steps(price: float | list[list[float]]) -> Steps:
    if isinstance(price, list):
        return tuple((end, step) for end, step in price)
    return ((float("inf"), price),)


@functools.cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
