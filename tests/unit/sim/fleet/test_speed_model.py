"""The modelled drive stays within the truck's limits everywhere."""

import math
import random
from itertools import pairwise

import pytest

from sim.fleet.polyline import Polyline
from sim.fleet.route_library import load_routes
from sim.fleet.speed_model import (
    MIN_CURVE_SPEED_MPS,
    Stop,
    TruckLimits,
    curve_radius_m,
    draw_stops,
    drive_profile,
)

LIMITS = TruckLimits()
STRAIGHT = Polyline.through([(48.0, 11.0), (48.01, 11.0)])  # 1,112 m due north


def circle(radius_m: float) -> Polyline:
    points = []
    for step in range(180):
        angle = math.radians(step)
        north_m, east_m = radius_m * math.sin(angle), radius_m * math.cos(angle)
        points.append((48.0 + north_m / 111_195, 11.0 + east_m / (111_195 * 0.66913)))
    return Polyline.through(points)


@pytest.mark.parametrize("name", ["denver_1", "denver_2", "denver_3", "denver_4", "munich_1"])
def test_the_trucks_limits_are_never_exceeded_on_a_real_road(name: str) -> None:
    (route,) = load_routes([name])
    stops = draw_stops(route.polyline.length_m, random.Random(7))
    points = drive_profile(route.polyline, LIMITS, stops).points

    for before, after in pairwise(points):
        gained = after.speed_mps**2 - before.speed_mps**2
        way_m = after.along_m - before.along_m

        assert after.t_s > before.t_s
        assert 0 <= after.speed_mps <= LIMITS.cruise_mps
        assert -2 * LIMITS.braking_mps2 * way_m - 1e-6 <= gained
        assert gained <= 2 * LIMITS.acceleration_mps2 * way_m + 1e-6


def test_a_straight_road_is_driven_from_rest_through_cruise_to_rest() -> None:
    profile = drive_profile(STRAIGHT, LIMITS)
    gain_s = LIMITS.cruise_mps / LIMITS.acceleration_mps2
    brake_s = LIMITS.cruise_mps / LIMITS.braking_mps2
    cruise_m = STRAIGHT.length_m - LIMITS.cruise_mps * (gain_s + brake_s) / 2

    assert profile.at(0) == (0.0, 0.0)
    at_m, speed_mps = profile.at(1e9)
    assert at_m == pytest.approx(STRAIGHT.length_m)
    assert speed_mps == 0.0
    assert profile.duration_s == pytest.approx(
        gain_s + brake_s + cruise_m / LIMITS.cruise_mps, rel=0.02
    )


def test_a_bend_is_driven_at_the_speed_that_its_radius_allows() -> None:
    bend = circle(40.0)

    assert curve_radius_m(bend, bend.length_m / 2) == pytest.approx(40.0, rel=0.02)

    _, speed_mps = drive_profile(bend, LIMITS).at(drive_profile(bend, LIMITS).duration_s / 2)

    assert speed_mps == pytest.approx(math.sqrt(LIMITS.lateral_mps2 * 40.0), rel=0.02)


def test_jitter_in_the_track_does_not_stop_the_truck() -> None:
    hairpin = Polyline.through([(48.0, 11.0), (48.001, 11.0), (48.0, 11.000001)])
    speeds = [point.speed_mps for point in drive_profile(hairpin, LIMITS).points[1:-1]]

    assert min(speeds[2:-2]) >= MIN_CURVE_SPEED_MPS - 1e-9


def test_a_truck_waits_at_a_stop_for_its_duration() -> None:
    profile = drive_profile(STRAIGHT, LIMITS, [Stop(500.0, 10.0)])
    without = drive_profile(STRAIGHT, LIMITS)
    standing = [point for point in profile.points if point.along_m == 500.0]

    assert [point.speed_mps for point in standing] == [0.0, 0.0]
    assert standing[1].t_s - standing[0].t_s == 10.0
    assert profile.duration_s > without.duration_s + 10.0


def test_a_stop_beyond_the_end_of_the_road_is_ignored() -> None:
    assert drive_profile(STRAIGHT, LIMITS, [Stop(5000.0, 10.0)]) == drive_profile(STRAIGHT, LIMITS)


def test_the_same_seed_draws_the_same_stops() -> None:
    assert draw_stops(9000, random.Random(3)) == draw_stops(9000, random.Random(3))
    assert draw_stops(9000, random.Random(3)) != draw_stops(9000, random.Random(4))


def test_impossible_truck_limits_are_rejected() -> None:
    with pytest.raises(ValueError, match="90 km/h"):
        TruckLimits(cruise_mps=30.0)
    with pytest.raises(ValueError, match="above 0"):
        TruckLimits(braking_mps2=0.0)
