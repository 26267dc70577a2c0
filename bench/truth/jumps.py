"""Jumps that a viewer sees: steps between two shown positions that the truck did not make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.truth import ours
from bench.truth.drives import START_MS, Drive
from rtdts.tracking.geodesy import distance_m

JUMP_M = 200.0
"""A step longer by this much than the noise-free track's, over the same time, is a jump."""

Place = tuple[float, float, float]
"""Second, latitude, longitude."""


@dataclass(frozen=True)
class Jumps:
    """The jumps of one drive, and the number of shown positions."""

    jumps: int
    shown: int


def per_thousand(counted: Sequence[Jumps]) -> float:
    """Jumps per 1,000 shown positions of all these drives."""
    return 1_000 * sum(one.jumps for one in counted) / max(1, sum(one.shown for one in counted))


def of_ours(drive: Drive) -> Jumps:
    """The jumps with our quality rules: the newest good fix is shown."""
    shown = ours.shown(drive)
    return _counted(drive, [((at_ms - START_MS) / 1_000, lat, lon) for at_ms, lat, lon in shown])


def of_the_newest(drive: Drive) -> Jumps:
    """The jumps without quality rules: the newest point is shown as it is."""
    places: list[Place] = []
    for point in drive.points:
        t_s = (point.event_at_ms - START_MS) / 1_000
        if not places or t_s > places[-1][0]:
            places.append((t_s, point.lat, point.lon))
    return _counted(drive, places)


def of_each_as_it_comes(drive: Drive) -> Jumps:
    """The jumps without rules or order: what came last is shown."""
    return _counted(
        drive,
        [((one.event_at_ms - START_MS) / 1_000, one.lat, one.lon) for one in drive.points],
    )


def _counted(drive: Drive, places: Sequence[Place]) -> Jumps:
    jumps = sum(_is_jump(drive, before, after) for before, after in pairwise(places))
    return Jumps(jumps, len(places))


def _is_jump(drive: Drive, before: Place, after: Place) -> bool:
    if after[0] < before[0]:  # back in time: the marker moves to where the truck no longer is
        return distance_m(*before[1:], *after[1:]) > JUMP_M
    true_before, true_after = drive.motion.at(before[0]), drive.motion.at(after[0])
    true_m = distance_m(true_before.lat, true_before.lon, true_after.lat, true_after.lon)
    return distance_m(*before[1:], *after[1:]) - true_m > JUMP_M
