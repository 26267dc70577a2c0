"""Drives with a known arrival, for the ETA: real geometry, and real times where the track has them.

The split is by geometry and was made before anything was tuned: constants come from `TUNING`,
figures are published from `REPORT`. It is the same split as for the other cases of this benchmark.

- A *recorded* drive is a part of a timed track as it was driven.
- A *modelled* drive is one to five parts of tracks, laid end to end in about one direction, and
  driven by the simulated truck of `sim.fleet.speed_model`: a cruising speed for each part (town,
  road, motorway, sometimes a jam), junctions, and sometimes one halt of minutes. How fast it
  drives, how often it halts and for how long are assumptions.

Arrival is when the noise-free truck first is within the destination's radius.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Iterator, Sequence

from bench.truth.geometry import Part, names_of
from rtdts.tracking.geodesy import bearing_deg, distance_m
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.device import Fix as SentFix
from sim.fleet.motion import Driving, Motion, MotionState, Replay, Sequential, Stationary
from sim.fleet.polyline import Polyline
from sim.fleet.route_library import load_routes
from sim.fleet.speed_model import Stop, TruckLimits, draw_stops, drive_profile
from sim.geodesy import place_at

TUNING = names_of(Part.TUNING)
REPORT = names_of(Part.REPORT)

START_MS = 1_795_500_000_000
ORIGIN_RADIUS_M = 130.0
"""The origin's geofence, and the margin outside it at which the truck has left."""
MIN_DISTANCE_M = 600.0
"""Great circle from origin to destination of the shortest drive."""
MAX_CRUISE_MPS = 25.0
HALT_SHARE = 0.08
"""The share of modelled drives with one halt of minutes that no road explains."""
JAM_SHARE = 0.08
"""The share of jams among the middle parts of long modelled drives."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EtaDrive:
    """One drive to a destination.

    Attributes:
        name: Which parts of which tracks.
        is_recorded: Whether its times were driven rather than modelled.
        fixes: What the device sent, by time; with those before the pickup where there are any.
        destination: ``(lat, lon)``.
        radius_m: Radius of its geofence.
        departed_ms: When the cargo began to be in transit.
        entered_ms: When the truck was at the destination: the truth.
    """

    name: str
    is_recorded: bool
    fixes: tuple[SentFix, ...]
    destination: tuple[float, float]
    radius_m: float
    departed_ms: int
    entered_ms: int


def drives(names: Sequence[str], count: int, seed: int) -> Iterator[EtaDrive]:
    """Modelled drives over the geometry of these tracks; the same for the same seed."""
    paths = {route.name: route.polyline for route in load_routes(names)}
    number = made = 0
    while made < count:
        rng = random.Random(f"{seed}-{number}")
        number += 1
        drive = _modelled(paths, rng)
        if drive is not None:
            made += 1
            yield drive


def recorded_drives(names: Sequence[str], count: int, seed: int) -> Iterator[EtaDrive]:
    """Parts of the timed ones of these tracks as they were driven, evenly by track."""
    tracks = _timed_tracks(names)
    number = made = 0
    while made < count and tracks:
        rng = random.Random(f"{seed}-{number}")
        name, track = tracks[number % len(tracks)]
        number += 1
        starts_s = track.duration_s * rng.uniform(0.0, 0.5)
        ends_s = track.duration_s * rng.uniform(0.5, 1.0)
        motion = Replay(track.fixes, track.elapsed_s)
        drive = _observed(f"{name} as driven", True, motion, starts_s, ends_s, rng)
        if drive is not None:
            made += 1
            yield drive


def _timed_tracks(names: Sequence[str]) -> list[tuple[str, Replay]]:
    routes = {route.name: route for route in load_routes(names)}
    return [
        (route.name, Replay(route.fixes, route.elapsed_s))
        for route in routes.values()
        if route.elapsed_s is not None
    ]


def _modelled(paths: dict[str, Polyline], rng: random.Random) -> EtaDrive | None:
    count = rng.choice((1, 1, 1, 2, 3, 4, 5))
    pieces = [_piece(paths, rng) for _ in range(count)]
    before = [_piece(paths, rng)] if rng.random() < 0.6 else []
    is_long = count >= 3
    skill = math.exp(rng.gauss(0.0, 0.08))
    laid = _end_to_end([path for _, path in (*before, *pieces)], rng)
    motions: list[Motion] = []
    starts_s = 0.0
    halt_in = rng.randrange(count) if rng.random() < HALT_SHARE else -1
    usual = rng.choice(("town", "town", "town", "road", "motorway"))
    for index, path in enumerate(laid):
        ordinal = index - len(before)
        kind = usual
        if is_long and 0 < ordinal < count - 1:
            kind = "jam" if rng.random() < JAM_SHARE else rng.choice(("road", "motorway"))
        elif is_long:
            kind = "town"
        motions.append(_driven(path, kind, skill, rng, has_halt=ordinal == halt_in))
        if ordinal == -1:
            last = motions[-1].at(motions[-1].duration_s)
            motions.append(Stationary.where(last, rng.uniform(90, 900)))
            starts_s = sum(motion.duration_s for motion in motions)
    motion = Sequential(tuple(motions))
    name = "+".join(name for name, _ in pieces)
    return _observed(name, False, motion, starts_s, motion.duration_s, rng)


def _piece(paths: dict[str, Polyline], rng: random.Random) -> tuple[str, Polyline]:
    # By length: a metre of any track is as likely as any other.
    names = sorted(paths)
    name = rng.choices(names, [paths[name].length_m for name in names])[0]
    path = paths[name]
    length_m = rng.uniform(min(1_500.0, path.length_m * 0.6), path.length_m)
    start_m = rng.uniform(0.0, path.length_m - length_m)
    path = path.cut(start_m, start_m + length_m)
    return name, path.reversed() if rng.random() < 0.5 else path


def _end_to_end(paths: Sequence[Polyline], rng: random.Random) -> list[Polyline]:
    """Each part begins where the previous one ends, turned so that the whole has one direction."""
    laid = [paths[0]]
    course_deg = bearing_deg(*paths[0].points[0], *paths[0].points[-1])
    for path in paths[1:]:
        origin, goal = path.points[0], laid[-1].points[-1]
        turned_deg = course_deg + rng.gauss(0.0, 30.0) - bearing_deg(*origin, *path.points[-1])
        laid.append(
            Polyline.through(
                place_at(
                    *goal,
                    (bearing_deg(*origin, *point) + turned_deg) % 360,
                    distance_m(*origin, *point),
                )
                for point in path.points
            )
        )
    return laid


_CRUISE_MPS = {
    "town": (8.0, 14.0),
    "road": (14.0, 22.0),
    "motorway": (20.0, 25.0),
    "jam": (3.0, 9.0),
}
_JUNCTION_GAP_M = {"town": (300.0, 900.0), "road": (1_200.0, 4_000.0), "jam": (300.0, 900.0)}
"""Mean distance between halts of seconds; a motorway has none."""


def _driven(
    path: Polyline, kind: str, skill: float, rng: random.Random, *, has_halt: bool
) -> Motion:
    cruise_mps = min(MAX_CRUISE_MPS, rng.uniform(*_CRUISE_MPS[kind]) * skill)
    stops: tuple[Stop, ...] = ()
    if kind in _JUNCTION_GAP_M:
        gap_m = rng.uniform(*_JUNCTION_GAP_M[kind])
        stops = draw_stops(path.length_m, rng, mean_gap_m=gap_m, for_s=(4.0, 50.0))
    if has_halt:
        stops = (*stops, Stop(rng.uniform(0.1, 0.9) * path.length_m, rng.uniform(120, 900)))
    limits = TruckLimits(cruise_mps=cruise_mps)
    rolling_mps = min(8.0, cruise_mps)
    profile = drive_profile(path, limits, stops, start_mps=rolling_mps, end_mps=rolling_mps)
    return Driving(path, profile)


def _observed(
    name: str, is_recorded: bool, motion: Motion, starts_s: float, ends_s: float, rng: random.Random
) -> EtaDrive | None:
    origin, end = _place(motion.at(starts_s)), _place(motion.at(ends_s))
    destination = place_at(*end, rng.uniform(0, 360), rng.uniform(0, 60))
    radius_m = rng.choice((60.0, 100.0, 100.0, 100.0, 200.0))
    if distance_m(*origin, *destination) < MIN_DISTANCE_M:
        return None
    departed_s = _first(motion, starts_s, origin, lambda away_m: away_m > ORIGIN_RADIUS_M)
    if departed_s is None:
        return None
    entered_s = _first(motion, departed_s, destination, lambda away_m: away_m <= radius_m)
    if entered_s is None or entered_s - departed_s < 60:
        return None
    device = Device("T-1", _device(rng), rng)
    sent = {
        fix.id: fix
        for transmission in device.report(motion, START_MS)
        for fix in transmission.fixes
    }
    return EtaDrive(
        name=name,
        is_recorded=is_recorded,
        fixes=tuple(sorted(sent.values(), key=lambda fix: fix.recorded_at_ms)),
        destination=destination,
        radius_m=radius_m,
        departed_ms=START_MS + round(departed_s * 1_000),
        entered_ms=START_MS + round(entered_s * 1_000),
    )


def _device(rng: random.Random) -> DeviceProfile:
    interval_s = rng.choice((1.0, 5.0, 10.0, 30.0))
    return DeviceProfile(
        interval_s=interval_s,
        sigma_m=rng.choice((3.0, 3.0, 6.0, 12.0)),
        tunnel_gap_s=rng.choice((300.0, 1_200.0)),
        tunnel_s=(5.0, 120.0),
    )


def _place(state: MotionState) -> tuple[float, float]:
    return state.lat, state.lon


def _first(
    motion: Motion, from_s: float, place: tuple[float, float], holds: Callable[[float], bool]
) -> float | None:
    """The first whole second at which the distance to a place meets a condition."""
    at_s = from_s
    while at_s <= motion.duration_s:
        if holds(distance_m(*_place(motion.at(at_s)), *place)):
            return at_s
        at_s += 1.0
    return None
