"""What a truck does on a road: where it loads, halts, unloads or only drives past.

A whole itinerary is one drive along one path with halts on it, so the truck brakes and accelerates
around each of them realistically.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from rtdts.tracking.deliveries import DEFAULT_RADIUS_M, Place, PlannedRoute
from sim.fleet.motion import Driving, Motion
from sim.fleet.polyline import Polyline
from sim.fleet.speed_model import SpeedProfile, Stop, TruckLimits, draw_stops, drive_profile
from sim.geodesy import place_at

QUIET_M = 300.0
"""No random halt this near to a place: a halt there belongs to the case."""


@dataclass(frozen=True)
class Itinerary:
    """A noise-free drive, with the delivery that it is judged by.

    Attributes:
        plan: Origin and destination.
        motion: Where the truck is at each second.
        departed_s: When it left the origin for good.
        loading_s: From when to when it stands at the origin; None where it drives past.
        unloading_s: From when to when it halts at the end of the leg; None where it drives past.
    """

    plan: PlannedRoute
    motion: Motion
    departed_s: float
    loading_s: tuple[float, float] | None
    unloading_s: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What an itinerary is built from; lengths in metres along the path, times in seconds.

    Attributes:
        load_s: Halt at the origin; 0 drives past it.
        unload_s: Halt at the end of the leg; 0 drives past it.
        radius_m: Radius of the destination's geofence.
        offset_m: Distance from where the truck halts to the destination's centre.
        light_m: Distance of a red light from the end of the leg; 0 is none.
        light_s: How long it is red.
        leg_m: Maximum distance from loading to unloading; None takes the whole road.
        returns: Drives past first, turns, comes back and only then halts.
    """

    load_s: float
    unload_s: float
    radius_m: float = DEFAULT_RADIUS_M
    offset_m: float = 20.0
    light_m: float = 0.0
    light_s: float = 0.0
    leg_m: float | None = None
    returns: bool = False


def itinerary(line: Polyline, shape: Shape, rng: Random) -> Itinerary:
    """Lays an itinerary on a road: the direction, the start and the halts are drawn."""
    if rng.random() < 0.5:
        line = line.reversed()
    before_m, after_m = rng.uniform(250, 400), rng.uniform(450, 650)
    longest_m = line.length_m - before_m - after_m
    leg_m = shape.leg_m or rng.uniform(min(1_200, 0.9 * longest_m), min(6_000, longest_m))
    start_m = rng.uniform(0, longest_m - leg_m)
    path = line.cut(start_m, start_m + before_m + leg_m + after_m)
    origin_m, end_m = before_m, before_m + leg_m
    if shape.returns:
        there_and_back = Polyline.through([*path.points, *path.points[::-1]])
        end_m = there_and_back.length_m - end_m
        path = there_and_back.cut(0, end_m + after_m)
    plan = PlannedRoute(
        origin=_place(path.at(origin_m), rng.uniform(0, 40), DEFAULT_RADIUS_M, rng),
        destination=_place(path.at(end_m), shape.offset_m, shape.radius_m, rng),
    )
    stops = _stops(path, shape, origin_m, end_m, rng)
    profile = drive_profile(path, TruckLimits(cruise_mps=rng.uniform(8, 22)), stops, start_mps=8)
    loading = _halt(profile, origin_m) if shape.load_s else None
    return Itinerary(
        plan,
        Driving(path, profile),
        loading[1] if loading else _reached_s(profile, origin_m),
        loading,
        _halt(profile, end_m) if shape.unload_s else None,
    )


def _place(where: tuple[float, float], offset_m: float, radius_m: float, rng: Random) -> Place:
    lat, lon = place_at(*where, rng.uniform(0, 360), offset_m)
    return Place(lat=lat, lon=lon, radius_m=radius_m)


def _stops(path: Polyline, shape: Shape, origin_m: float, end_m: float, rng: Random) -> list[Stop]:
    own = [Stop(origin_m, shape.load_s), Stop(end_m, shape.unload_s)]
    if shape.light_m:
        own.append(Stop(end_m - shape.light_m, shape.light_s))
    chance = draw_stops(path.length_m, rng)
    return [one for one in own if one.for_s] + [
        one for one in chance if all(abs(one.at_m - other.at_m) > QUIET_M for other in own)
    ]


def _halt(profile: SpeedProfile, at_m: float) -> tuple[float, float]:
    """From when to when the truck stands there."""
    start = next(point for point in profile.points if point.along_m >= at_m)
    end = next(point for point in profile.points if point.along_m >= at_m and point.t_s > start.t_s)
    return start.t_s, end.t_s


def _reached_s(profile: SpeedProfile, at_m: float) -> float:
    return next(point.t_s for point in profile.points if point.along_m >= at_m)
