"""A snapshot of the fleet: its rows, and that it fits one frame whatever it contains."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.deliveries import Status
from rtdts.tracking.fleet_messages import (
    FRAME_MAX_BYTES,
    LATE,
    OFFLINE,
    STALE,
    Ages,
    FleetCluster,
    FleetSnapshot,
    FleetTruck,
    cluster_rows,
    encode_fleet,
    truck_rows,
)
from rtdts.tracking.fleet_view import MAX_CLUSTERS, MAX_PRECISION
from tests.support.asyncapi_schema import validate_message
from tests.support.deliveries import NOW_MS

AGES = Ages(stale_after_ms=120_000, offline_after_ms=600_000)
LONGEST = "x" * 64


def truck(truck_id: str = "T-1", **changed: object) -> FleetTruck:
    values: dict[str, object] = {
        "truck_id": truck_id,
        "lat": 35.1705505,
        "lon": 129.1329985,
        "at_ms": NOW_MS - 2_000,
        "received_at_ms": NOW_MS - 1_000,
    }
    return FleetTruck(**(values | changed))  # type: ignore[arg-type]


def snapshot(*trucks: FleetTruck) -> bytes:
    rows = truck_rows(trucks, AGES, as_of_ms=NOW_MS)
    assert rows is not None
    one = FleetSnapshot(as_of_ms=NOW_MS, total=len(trucks), trucks=rows)
    return encode_fleet(one, view="v7", sent_at_ms=NOW_MS + 100)


def test_a_row_shows_position_and_status_of_a_truck() -> None:
    busy = truck(
        "T-2",
        heading_deg=271.4,
        speed_mps=13.24,
        delivery_id="D-1",
        status=Status.IN_TRANSIT,
        late_from_ms=NOW_MS,
    )
    message = validate_message(snapshot(busy, truck("T-1")))

    assert message["trucks"] == [
        ["T-1", 35.17055, 129.133, None, None, NOW_MS - 2_000, None, None, 0],
        ["T-2", 35.17055, 129.133, 271, 13.2, NOW_MS - 2_000, "in_transit", "D-1", LATE],
    ]
    assert (message["view"], message["total"], message["clusters"]) == ("v7", 2, [])
    assert message["sent_at"] > message["as_of"]


@pytest.mark.parametrize(
    ("changed", "flags"),
    [
        ({}, 0),
        ({"late_from_ms": NOW_MS + 1}, 0),
        ({"late_from_ms": NOW_MS}, LATE),
        ({"at_ms": NOW_MS - 120_000}, 0),
        ({"at_ms": NOW_MS - 120_001}, STALE),
        ({"received_at_ms": NOW_MS - 600_000, "at_ms": NOW_MS - 600_000}, STALE),
        ({"received_at_ms": NOW_MS - 600_001, "at_ms": NOW_MS - 600_001}, STALE + OFFLINE),
    ],
)
def test_flags_are_as_of_the_snapshot(changed: dict[str, Any], flags: int) -> None:
    assert AGES.flags(truck(**changed), NOW_MS) == flags


@st.composite
def trucks(draw: st.DrawFn) -> FleetTruck:
    number = st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e300)
    return FleetTruck(
        truck_id=draw(st.text("abcXYZ09._-", min_size=1, max_size=64)),
        lat=draw(st.floats(-90, 90)),
        lon=draw(st.floats(-180, 180)),
        at_ms=draw(st.integers(0, 2**53)),
        received_at_ms=draw(st.integers(0, 2**53)),
        heading_deg=draw(st.none() | st.floats(0, 360)),
        speed_mps=draw(st.none() | number),
        delivery_id=draw(st.none() | st.just(LONGEST)),
        status=draw(st.none() | st.sampled_from(list(Status))),
        late_from_ms=draw(st.none() | st.integers(0, 2**53)),
    )


@given(shown=st.lists(trucks(), max_size=5), copies=st.integers(1, 200))
def test_rows_of_single_trucks_fit_one_frame_or_are_none(
    shown: list[FleetTruck], copies: int
) -> None:
    rows = truck_rows(shown * copies, AGES, as_of_ms=NOW_MS)
    if rows is None:
        assert len(shown) * copies > 40
        return
    one = FleetSnapshot(as_of_ms=NOW_MS, total=10**9, trucks=rows)
    message = encode_fleet(one, view=LONGEST, sent_at_ms=NOW_MS)

    assert len(message) <= FRAME_MAX_BYTES


def test_a_frame_has_room_for_400_ordinary_trucks_or_150_with_the_longest_ids() -> None:
    ordinary = [
        truck(
            f"T-{number:05d}",
            heading_deg=271.0,
            speed_mps=13.2,
            delivery_id=f"D-{number:05d}",
            status=Status.IN_TRANSIT,
        )
        for number in range(400)
    ]
    longest = [
        truck(
            LONGEST,
            lat=-35.12345,
            lon=-129.12345,
            heading_deg=271.0,
            speed_mps=13.2,
            delivery_id=LONGEST,
            status=Status.EN_ROUTE_TO_PICKUP,
        )
    ] * 150

    assert truck_rows(ordinary, AGES, as_of_ms=NOW_MS) is not None
    assert truck_rows(longest, AGES, as_of_ms=NOW_MS) is not None
    assert truck_rows(longest * 2, AGES, as_of_ms=NOW_MS) is None


def test_the_longest_possible_clusters_fit_one_frame() -> None:
    corner = 2**MAX_PRECISION - 1
    longest = FleetCluster(
        f"{MAX_PRECISION}/{corner}/{corner}",
        -85.123456789,
        -179.123456789,
        *(999_999_999,) * 4,
    )
    one = FleetSnapshot(
        as_of_ms=NOW_MS, total=10**12, clusters=cluster_rows([longest] * (MAX_CLUSTERS + 9))
    )
    message = encode_fleet(one, view=LONGEST, sent_at_ms=NOW_MS)

    assert len(message) <= FRAME_MAX_BYTES
    assert len(validate_message(message)["clusters"]) == MAX_CLUSTERS


def test_snapshots_that_differ_only_in_their_time_show_the_same() -> None:
    early = FleetSnapshot(as_of_ms=NOW_MS, total=1, trucks=b"[1]")
    late = FleetSnapshot(as_of_ms=NOW_MS + 1, total=1, trucks=b"[1]")

    assert early.shows_the_same_as(late)
    assert not early.shows_the_same_as(FleetSnapshot(as_of_ms=NOW_MS, total=1, trucks=b"[2]"))
    assert not early.shows_the_same_as(FleetSnapshot(as_of_ms=NOW_MS, total=2, trucks=b"[1]"))
    assert not early.shows_the_same_as(
        FleetSnapshot(as_of_ms=NOW_MS, total=1, trucks=b"[1]", clusters=b"[1]")
    )
