from __future__ import annotations

import msgspec
import pytest

from rtdts.tracking.point_identity import delivery_bucket, place_hash, point_id
from rtdts.tracking.positions import Clock, Point

POINT = Point(
    truck_id="T-1",
    recorded_at_ms=1_795_503_168_120,
    lat=35.1705505,
    lon=129.1329985,
    event_at_ms=1_795_503_168_120,
    received_at_ms=1_795_503_169_000,
    seq=4711,
)


def test_a_numbered_point_is_known_by_truck_time_and_number() -> None:
    assert point_id(POINT) == "T-1:1795503168120:4711"


def test_number_0_is_a_number() -> None:
    assert point_id(msgspec.structs.replace(POINT, seq=0)) == "T-1:1795503168120:0"


def test_a_point_without_a_number_is_known_by_its_place() -> None:
    # printf '35.1705505,129.1329985' | sha256sum
    unnumbered = msgspec.structs.replace(POINT, seq=None)

    assert point_id(unnumbered) == "T-1:1795503168120:hafe8aac38809cfdb"


@pytest.mark.parametrize(
    "change",
    [
        {"event_at_ms": 1, "clock": Clock.SHIFTED, "clock_offset_ms": 5},
        {"received_at_ms": 2},
        {"source": "mqtt"},
        {"speed_mps": 3.0},
    ],
)
def test_what_stamping_and_the_way_it_came_change_is_no_part_of_it(change: dict[str, int]) -> None:
    assert point_id(msgspec.structs.replace(POINT, **change)) == point_id(POINT)


@pytest.mark.parametrize(
    "change", [{"truck_id": "T-2"}, {"recorded_at_ms": 1_795_503_168_121}, {"seq": 4712}]
)
def test_another_truck_time_or_number_is_another_point(change: dict[str, int]) -> None:
    assert point_id(msgspec.structs.replace(POINT, **change)) != point_id(POINT)


def test_places_are_compared_to_7_decimals() -> None:
    assert place_hash(35.17055051, 129.1) == place_hash(35.17055049, 129.1)
    assert place_hash(35.1705505, 129.1) != place_hash(35.1705506, 129.1)


def test_zero_has_no_sign() -> None:
    assert place_hash(-0.0, -0.000_000_01) == place_hash(0.0, 0.0)


def test_buckets_never_change() -> None:
    """They are stored with every subscription: these values are fixed for ever."""
    assert [delivery_bucket(each) for each in ("D-1", "D-2", "D-3")] == [118, 94, 107]
