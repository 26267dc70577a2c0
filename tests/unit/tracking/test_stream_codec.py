from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.instants import MS_PER_DAY
from rtdts.tracking.positions import Clock, Point
from rtdts.tracking.stream_codec import InvalidPoint, decode_point, encode_point
from tests.support.points import make_point

AT_MS = 1_795_503_168_120
POINT = make_point("T-0012", AT_MS, 35.1705505, 129.1329985, received_at_ms=AT_MS + 880)
FULL = msgspec.structs.replace(
    POINT,
    recorded_at_ms=AT_MS + 7_200_000,
    clock=Clock.SHIFTED,
    source="mqtt",
    seq=4711,
    accuracy_m=6.5,
    speed_mps=13.2,
    heading_deg=271.0,
    altitude_m=12.0,
    satellites=9,
    hdop=0.9,
    ignition=True,
    battery_pct=80.0,
    odometer_m=123456.0,
)


def test_a_point_is_encoded_as_one_line_of_json() -> None:
    assert encode_point(POINT) == (
        b'{"v":1,"truck_id":"T-0012","recorded_at":"2026-11-24T06:52:48.120Z",'
        b'"lat":35.1705505,"lon":129.1329985,"event_at":"2026-11-24T06:52:48.120Z",'
        b'"received_at":"2026-11-24T06:52:49.000Z","clock":"device","clock_offset_ms":0,'
        b'"source":"http"}'
    )


def test_every_field_of_a_point_is_encoded_and_decoded() -> None:
    assert decode_point(encode_point(FULL)) == FULL
    assert FULL.clock_offset_ms == -7_200_000
    missing = {name for name, value in msgspec.structs.asdict(FULL).items() if value is None}
    assert not missing, "FULL must have every field"


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@given(
    st.builds(
        Point,
        truck_id=st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
        recorded_at_ms=st.just(AT_MS),
        event_at_ms=st.just(AT_MS),
        received_at_ms=st.integers(AT_MS - 30_000, AT_MS + 7 * MS_PER_DAY),
        lat=st.floats(-90, 90),
        lon=st.floats(-180, 180),
        clock=st.just(Clock.DEVICE),
        source=st.sampled_from(["http", "mqtt"]),
        seq=optional(st.integers(0, 2**63 - 1)),
        accuracy_m=optional(st.floats(0, 1e7)),
        speed_mps=optional(st.floats(0, 1000)),
        heading_deg=optional(st.floats(0, 360, exclude_max=True)),
        altitude_m=optional(st.floats(-12_000, 100_000)),
        satellites=optional(st.integers(0, 1000)),
        hdop=optional(st.floats(0, 1000)),
        ignition=optional(st.booleans()),
        battery_pct=optional(st.floats(0, 100)),
        odometer_m=optional(st.floats(0, 1e11)),
    )
)
def test_any_point_is_encoded_as_one_line_and_decoded_unchanged(point: Point) -> None:
    line = encode_point(point)

    assert decode_point(line) == point
    assert b"\n" not in line


def changed(**fields: Any) -> bytes:
    """The full point's line with these fields; ``...`` leaves one out."""
    document = json.loads(encode_point(FULL)) | fields
    return json.dumps({k: v for k, v in document.items() if v is not ...}).encode()


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"truck_id": ...}, "truck_id", "missing"),
        ({"event_at": ...}, "event_at", "missing"),
        ({"received_at": ...}, "received_at", "missing"),
        ({"clock": ...}, "clock", "missing"),
        ({"source": ...}, "source", "missing"),
        ({"v": 2}, "v", "unsupported"),
        ({"truck_id": "T 1"}, "truck_id", "malformed"),
        ({"lat": 90.1}, "lat", "out_of_range"),
        ({"lat": "35.1"}, "lat", "wrong_type"),
        ({"seq": -1}, "seq", "out_of_range"),
        ({"source": "carrier pigeon"}, "source", "unsupported"),
        ({"clock": "sundial"}, "clock", "malformed"),
        ({"event_at": "2026-11-24T06:52:48.120"}, "event_at", "no_zone"),
        ({"received_at": "yesterday"}, "received_at", "not_an_instant"),
        ({"received_at": "2026-11-24T06:52:18.119Z"}, "event_at", "out_of_range"),
        ({"received_at": "2026-12-01T06:52:48.121Z"}, "event_at", "out_of_range"),
        ({"clock_offset_ms": -7_200_001}, "clock_offset_ms", "inconsistent"),
        ({"clock": "device"}, "clock", "inconsistent"),
    ],
)
def test_invalid_points_of_other_writers_are_rejected(
    fields: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(InvalidPoint) as caught:
        decode_point(changed(**fields))

    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_a_shifted_clock_without_an_offset_is_inconsistent() -> None:
    line = encode_point(msgspec.structs.replace(POINT, clock=Clock.SHIFTED))

    with pytest.raises(InvalidPoint) as caught:
        decode_point(line)

    assert caught.value.field == "clock"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"truck_id":"T-1"', "not_json"),
        (b'{"lat":NaN}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b'"T-1"', "not_an_object"),
        (b"null", "not_an_object"),
    ],
)
def test_a_document_that_is_no_point_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidPoint) as caught:
        decode_point(data)

    assert (caught.value.field, caught.value.reason) == ("", reason)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_invalid_point(data: bytes) -> None:
    with pytest.raises(InvalidPoint):
        decode_point(data)


def test_unknown_fields_are_ignored_and_v_may_be_absent() -> None:
    assert decode_point(changed(v=..., colour="blue", nested={"a": [1]})) == FULL
