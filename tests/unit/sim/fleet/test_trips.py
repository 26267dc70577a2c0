"""Trips last as long as requested, lead from geofence to geofence, and follow the road."""

import functools
import random
from collections.abc import Iterator
from itertools import islice, pairwise

import pytest

from rtdts.tracking.geodesy import distance_m
from sim.fleet.motion import Motion, Replay, Sequential
from sim.fleet.polyline import Polyline
from sim.fleet.route_library import Route, load_routes
from sim.fleet.trips import Trip, TripTimes, TripTooShortError, plan_trips, recorded_stops
from tests.support.profile import by_profile

ROUTES = load_routes()
DEG_OF_111_M = 0.001
"""Of latitude."""
TRIPS = by_profile(quick=1, full=2)


def trips_of(
    route: Route, total_s: float, *, stationary_s: float = 8.0, many: int = 4
) -> list[Trip]:
    trips, made = planned(route.name, total_s, stationary_s)
    made.extend(islice(trips, max(0, many - len(made))))
    return made[:many]


@functools.cache
def planned(name: str, total_s: float, stationary_s: float) -> tuple[Iterator[Trip], list[Trip]]:
    """Returns the trips still to be planned and those planned so far: each is planned once."""
    route = next(one for one in ROUTES if one.name == name)
    return plan_trips(route, TripTimes(total_s, stationary_s), rng=random.Random(5)), []


def seconds(motion: Motion) -> range:
    return range(int(motion.duration_s) + 1)


def inside(trip: Trip, at_s: float, *, origin: bool) -> bool:
    place, state = trip.origin if origin else trip.destination, trip.motion.at(at_s)
    return distance_m(place.lat, place.lon, state.lat, state.lon) <= place.radius_m


@pytest.mark.parametrize("total_s", [60.0, 90.0, 180.0])
@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.name != "visnjan_1"], ids=lambda r: r.name
)
def test_a_trip_stands_in_both_geofences_and_drives_between_them(
    route: Route, total_s: float
) -> None:
    for trip in trips_of(route, total_s, many=TRIPS):
        apart_m = distance_m(
            trip.origin.lat, trip.origin.lon, trip.destination.lat, trip.destination.lon
        )

        assert trip.motion.duration_s == pytest.approx(total_s, abs=0.5)
        assert apart_m > trip.origin.radius_m + trip.destination.radius_m
        assert all(
            inside(trip, trip.departs_s - ago_s, origin=True)
            and trip.motion.at(trip.departs_s - ago_s).speed_mps == 0
            for ago_s in (0.5, 4.0, 7.5)
        )
        assert all(inside(trip, trip.arrives_s + s, origin=False) for s in (0.5, 4.0, 7.5))
        assert not inside(trip, (trip.departs_s + trip.arrives_s) / 2, origin=True)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.name)
def test_a_truck_never_leaves_its_road_nor_jumps(route: Route) -> None:
    road = route.polyline
    for trip in trips_of(route, 180.0, many=TRIPS):
        places = [trip.motion.at(s) for s in seconds(trip.motion)]
        steps_m = [distance_m(a.lat, a.lon, b.lat, b.lon) for a, b in pairwise(places)]

        assert max(steps_m) < 45.0
        assert all(distance_to(road, place.lat, place.lon) < 20.0 for place in places[::20])


@functools.cache
def places_of(road: Polyline) -> list[tuple[float, float]]:
    return [road.at(along_m) for along_m in range(0, int(road.length_m), 10)]


def distance_to(road: Polyline, lat: float, lon: float) -> float:
    near = [place for place in places_of(road) if abs(place[0] - lat) < DEG_OF_111_M]
    return min(distance_m(lat, lon, *place) for place in near)


@pytest.mark.parametrize("name", ["denver_2", "munich_1", *by_profile(quick=[], full=["munich_2"])])
def test_each_trip_begins_where_the_last_one_ended(name: str) -> None:
    (route,) = load_routes([name])
    trips = trips_of(route, 90.0, many=12)

    for before, after in pairwise(trips):
        end, start = before.motion.at(1e9), after.motion.at(0)

        assert distance_m(end.lat, end.lon, start.lat, start.lon) < 1.0


def test_a_timed_track_is_replayed_with_its_own_times_between_recorded_stops() -> None:
    (route,) = load_routes(["munich_1"])
    (trip,) = trips_of(route, 240.0, many=1)

    assert isinstance(trip.motion, Sequential)

    drive = trip.motion.parts[-2]

    assert isinstance(drive, Replay)
    assert drive.fixes[0] in route.fixes
    assert drive.duration_s == drive.elapsed_s[-1] - drive.elapsed_s[0]


def test_a_replay_at_double_speed_takes_half_the_time() -> None:
    (route,) = load_routes(["munich_1"])
    assert route.elapsed_s is not None
    real, quick = Replay(route.fixes, route.elapsed_s), Replay(route.fixes, route.elapsed_s, 2.0)

    assert quick.duration_s == real.duration_s / 2
    assert quick.at(50.25).speed_mps == pytest.approx(2 * real.at(100.5).speed_mps)
    assert (quick.at(50.25).lat, quick.at(50.25).lon) == (real.at(100.5).lat, real.at(100.5).lon)


def test_stops_are_found_only_in_recordings_with_times() -> None:
    (route,) = load_routes(["munich_1"])

    assert len(recorded_stops(route)) >= 5
    assert recorded_stops(load_routes(["denver_1"])[0]) == ()


def test_the_same_seed_plans_the_same_trips() -> None:
    route = ROUTES[0]
    trips, _ = planned.__wrapped__(route.name, 120.0, 8.0)

    assert list(islice(trips, 2)) == trips_of(route, 120.0, many=2)


def test_a_time_too_short_for_a_trip_is_rejected() -> None:
    with pytest.raises(TripTooShortError, match="too short"):
        TripTimes(20.0, 8.0)
    with pytest.raises(TripTooShortError, match="denver_1"):
        trips_of(ROUTES[0], 27.0)
