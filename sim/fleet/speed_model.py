"""How fast a loaded truck drives a road of which only the geometry is known.

The classical minimum-time profile under limits. Every place has a maximum speed: the driver's
cruising speed or, in a bend, the speed that the load's sideways acceleration allows,
``v = sqrt(a r)``. A forward pass limits it to what the engine can reach, a backward pass to what
the brakes can still reduce. Between two places the acceleration is constant, so
``v2^2 = v1^2 + 2 a s``. Stops (junctions, lights) are added, drawn from a seed.

The numbers of ``TruckLimits`` are our assumptions for a loaded truck in town: it accelerates at
about a tenth of g, and it brakes and takes bends well below what makes a load slide (cars brake at
3.4 m/s² in AASHTO's stopping sight distance; a truck with cargo brakes less). A heavy truck may
not exceed 90 km/h in the EU (speed limiters, directive 92/6/EEC as amended), which is why
``cruise_mps`` above 25 is rejected.
"""

from __future__ import annotations

import bisect
import functools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtdts.tracking.geodesy import distance_m
from sim.fleet.polyline import Polyline

NODE_SPACING_M = 5.0
"""Distance between the places at which a speed is computed: a quarter of a truck's length."""

CURVE_SPAN_M = 20.0
"""Distance between the three points through which a bend's circle is fitted. A track's fixes
jitter by metres: with a shorter distance the jitter would look like hairpin bends."""

MIN_CURVE_SPEED_MPS = 2.5
"""A truck can take any corner at this speed; below it the jitter would determine the speed."""


@dataclass(frozen=True)
class TruckLimits:
    """What the driver and the load allow."""

    cruise_mps: float = 13.9
    acceleration_mps2: float = 1.0
    braking_mps2: float = 1.3
    lateral_mps2: float = 1.8

    def __post_init__(self) -> None:
        if not 0 < self.cruise_mps <= 25.0:
            raise ValueError("cruise_mps must be above 0 and at most 25 (90 km/h)")
        if min(self.acceleration_mps2, self.braking_mps2, self.lateral_mps2) <= 0:
            raise ValueError("accelerations must be above 0")


@dataclass(frozen=True)
class Stop:
    """A stop on the way."""

    at_m: float
    for_s: float


@dataclass(frozen=True)
class ProfilePoint:
    """A time of the drive: between two points the acceleration is constant."""

    t_s: float
    along_m: float
    speed_mps: float


@dataclass(frozen=True)
class SpeedProfile:
    """Where along a path the truck is at each time, and how fast."""

    points: tuple[ProfilePoint, ...]

    @functools.cached_property
    def _times_s(self) -> tuple[float, ...]:
        return tuple(point.t_s for point in self.points)

    @property
    def duration_s(self) -> float:
        """Duration of the whole path, in seconds."""
        return self.points[-1].t_s

    def at(self, t_s: float) -> tuple[float, float]:
        """Metres along the path and metres per second, ``t_s`` seconds after the start."""
        if t_s <= 0:
            return self.points[0].along_m, self.points[0].speed_mps
        if t_s >= self.duration_s:
            return self.points[-1].along_m, self.points[-1].speed_mps
        index = bisect.bisect_right(self._times_s, t_s)
        before, after = self.points[index - 1], self.points[index]
        span_s, in_s = after.t_s - before.t_s, t_s - before.t_s
        gain_mps2 = (after.speed_mps - before.speed_mps) / span_s
        along_m = before.along_m + before.speed_mps * in_s + gain_mps2 * in_s * in_s / 2
        return along_m, before.speed_mps + gain_mps2 * in_s


def drive_profile(
    path: Polyline,
    limits: TruckLimits,
    stops: Sequence[Stop] = (),
    *,
    start_mps: float = 0.0,
    end_mps: float = 0.0,
) -> SpeedProfile:
    """The fastest drive of a path within the limits, with the stops.

    Args:
        path: The road.
        limits: What the truck can do.
        stops: Stops on it; those at or beyond its ends are ignored.
        start_mps: Speed at its start (lower if the road requires it).
        end_mps: Speed at its end.
    """
    halts = {stop.at_m: stop.for_s for stop in stops if 0 < stop.at_m < path.length_m}
    count = max(1, math.ceil(path.length_m / NODE_SPACING_M))
    nodes = sorted({path.length_m * i / count for i in range(count + 1)} | set(halts))
    speeds = [0.0 if node in halts else _highest_speed(path, node, limits) for node in nodes]
    speeds[0], speeds[-1] = min(speeds[0], start_mps), min(speeds[-1], end_mps)
    for i in range(1, len(nodes)):
        gained = 2 * limits.acceleration_mps2 * (nodes[i] - nodes[i - 1])
        speeds[i] = min(speeds[i], math.sqrt(speeds[i - 1] ** 2 + gained))
    for i in range(len(nodes) - 2, -1, -1):
        lost = 2 * limits.braking_mps2 * (nodes[i + 1] - nodes[i])
        speeds[i] = min(speeds[i], math.sqrt(speeds[i + 1] ** 2 + lost))
    return SpeedProfile(tuple(_profile_points(nodes, speeds, halts)))


def _profile_points(
    nodes: list[float], speeds: list[float], halts: dict[float, float]
) -> list[ProfilePoint]:
    points = [ProfilePoint(0.0, nodes[0], speeds[0])]
    for (start_m, end_m), (slow, fast) in zip(pairwise(nodes), pairwise(speeds), strict=True):
        if slow + fast == 0:  # two adjacent stops, or a path of one node: creep
            slow = fast = 1.0
        t_s = points[-1].t_s + 2 * (end_m - start_m) / (slow + fast)
        points.append(ProfilePoint(t_s, end_m, fast))
        if end_m in halts:
            points.append(ProfilePoint(t_s + halts[end_m], end_m, 0.0))
    return points


def _highest_speed(path: Polyline, along_m: float, limits: TruckLimits) -> float:
    radius_m = curve_radius_m(path, along_m)
    in_curve_mps = math.sqrt(limits.lateral_mps2 * radius_m)
    return min(limits.cruise_mps, max(MIN_CURVE_SPEED_MPS, in_curve_mps))


def curve_radius_m(path: Polyline, along_m: float) -> float:
    """Radius of the circle through the path before, at and after a place; infinite if straight.

    ``r = a b c / (4 A)``, the area ``A`` by Heron's formula.
    """
    before, here, after = (
        path.at(along_m + offset_m) for offset_m in (-CURVE_SPAN_M, 0.0, CURVE_SPAN_M)
    )
    a_m, b_m, c_m = (
        distance_m(*before, *here),
        distance_m(*here, *after),
        distance_m(*before, *after),
    )
    half_m = (a_m + b_m + c_m) / 2
    area_squared = half_m * (half_m - a_m) * (half_m - b_m) * (half_m - c_m)
    if area_squared <= 1e-6:
        return math.inf
    return a_m * b_m * c_m / (4 * math.sqrt(area_squared))


def draw_stops(
    length_m: float,
    rng: random.Random,
    *,
    mean_gap_m: float = 700.0,
    for_s: tuple[float, float] = (4.0, 20.0),
) -> tuple[Stop, ...]:
    """Stops along a road: exponential gaps (lights are at random places), uniform durations."""
    stops = []
    at_m = rng.expovariate(1 / mean_gap_m)
    while at_m < length_m:
        stops.append(Stop(at_m, rng.uniform(*for_s)))
        at_m += 30.0 + rng.expovariate(1 / mean_gap_m)
    return tuple(stops)
