"""What a truck does for a delivery, as one motion that fits a given time.

A trip is: approach the origin, stand there while the cargo is loaded, drive, stand at the
destination while it is unloaded. Both places lie on the driven road, so a delivery between them
goes through every status. The length of the drive is what fits the time: on a track without times
the speed model decides; on a track with times a trip leads from one of its own stops to another.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rtdts.tracking.geodesy import distance_m
from sim.fleet.motion import Driving, Motion, MotionState, Replay, Sequential, Stationary
from sim.fleet.polyline import Polyline
from sim.fleet.route_library import Route
from sim.fleet.speed_model import Stop, TruckLimits, draw_stops, drive_profile

MIN_DRIVE_S = 10.0
"""In a shorter drive a truck can't leave one geofence and enter another."""

STOPPED_MPS = 0.5
"""Below this speed a recorded drive counts as standing."""


class TripTooShortError(ValueError):
    """No trip fits the time or the remaining road."""


@dataclass(frozen=True)
class TripTimes:
    """How the time of a trip is divided.

    Attributes:
        total_s: The whole trip.
        stationary_s: Time at the origin, and minimum time at the destination.
        approach_m: Road before the origin, beyond its geofence; omitted when the time is short.
    """

    total_s: float
    stationary_s: float
    approach_m: float = 60.0

    def __post_init__(self) -> None:
        if self.total_s < 2 * self.stationary_s + MIN_DRIVE_S:
            raise TripTooShortError(
                f"{self.total_s:g} s is too short for two stands of {self.stationary_s:g} s and a "
                f"drive of {MIN_DRIVE_S:g} s"
            )


@dataclass(frozen=True)
class Geofence:
    """A circular geofence."""

    lat: float
    lon: float
    radius_m: float

    @classmethod
    def around(cls, state: MotionState, radius_m: float) -> Geofence:
        """A geofence centred where a truck stands; degrees to 7 decimals, as on the wire."""
        return cls(round(state.lat, 7), round(state.lon, 7), radius_m)


@dataclass(frozen=True)
class Trip:
    """One delivery's drive.

    Attributes:
        origin: Where the cargo is picked up.
        destination: Where it is delivered.
        motion: Everything that the truck does, from second 0.
        departs_s: When it leaves the origin.
        arrives_s: When it comes to a stop at the destination.
    """

    origin: Geofence
    destination: Geofence
    motion: Motion
    departs_s: float
    arrives_s: float


def plan_trips(
    route: Route,
    times: TripTimes,
    *,
    rng: random.Random,
    limits: TruckLimits | None = None,
    radius_m: float = 50.0,
    factor: float = 1.0,
) -> Iterator[Trip]:
    """An endless series of trips along a route, each beginning where the last one ended.

    At the route's end the truck turns and returns on the same road; the way back has no recorded
    times, so the speed model drives it.

    Args:
        route: The road.
        times: Times of each trip.
        rng: Draws the stops on the way.
        limits: Limits of the truck.
        radius_m: Radius of both geofences.
        factor: How much faster than recorded a track with times is driven.

    Raises:
        TripTooShortError: The route is shorter than one trip.
    """
    limits = limits or TruckLimits()
    road, at_m, moving = route.polyline, 0.0, True
    for trip, ends_at in _recorded_trips(route, times, radius_m, factor):
        yield trip
        at_m, moving = Polyline.through(route.fixes[: ends_at + 1]).length_m, False
    stops = draw_stops(road.length_m, rng)
    turned = False
    while True:
        try:
            trip, at_m = _modelled_trip(road, at_m, stops, times, limits, radius_m, moving)
        except TripTooShortError:
            if turned:
                raise TripTooShortError(
                    f"no trip of {times.total_s:g} s fits on route {route.name}"
                ) from None
            road, at_m, turned = road.reversed(), road.length_m - at_m, True
            stops = draw_stops(road.length_m, rng)
            continue
        turned = moving = False
        yield trip


def _modelled_trip(
    path: Polyline,
    start_m: float,
    stops: tuple[Stop, ...],
    times: TripTimes,
    limits: TruckLimits,
    radius_m: float,
    moving: bool,
) -> tuple[Trip, float]:
    """A trip from ``start_m`` on, and the distance along the path at which it ends."""
    approach = _approach(path, start_m, times, limits, radius_m, moving)
    # If no drive fits, try again without stops (all lights green), then also without the approach
    # (the truck starts at the origin).
    for coming, halts in ((approach, stops), (approach, ()), (None, ())):
        origin_m = start_m + (coming.path.length_m if coming else 0.0)
        spent_s = coming.duration_s if coming else 0.0
        budget_s = times.total_s - 2 * times.stationary_s - spent_s
        drive = _longest_drive(path, origin_m, halts, limits, budget_s)
        if drive is not None and drive.path.length_m >= 3 * radius_m:
            trip = _assemble([coming] if coming else [], drive, times, radius_m)
            return trip, origin_m + drive.path.length_m
    raise TripTooShortError("the time or the road that is left is too short")


def _approach(
    path: Polyline,
    start_m: float,
    times: TripTimes,
    limits: TruckLimits,
    radius_m: float,
    moving: bool,
) -> Driving | None:
    length_m = radius_m + times.approach_m
    if start_m + length_m + 3 * radius_m > path.length_m:
        return None
    road = path.cut(start_m, start_m + length_m)
    start_mps = limits.cruise_mps if moving else 0.0
    approach = Driving(road, drive_profile(road, limits, start_mps=start_mps))
    # The drive to the destination matters more than the one to the origin.
    if times.total_s - 2 * times.stationary_s - approach.duration_s < 2 * MIN_DRIVE_S:
        return None
    return approach


def _longest_drive(
    path: Polyline, start_m: float, stops: tuple[Stop, ...], limits: TruckLimits, budget_s: float
) -> Driving | None:
    """A drive from rest to rest, as far as the time allows; None when it does not allow any."""

    def drive(length_m: float) -> Driving:
        road = path.cut(start_m, start_m + length_m)
        here = [replace(stop, at_m=stop.at_m - start_m) for stop in stops]
        # No stops within a truck's length of the ramp.
        here = [stop for stop in here if 20.0 < stop.at_m < length_m - 20.0]
        return Driving(road, drive_profile(road, limits, here))

    shortest_m, longest_m = 1.0, min(path.length_m - start_m, limits.cruise_mps * budget_s)
    if longest_m <= shortest_m:
        return None
    best = None
    while longest_m - shortest_m > 1.0:
        middle_m = (shortest_m + longest_m) / 2
        attempt = drive(middle_m)
        if attempt.duration_s <= budget_s:
            best, shortest_m = attempt, middle_m
        else:
            longest_m = middle_m
    return best


def _recorded_trips(
    route: Route, times: TripTimes, radius_m: float, factor: float
) -> Iterator[tuple[Trip, int]]:
    """Trips between the recording's own stops, and the fix at which each ends.

    The first begins at any stop, and each other one where the last ended, so that no truck jumps.
    """
    elapsed_s = route.elapsed_s or ()
    stops = recorded_stops(route)
    at: int | None = None
    for number, (begins, leaves) in enumerate(stops):
        if at is not None and begins != at:
            continue
        approach = None
        if at is None:
            approach = _recorded_approach(route, begins, times, radius_m, factor)
        spent_s = approach.duration_s if approach else 0.0
        budget_s = times.total_s - 2 * times.stationary_s - spent_s
        reachable = [
            arrives
            for arrives, _ in stops[number + 1 :]
            if (elapsed_s[arrives] - elapsed_s[leaves]) / factor <= budget_s
            and distance_m(*route.fixes[leaves], *route.fixes[arrives]) > 3 * radius_m
        ]
        if reachable:
            at = reachable[-1]
            drive = _replay(route, leaves, at, factor)
            yield _assemble([approach] if approach else [], drive, times, radius_m), at


def _recorded_approach(
    route: Route, stop: int, times: TripTimes, radius_m: float, factor: float
) -> Replay | None:
    """The last part of the recording before a stop, from outside the stop's geofence."""
    start = stop
    while start > 0 and distance_m(*route.fixes[start], *route.fixes[stop]) < (
        radius_m + times.approach_m
    ):
        start -= 1
    if start == stop:
        return None
    approach = _replay(route, start, stop, factor)
    if times.total_s - 2 * times.stationary_s - approach.duration_s < 2 * MIN_DRIVE_S:
        return None
    return approach


def _replay(route: Route, start: int, end: int, factor: float) -> Replay:
    assert route.elapsed_s is not None  # noqa: S101 for the type checker: only timed routes come here
    return Replay(route.fixes[start : end + 1], route.elapsed_s[start : end + 1], factor)


def recorded_stops(route: Route, min_s: float = 4.0) -> tuple[tuple[int, int], ...]:
    """Where a recorded drive stood: first and last fix of each stop of at least ``min_s``."""
    elapsed_s = route.elapsed_s
    if elapsed_s is None:
        return ()
    stops = []
    first = 0
    for index in range(1, len(route.fixes)):
        step_m = distance_m(*route.fixes[index - 1], *route.fixes[index])
        if step_m / (elapsed_s[index] - elapsed_s[index - 1]) > STOPPED_MPS:
            if elapsed_s[index - 1] - elapsed_s[first] >= min_s:
                stops.append((first, index - 1))
            first = index
    return tuple(stops)


def _assemble(parts: list[Motion], drive: Motion, times: TripTimes, radius_m: float) -> Trip:
    start, end = drive.at(0.0), drive.at(drive.duration_s)
    departs_s = sum(part.duration_s for part in parts) + times.stationary_s
    arrives_s = departs_s + drive.duration_s
    rest_s = max(times.stationary_s, times.total_s - arrives_s)
    motion = Sequential(
        (*parts, Stationary.where(start, times.stationary_s), drive, Stationary.where(end, rest_s))
    )
    return Trip(
        origin=Geofence.around(start, radius_m),
        destination=Geofence.around(end, radius_m),
        motion=motion,
        departs_s=departs_s,
        arrives_s=arrives_s,
    )
