"""A view: accepted bounds, how fine its clusters are, and which views share a result."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.fleet_view import (
    MAX_CLUSTERS,
    MAX_PRECISION,
    FleetFilter,
    FleetStatus,
    FleetView,
    part_of,
)

WORLD = (-180.0, -90.0, 180.0, 90.0)


@st.composite
def views(draw: st.DrawFn) -> FleetView:
    lats = draw(st.lists(st.floats(-90, 90), min_size=2, max_size=2, unique=True))
    lons = draw(st.lists(st.floats(-180, 180), min_size=2, max_size=2, unique=True))
    return FleetView(bbox=(lons[0], min(lats), lons[1], max(lats)), zoom=draw(st.floats(0, 24)))


def tile_of(lat: float, lon: float, precision: int) -> tuple[int, int]:
    """By the published formula of web maps."""
    across = 2**precision
    bounded = max(-85.0511287798066, min(85.0511287798066, lat))
    x = math.floor((lon + 180) / 360 * across)
    tangent = math.tan(math.radians(bounded))
    y = math.floor((1 - math.log(tangent + math.hypot(1, tangent)) / math.pi) / 2 * across)
    return min(x, across - 1), max(0, min(y, across - 1))


@given(view=views())
def test_no_view_is_divided_into_more_tiles_than_fit_one_frame(view: FleetView) -> None:
    west, south, east, north = view.bbox
    precision = view.precision
    (x_west, y_south), (x_east, y_north) = (
        tile_of(south, west, precision),
        tile_of(north, east, precision),
    )
    across = 2**precision
    columns = (x_east - x_west) % across + 1 if west < east else across - x_west + x_east + 1
    if west < east and x_east < x_west:
        columns = across

    assert 0 <= precision <= MAX_PRECISION
    assert min(columns, across) * (y_south - y_north + 1) <= MAX_CLUSTERS


def test_clusters_are_as_fine_as_the_zoom_when_they_are_few() -> None:
    city = FleetView(bbox=(128.9, 35.0, 129.3, 35.3), zoom=11.4)

    assert city.precision == 13
    assert msgspec.structs.replace(city, zoom=10.9).precision == 12


def test_the_precision_of_a_view_of_the_whole_world_is_limited_at_any_zoom() -> None:
    assert FleetView(bbox=WORLD, zoom=24).precision == 4
    assert FleetView(bbox=WORLD, zoom=0).precision == 2


@pytest.mark.parametrize("bbox", [(0, 1, 1, 1), (0, 2, 1, 1), (1, 0, 1, 1)])
def test_a_bbox_without_an_area_is_rejected(bbox: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="bbox"):
        FleetView(bbox=bbox, zoom=1)


def test_equal_views_share_a_query_key_whatever_their_names() -> None:
    status = (FleetStatus.NEARBY, FleetStatus.ARRIVED)
    ann = FleetView(bbox=WORLD, zoom=1, filter=FleetFilter(status=status), view="a")
    ben = msgspec.structs.replace(ann, filter=FleetFilter(status=status[::-1]), view="b")
    eve = msgspec.structs.replace(ann, filter=FleetFilter(status=status, late=True))

    assert ann.query_key == ben.query_key != eve.query_key
    assert 0 <= part_of(ann.query_key, 16) == part_of(ben.query_key, 16) < 16
