from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.geodesy import EARTH_RADIUS_M, bearing_deg, distance_m
from sim.geodesy import place_at

LATS = st.floats(-90, 90)
LONS = st.floats(-180, 180)
SEOUL = (37.5665, 126.9780)
BUSAN = (35.1796, 129.0756)


def test_seoul_to_busan() -> None:
    # 325.1 km on the WGS 84 ellipsoid.
    assert distance_m(*SEOUL, *BUSAN) == pytest.approx(325_100, rel=0.006)
    assert bearing_deg(*SEOUL, *BUSAN) == pytest.approx(144.1, abs=0.5)


def test_the_length_of_a_degree_of_a_meridian() -> None:
    assert distance_m(35.0, 129.0, 36.0, 129.0) == pytest.approx(math.pi / 180 * EARTH_RADIUS_M)


def test_small_distances_are_precise() -> None:
    # 1e-7 degrees of latitude is 1.1 cm.
    assert distance_m(35.0, 129.0, 35.0000001, 129.0) == pytest.approx(0.0111, rel=0.01)


def test_places_on_both_sides_of_the_date_line_are_near_each_other() -> None:
    assert distance_m(0.0, 179.999, 0.0, -179.999) == pytest.approx(222.4, rel=0.001)
    assert bearing_deg(0.0, 179.999, 0.0, -179.999) == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("to", "bearing"),
    [((1, 0), 0.0), ((0, 1), 90.0), ((-1, 0), 180.0), ((0, -1), 270.0), ((0, 0), 0.0)],
)
def test_the_bearings_of_the_cardinal_directions(to: tuple[float, float], bearing: float) -> None:
    assert bearing_deg(0.0, 0.0, *to) == pytest.approx(bearing)


@given(LATS, LONS, LATS, LONS)
def test_distance_is_symmetric_and_never_beyond_the_antipode(
    lat: float, lon: float, other_lat: float, other_lon: float
) -> None:
    there = distance_m(lat, lon, other_lat, other_lon)

    assert there == pytest.approx(distance_m(other_lat, other_lon, lat, lon), abs=1e-6)
    assert 0.0 <= there <= math.pi * EARTH_RADIUS_M * 1.000_001


@given(LATS, LONS, LATS, LONS)
def test_a_bearing_is_below_360(lat: float, lon: float, other_lat: float, other_lon: float) -> None:
    assert 0.0 <= bearing_deg(lat, lon, other_lat, other_lon) < 360.0


@given(st.floats(-85, 85), LONS, st.floats(0, 359.9), st.floats(1, 100_000))
def test_place_at_returns_a_place_at_that_bearing_and_distance(
    lat: float, lon: float, bearing: float, distance: float
) -> None:
    there = place_at(lat, lon, bearing, distance)

    assert distance_m(lat, lon, *there) == pytest.approx(distance, rel=1e-6, abs=1e-3)
    turn = (bearing_deg(lat, lon, *there) - bearing + 180) % 360 - 180
    assert turn == pytest.approx(0.0, abs=0.05)
