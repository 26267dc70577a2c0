"""Drives that were recorded with their times: the recording's own fixes, as the device made them.

Their real noise is kept; the truth comes from the recording itself. Destinations are placed on the
recorded road, at halts and between them.
"""

from __future__ import annotations

from itertools import islice
from random import Random

from bench.truth.arrival import Truth, places_of, truth_at
from bench.truth.geometry import Geometry
from bench.truth.noise import Observation
from rtdts.tracking.deliveries import DEFAULT_RADIUS_M, Place, PlannedRoute
from rtdts.tracking.geodesy import distance_m
from sim.fleet.motion import Replay
from sim.geodesy import place_at

CASE = "recorded"
TITLE = "a recorded drive, fix by fix, the pickup declared"
ALL = 10_000
"""More drives than a recording has."""

_EVERY_S = 7.0


def replay_of(road: Geometry) -> Replay:
    """The recording as a motion."""
    assert road.recording.elapsed_s is not None
    return Replay(road.recording.fixes, road.recording.elapsed_s)


def recorded_plans(road: Geometry, max_drives: int) -> list[tuple[int, PlannedRoute, Truth]]:
    """Destinations along a recording: up to half of them with an arrival, the others without.

    Returns:
        For each the second at which the recording passes it, which is its number.
    """
    motion, rng = replay_of(road), Random(road.name)  # a string seeds identically in every process
    places = places_of(motion, 0.0)
    start = road.recording.fixes[0]
    origin = Place(lat=start[0], lon=start[1])
    found: dict[bool, list[tuple[int, PlannedRoute, Truth]]] = {True: [], False: []}
    moments = [n * _EVERY_S for n in range(int(motion.duration_s / _EVERY_S))]
    for t_s in rng.sample(moments, len(moments)):
        state = motion.at(t_s)
        lat, lon = place_at(state.lat, state.lon, rng.uniform(0, 360), rng.uniform(0, 60))
        destination = Place(lat=lat, lon=lon)
        if distance_m(*start, lat, lon) < 3 * DEFAULT_RADIUS_M:
            continue
        if (
            len(found[True]) >= max_drives // 2
            and len(found[False]) >= max_drives - max_drives // 2
        ):
            break
        truth = truth_at(places, destination)
        if not truth.is_ambiguous:
            plan = PlannedRoute(origin=origin, destination=destination)
            found[truth.arrived_s is not None].append((round(t_s), plan, truth))
    return [
        *islice(found[True], max_drives // 2),
        *islice(found[False], max_drives - max_drives // 2),
    ]


def observations_of(road: Geometry) -> list[Observation]:
    """The recorded fixes; the recordings have neither accuracy nor speed."""
    return [
        Observation(t_s, lat, lon, None, None, None)
        for (lat, lon), t_s in zip(
            road.recording.fixes, road.recording.elapsed_s or (), strict=True
        )
    ]
