"""The vendored routes: parts of real GPS tracks, and the demo's routes, drawn on its base map.

The ``NOTICE.txt`` of each folder names their origin.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Literal

from rtdts.tracking.geodesy import distance_m
from sim.fleet.polyline import Polyline

MAX_STEP_M = 300.0
"""A longer step between two fixes is a gap in the track, not a road."""

MAX_SPEED_MPS = 45.0
"""A higher speed between two timed fixes is a jump of the recording."""


Folder = Literal["routes", "demo_routes"]


class BadRouteError(ValueError):
    """A route file can't be driven.

    Attributes:
        route: Its name.
    """

    def __init__(self, route: str, reason: str) -> None:
        super().__init__(f"route {route}: {reason}")
        self.route = route


@dataclass(frozen=True)
class Route:
    """A road that a truck can drive.

    Attributes:
        name: The file's name without its extension.
        title: Title for people.
        fixes: ``(lat, lon)`` as recorded.
        elapsed_s: Seconds from the first fix to each, if the track has times; else None.
    """

    name: str
    title: str
    fixes: tuple[tuple[float, float], ...]
    elapsed_s: tuple[float, ...] | None

    @functools.cached_property
    def polyline(self) -> Polyline:
        """Its geometry alone."""
        return Polyline.through(self.fixes)


def load_routes(
    names: Iterable[str] | None = None, *, folder: Folder = "routes"
) -> tuple[Route, ...]:
    """Read the vendored routes, in the order of their names (or in the requested order).

    Args:
        names: Names of the routes to read; None for all.
        folder: Which library: the real tracks, or the demo's routes.

    Raises:
        BadRouteError: A file is damaged or implausible, or a named route does not exist.
    """
    library = resources.files("sim.fleet") / folder
    texts = {
        file.name.removesuffix(".json"): file.read_text(encoding="utf-8")
        for file in library.iterdir()
        if file.name.endswith(".json")
    }
    routes = []
    for name in sorted(texts) if names is None else names:
        if name not in texts:
            raise BadRouteError(name, f"there is no such route, only {', '.join(sorted(texts))}")
        routes.append(parse_route(name, texts[name]))
    return tuple(routes)


@functools.cache
def parse_route(name: str, text: str) -> Route:
    """Parse one route file and check that a truck could have driven it.

    Raises:
        BadRouteError: It has the wrong format, or the track jumps.
    """
    try:
        document = json.loads(text)
        rows = document["points"]
        fixes = tuple((float(row[0]), float(row[1])) for row in rows)
        elapsed_s = tuple(float(row[2]) for row in rows) if document["timed"] else None
        title = str(document["title"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BadRouteError(name, f"not a route file: {error!r}") from error
    if len(fixes) < 2:
        raise BadRouteError(name, "fewer than two fixes")
    _reject_teleports(name, fixes, elapsed_s)
    return Route(name, title, fixes, elapsed_s)


def _reject_teleports(
    name: str, fixes: tuple[tuple[float, float], ...], elapsed_s: tuple[float, ...] | None
) -> None:
    steps_m = [distance_m(*before, *after) for before, after in pairwise(fixes)]
    for index, step_m in enumerate(steps_m):
        if step_m > MAX_STEP_M:
            raise BadRouteError(name, f"jumps {step_m:.0f} m after fix {index}")
    if elapsed_s is None:
        return
    for index, (step_m, (before_s, after_s)) in enumerate(
        zip(steps_m, pairwise(elapsed_s), strict=True)
    ):
        if after_s <= before_s:
            raise BadRouteError(name, f"time stands still or runs back after fix {index}")
        if step_m / (after_s - before_s) > MAX_SPEED_MPS:
            raise BadRouteError(name, f"faster than {MAX_SPEED_MPS} m/s after fix {index}")
