from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.instants import format_instant
from rtdts.tracking.telemetry import (
    DecodedBody,
    ForeignTruckError,
    TooManyPointsError,
    UnreadableBodyError,
    decode_body,
)

SEOUL = ZoneInfo("Asia/Seoul")
POINT: dict[str, Any] = {
    "v": 1,
    "truck_id": "T-0012",
    "seq": 4711,
    "recorded_at": "2026-11-24T06:52:48.120Z",
    "lat": 35.1705505,
    "lon": 129.1329985,
    "accuracy_m": 6.5,
    "speed_mps": 13.2,
    "heading_deg": 271.0,
    "altitude_m": 12.0,
    "satellites": 9,
    "hdop": 0.9,
    "ignition": True,
    "battery_pct": 80,
    "odometer_m": 123456,
}
FIRST_GENERATION: dict[str, Any] = {
    "truckId": 5,
    "timestamp": 20220524022908,
    "lon": 129.1329985,
    "lat": 35.1705505,
}


def decoded(body: Any, *, truck_id: str = "T-0012", zone: ZoneInfo = SEOUL) -> DecodedBody:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_body(data, truck_id=truck_id, first_generation_zone=zone)


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in POINT.items() if name != field}


def rejection(body: Any, truck_id: str = "T-0012") -> tuple[int, str, str]:
    """The only rejection of a body without a good point."""
    result = decoded(body, truck_id=truck_id)
    (rejected,) = result.rejected

    assert not result.sent
    return rejected.index, rejected.field, rejected.reason


def test_a_single_point_is_decoded() -> None:
    (sent,) = decoded(POINT).sent

    assert (sent.index, sent.recorded_at_ms) == (0, 1_795_503_168_120)
    assert {name: getattr(sent.point, name) for name in POINT} == POINT


def test_only_four_fields_are_required() -> None:
    needed = ("truck_id", "recorded_at", "lat", "lon")
    (sent,) = decoded({name: POINT[name] for name in needed}).sent

    assert sent.point.seq is sent.point.speed_mps is sent.point.ignition is None


def test_a_batch_keeps_its_order() -> None:
    batch = decoded({"positions": [POINT | {"seq": seq} for seq in (3, 1, 2)]})

    assert [(sent.index, sent.point.seq) for sent in batch.sent] == [(0, 3), (1, 1), (2, 2)]
    assert not batch.rejected


def test_the_first_generations_form_is_decoded() -> None:
    (sent,) = decoded(FIRST_GENERATION, truck_id="5").sent

    assert (sent.point.truck_id, sent.point.lat, sent.point.lon) == ("5", 35.1705505, 129.1329985)
    assert format_instant(sent.recorded_at_ms) == "2022-05-23T17:29:08.000Z"
    assert sent.point.recorded_at == "2022-05-23T17:29:08.000Z"
    assert sent.time_field == "timestamp"


def test_the_first_generations_zone_is_a_parameter() -> None:
    (sent,) = decoded(FIRST_GENERATION, truck_id="5", zone=ZoneInfo("UTC")).sent

    assert format_instant(sent.recorded_at_ms) == "2022-05-24T02:29:08.000Z"


def test_a_batch_may_contain_both_forms_and_only_their_bad_points_are_rejected() -> None:
    new = POINT | {"truck_id": "5"}
    batch = decoded(
        {
            "positions": [
                FIRST_GENERATION,
                new,
                FIRST_GENERATION | {"timestamp": 20220231000000},
                new | {"lat": 91},
                new,
            ]
        },
        truck_id="5",
    )

    assert [sent.index for sent in batch.sent] == [0, 1, 4]
    assert [(bad.index, bad.field, bad.reason) for bad in batch.rejected] == [
        (2, "timestamp", "not_an_instant"),
        (3, "lat", "out_of_range"),
    ]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"v": 2}, "v", "unsupported"),
        ({"v": 0}, "v", "unsupported"),
        ({"v": "1"}, "v", "wrong_type"),
        ({"v": None}, "v", "wrong_type"),
        ({"truck_id": 12}, "truck_id", "wrong_type"),
        ({"truck_id": ""}, "truck_id", "malformed"),
        ({"truck_id": "T/1"}, "truck_id", "malformed"),
        ({"truck_id": "T-1\n"}, "truck_id", "malformed"),
        ({"truck_id": "T" * 65}, "truck_id", "malformed"),
        ({"truck_id": "트럭"}, "truck_id", "malformed"),
        ({"seq": -1}, "seq", "out_of_range"),
        ({"seq": 2**63}, "seq", "out_of_range"),
        ({"seq": 1.5}, "seq", "wrong_type"),
        ({"seq": True}, "seq", "wrong_type"),
        ({"recorded_at": 1795503168120}, "recorded_at", "wrong_type"),
        ({"recorded_at": "2026-11-24T06:52:48.120"}, "recorded_at", "no_zone"),
        ({"recorded_at": "2026-11-24"}, "recorded_at", "not_an_instant"),
        ({"recorded_at": "2026-13-24T06:52:48Z"}, "recorded_at", "not_an_instant"),
        ({"lat": None}, "lat", "wrong_type"),
        ({"lat": "35.17"}, "lat", "wrong_type"),
        ({"lat": 90.000001}, "lat", "out_of_range"),
        ({"lat": -90.000001}, "lat", "out_of_range"),
        ({"lon": 180.000001}, "lon", "out_of_range"),
        ({"lon": -180.000001}, "lon", "out_of_range"),
        ({"lat": float("nan")}, "lat", "out_of_range"),
        ({"lon": float("inf")}, "lon", "out_of_range"),
        ({"speed_mps": float("-inf")}, "speed_mps", "out_of_range"),
        ({"accuracy_m": -0.1}, "accuracy_m", "out_of_range"),
        ({"speed_mps": -1}, "speed_mps", "out_of_range"),
        ({"speed_mps": 1001}, "speed_mps", "out_of_range"),
        ({"heading_deg": -0.1}, "heading_deg", "out_of_range"),
        ({"heading_deg": 360.1}, "heading_deg", "out_of_range"),
        ({"altitude_m": 1e6}, "altitude_m", "out_of_range"),
        ({"satellites": -1}, "satellites", "out_of_range"),
        ({"hdop": -1}, "hdop", "out_of_range"),
        ({"ignition": 1}, "ignition", "wrong_type"),
        ({"battery_pct": 101}, "battery_pct", "out_of_range"),
        ({"odometer_m": -1}, "odometer_m", "out_of_range"),
    ],
)
def test_a_bad_field_rejects_its_point_and_no_other(
    change: dict[str, Any], field: str, reason: str
) -> None:
    batch = decoded({"positions": [POINT, POINT | change, POINT]})

    assert [sent.index for sent in batch.sent] == [0, 2]
    assert [(bad.index, bad.field, bad.reason) for bad in batch.rejected] == [(1, field, reason)]


@pytest.mark.parametrize("field", ["truck_id", "recorded_at", "lat", "lon"])
def test_a_missing_field_is_named(field: str) -> None:
    assert rejection(without(field)) == (0, field, "missing")


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"truckId": "5"}, "truckId", "wrong_type"),
        ({"truckId": -5}, "truckId", "out_of_range"),
        ({"timestamp": "20220524022908"}, "timestamp", "wrong_type"),
        ({"timestamp": 220524022908}, "timestamp", "out_of_range"),
        ({"timestamp": 20220524022960}, "timestamp", "not_an_instant"),
        ({"lat": -91}, "lat", "out_of_range"),
    ],
)
def test_a_bad_field_of_the_first_generations_form_is_rejected_with_its_name(
    change: dict[str, Any], field: str, reason: str
) -> None:
    assert rejection(FIRST_GENERATION | change, "5") == (0, field, reason)


@pytest.mark.parametrize("value", [None, 1, "point", [], True])
def test_a_value_that_is_no_object_is_rejected_as_a_whole(value: Any) -> None:
    assert rejection({"positions": [value]}) == (0, "", "not_an_object")


@pytest.mark.parametrize(
    "bad",
    [
        b'{"lat":1e999}',
        b'{"lat":' + b"9" * 5_000 + b"}",
        b'{"truck_id":"\xff"}',
        b'{"truck_id":"\\ud800"}',
        json.dumps(POINT | {"lat": "\ud800"}).encode(),
        b'{"note":NaN}',
    ],
)
def test_values_that_break_other_decoders_reject_only_their_point(bad: bytes) -> None:
    good = json.dumps(POINT).encode()
    batch = decoded(b'{"positions":[%b,%b,%b]}' % (good, bad, good))

    assert [sent.index for sent in batch.sent] == [0, 2]
    assert [each.index for each in batch.rejected] == [1]


@pytest.mark.parametrize(
    "extra",
    [{"colour": "blue"}, {"a": {"b": [None, 1e5]}}, {"lat2": "x"}, {"\ud800": 1}, {"a": "\udfff"}],
)
def test_unknown_fields_are_ignored(extra: dict[str, Any]) -> None:
    assert len(decoded(POINT | extra).sent) == 1
    assert len(decoded(FIRST_GENERATION | extra, truck_id="5").sent) == 1
    assert len(decoded({"positions": [POINT | extra], "battery": "low"}).sent) == 1


@pytest.mark.parametrize("field", [name for name in POINT if name not in ("v", "truck_id")])
def test_null_means_absent_for_an_optional_field(field: str) -> None:
    result = decoded(POINT | {field: None})

    assert bool(result.rejected) == (field in ("recorded_at", "lat", "lon"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"[]",
        b"[1]",
        b"7",
        b"null",
        b'{"positions":[]}',
        b'{"positions":{}}',
        b'{"positions":null}',
        b'{"positions":"all of them"}',
        b'{"x":' + b"[" * 100_000,
        b"%PDF-1.4",
    ],
)
def test_a_body_that_contains_no_point_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError):
        decoded(body)


def test_500_points_are_accepted_and_501_are_too_many() -> None:
    assert len(decoded({"positions": [POINT] * 500}).sent) == 500
    for of in (POINT, POINT | {"lat": 91}, 1):
        with pytest.raises(TooManyPointsError):
            decoded({"positions": [of] * 501})


@pytest.mark.parametrize(
    "foreign",
    [
        POINT | {"truck_id": "T-0013"},
        POINT | {"truck_id": "T-0013", "lat": 91},
        POINT | {"truck_id": "T-0013", "recorded_at": "2026-11-24T06:52:48"},
        {"truck_id": "T-0013"},
        FIRST_GENERATION,
        FIRST_GENERATION | {"timestamp": 1},
        {"truckId": 5},
    ],
)
def test_a_body_with_a_good_or_bad_point_of_another_truck_is_rejected_as_a_whole(
    foreign: dict[str, Any],
) -> None:
    with pytest.raises(ForeignTruckError) as caught:
        decoded({"positions": [POINT, foreign]})

    assert caught.value.index == 1


def test_a_first_generation_truck_id_matches_only_its_plain_number() -> None:
    for truck_id in ("05", "5.0", "T-5"):
        with pytest.raises(ForeignTruckError):
            decoded(FIRST_GENERATION, truck_id=truck_id)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("\ud800"),  # valid in JSON, but not in UTF-8
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
NAMES = st.sampled_from([*POINT, *FIRST_GENERATION]) | st.sampled_from(["unknown", "\udfff"])
ANY_POINT = st.one_of(
    st.dictionaries(NAMES, JSON_VALUES),
    st.builds(lambda name, value: POINT | {name: value}, NAMES, JSON_VALUES),
    JSON_VALUES,
)


@given(st.lists(ANY_POINT | st.just(POINT), min_size=1, max_size=6))
def test_every_point_of_a_batch_is_sent_or_rejected_alone(points: list[Any]) -> None:
    """Decoding a batch gives the same results as decoding its points one by one."""
    alone: list[str] = []
    for value in points:
        try:
            result = decoded({"positions": [value]})
        except ForeignTruckError:
            alone.append("foreign")
        else:
            alone.append("sent" if result.sent else "rejected")

    if "foreign" in alone:
        with pytest.raises(ForeignTruckError):
            decoded({"positions": points})
        return
    together = decoded({"positions": points})
    assert [each.index for each in together.sent] == [
        index for index, result in enumerate(alone) if result == "sent"
    ]
    assert sorted([each.index for each in together.sent + together.rejected]) == [
        *range(len(points))
    ]


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_unreadable_or_rejected(body: bytes) -> None:
    try:
        result = decoded(body)
    except UnreadableBodyError:
        return
    assert not result.sent
