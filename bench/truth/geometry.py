"""The roads of the benchmark, divided by geometry into a tuning and a report set.

The division is data (``split.json``) and was made before any rule was tuned on these drives.
Limits may be chosen by looking at the tuning set; what is published comes from the report set
only. No road of one set comes within 300 m of one of the other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sim.fleet.polyline import Polyline
from sim.fleet.route_library import Route, load_routes

_SPLIT = Path(__file__).with_name("split.json")


class Part(StrEnum):
    """One half of the division."""

    TUNING = "tuning"
    REPORT = "report"


@dataclass(frozen=True)
class Geometry:
    """A road that was driven: its shape, and the recording itself."""

    name: str
    line: Polyline
    recording: Route

    @property
    def is_timed(self) -> bool:
        """Whether the recording has times, so that it can be repeated as it was."""
        return self.recording.elapsed_s is not None


def names_of(part: Part) -> tuple[str, ...]:
    """The roads of one half, as ``split.json`` lists them."""
    names: dict[str, list[str]] = json.loads(_SPLIT.read_text(encoding="utf-8"))
    return tuple(names[part])


def geometries(part: Part) -> tuple[Geometry, ...]:
    """The roads of one half, in the order of the list."""
    return tuple(
        Geometry(route.name, route.polyline, route) for route in load_routes(names_of(part))
    )
