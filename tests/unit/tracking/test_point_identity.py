from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.fixes import fix_of
from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_fields import TelemetryPoint
from rtdts.tracking.point_identity import place_hash, point_id
from rtdts.tracking.positions import Clock
from rtdts.tracking.stamping import stamp
from rtdts.tracking.stream_codec import decode_point, encode_point
from rtdts.tracking.telemetry import SentPoint
from tests.support.points import make_point

POINT = make_point(
    "T-1",
    1_795_503_168_120,
    35.1705505,
    129.1329985,
    received_at_ms=1_795_503_169_000,
    seq=4711,
)


def test_the_id_of_a_numbered_point_has_its_truck_time_and_number() -> None:
    assert point_id(POINT) == "T-1:1795503168120:4711"


def test_number_0_is_a_number() -> None:
    assert point_id(msgspec.structs.replace(POINT, seq=0)) == "T-1:1795503168120:0"


def test_the_id_of_a_point_without_a_number_has_a_hash_of_its_place() -> None:
    # printf '35.1705505,129.1329985' | sha256sum
    unnumbered = msgspec.structs.replace(POINT, seq=None)

    assert point_id(unnumbered) == "T-1:1795503168120:hafe8aac38809cfdb"


@pytest.mark.parametrize(
    "change",
    [
        {"event_at_ms": 1, "clock": Clock.SHIFTED},
        {"received_at_ms": 2},
        {"source": "mqtt"},
        {"speed_mps": 3.0},
    ],
)
def test_a_points_id_depends_neither_on_stamping_nor_on_its_source(change: dict[str, int]) -> None:
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


NOW_MS = POINT.received_at_ms
DAY_MS = 86_400_000
TRUCKS = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
SENT = st.builds(
    lambda truck_id, at_ms, lat, lon, seq: SentPoint(
        0,
        at_ms,
        TelemetryPoint(
            truck_id=truck_id, recorded_at=format_instant(at_ms), lat=lat, lon=lon, seq=seq
        ),
        "recorded_at",
    ),
    TRUCKS,
    st.integers(NOW_MS - 6 * DAY_MS, NOW_MS + 9_000 * DAY_MS),  # its clock may be years ahead
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.none() | st.integers(0, 2**63 - 1),
)


@given(SENT, st.integers(0, DAY_MS), st.integers(0, DAY_MS))
def test_a_points_id_is_the_same_over_every_path_and_for_every_copy(
    sent: SentPoint, first_ms: int, again_ms: int
) -> None:
    (by_http,) = stamp([sent], received_at_ms=NOW_MS + first_ms, source="http").points
    (by_mqtt,) = stamp([sent], received_at_ms=NOW_MS + again_ms, source="mqtt").points
    fix = fix_of(decode_point(encode_point(by_mqtt)))

    assert point_id(by_http) == point_id(by_mqtt) == point_id(fix) == fix.point_id


@given(st.lists(SENT, max_size=10))
def test_two_points_share_an_id_only_when_truck_time_and_number_or_place_are_equal(
    sent: list[SentPoint],
) -> None:
    points = [stamp([one], received_at_ms=NOW_MS, source="http").points[0] for one in sent]
    ids = [point_id(one) for one in points]

    # Every id can be read back: none of its parts can contain the colon between them.
    assert [one.rsplit(":", 2) for one in ids] == [
        [
            one.truck_id,
            str(one.recorded_at_ms),
            place_hash(one.lat, one.lon) if one.seq is None else str(one.seq),
        ]
        for one in points
    ]
    assert all(one.count(":") == 2 for one in ids)


@given(st.lists(SENT, max_size=10), st.randoms(use_true_random=False), st.booleans())
def test_fixes_have_one_order_in_whatever_order_they_arrive(
    sent: list[SentPoint], rng: random.Random, at_once: bool
) -> None:
    points = [stamp([one], received_at_ms=NOW_MS, source="http").points[0] for one in sent]
    if at_once:
        points = [msgspec.structs.replace(one, event_at_ms=NOW_MS) for one in points]
    fixes = list({fix.point_id: fix for fix in map(fix_of, points)}.values())
    shuffled = rng.sample(fixes, len(fixes))

    ordered = sorted(shuffled, key=lambda fix: fix.order)

    assert ordered == sorted(fixes, key=lambda fix: fix.order)
    assert [fix.event_at_ms for fix in ordered] == sorted(fix.event_at_ms for fix in fixes)
    assert all(a.order < b.order for a, b in itertools.pairwise(ordered))
