"""Reads recorded tracks from files: tracks that can't be part of the repository."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from bench.truth.geometry import Geometry
from sim.fleet.polyline import Polyline
from sim.fleet.route_library import Route


class BadTrackError(ValueError):
    """A file is not a track."""


def track_of(path: Path) -> Geometry:
    """Reads JSON lines with ``recorded_at`` (RFC 3339), ``lat`` and ``lon``; more is ignored.

    Rows that are not later than the one before them are left out.

    Raises:
        BadTrackError: A row is not of this form, or fewer than two are left.
    """
    fixes: list[tuple[float, float]] = []
    times_s: list[float] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            at_s = datetime.fromisoformat(row["recorded_at"]).timestamp()
            fix = float(row["lat"]), float(row["lon"])
        except (KeyError, TypeError, ValueError) as error:
            raise BadTrackError(f"{path}, line {number}: {error!r}") from error
        if not times_s or at_s > times_s[-1]:
            fixes.append(fix)
            times_s.append(at_s)
    if len(fixes) < 2:
        raise BadTrackError(f"{path}: fewer than two rows")
    elapsed_s = tuple(at_s - times_s[0] for at_s in times_s)
    # Names of drives are divided by hyphens.
    name = path.stem.replace("-", "_")
    return Geometry(name, Polyline.through(fixes), Route(name, path.name, tuple(fixes), elapsed_s))
