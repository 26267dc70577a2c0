"""Traccar Client's messages, as in the tests of its server."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.instants import parse_instant
from rtdts.tracking.telemetry import DecodedBody, UnreadableBodyError, decode_body
from rtdts.tracking.traccar_client import read_traccar_message, traccar_telemetry
from tests.support.json_values import JSON

# traccar/traccar, OsmAndProtocolDecoderTest.testDecodeJson: the first is Android's template, the
# second an iOS simulator's whole record, the third a phone in a car.
FROM_ANDROID = (
    '{"location":{"timestamp":"2025-06-15T13:45:12.862Z","coords":{"latitude":37.4219983,'
    '"longitude":-122.084,"accuracy":5,"speed":0,"heading":-1,"altitude":5},"is_moving":false,'
    '"odometer":0,"event":"motionchange","battery":{"level":1,"is_charging":false},"activity":'
    '{"type":"still"},"extras":{},"_":"&id=48241179&lat=37.4219983&lon=-122.084&'
    'timestamp=2025-06-15T13:45:12.862Z&"},"device_id":"48241179"}'
)
FROM_IOS = (
    '{"location":{"extras":{},"mock":true,"coords":{"speed_accuracy":-1,"speed":-1,"longitude":'
    '-122.406417,"ellipsoidal_altitude":0,"floor":null,"heading_accuracy":-1,"latitude":'
    '37.785834000000001,"accuracy":5,"altitude_accuracy":-1,"altitude":0,"heading":-1},"is_moving":'
    'false,"age":188,"odometer":0,"uuid":"2FB04C65-99CF-42AB-8DD3-EBCB4B108BF8","event":'
    '"motionchange","battery":{"level":-1,"is_charging":false},"activity":{"type":"unknown",'
    '"confidence":100},"timestamp":"2025-05-09T04:11:30.579Z"},"device_id":"658765"}'
)
FROM_A_CAR = (
    '{"location":{"event":"motionchange","is_moving":false,"uuid":'
    '"0e9a2473-a9a7-4c00-997b-fb97d2154e75","timestamp":"2021-07-21T08:06:34.444Z","odometer":0,'
    '"coords":{"latitude":-6.1148096,"longitude":106.6837015,"accuracy":3.8,"speed":18.67,'
    '"speed_accuracy":0.26,"heading":63,"heading_accuracy":0.28,"altitude":35.7,'
    '"altitude_accuracy":3.8},"activity":{"type":"still","confidence":100},"battery":'
    '{"is_charging":false,"level":0.79},"extras":{}},"device_id":"8737767034"}'
)


def translated(text: str) -> DecodedBody:
    body = traccar_telemetry(read_traccar_message(text.encode()), truck_id="T-1")
    assert body is not None
    return decode_body(body, truck_id="T-1", first_generation_zone=UTC)


def test_a_message_of_a_phone_in_a_car_becomes_a_point_in_our_units() -> None:
    (sent,) = translated(FROM_A_CAR).sent
    point = sent.point

    assert sent.recorded_at_ms == parse_instant("2021-07-21T08:06:34.444Z")
    assert (point.truck_id, point.lat, point.lon) == ("T-1", -6.1148096, 106.6837015)
    assert (point.speed_mps, point.heading_deg, point.accuracy_m) == (18.67, 63, 3.8)
    assert (point.altitude_m, point.odometer_m) == (35.7, 0)
    assert point.battery_pct == pytest.approx(79)


@pytest.mark.parametrize(("text", "device_id"), [(FROM_ANDROID, "48241179"), (FROM_IOS, "658765")])
def test_minus_one_means_no_reading(text: str, device_id: str) -> None:
    (sent,) = translated(text).sent

    assert read_traccar_message(text.encode()).device_id == device_id
    assert sent.point.heading_deg is None
    assert sent.point.battery_pct == (100 if text == FROM_ANDROID else None)
    assert sent.point.speed_mps == (0 if text == FROM_ANDROID else None)


def test_a_message_without_a_location_contains_no_point() -> None:
    assert traccar_telemetry(read_traccar_message(b'{"device_id":"1"}'), truck_id="T-1") is None


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense", b"[]", b"{}", b'{"device_id":1}', b"\xff", b'{"device_id":null}'],
)
def test_a_message_without_a_sender_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError):
        read_traccar_message(body)


@pytest.mark.parametrize("location", ["1", "[]", '"x"', '{"coords":[]}', "[" * 9_000 + "]" * 9_000])
def test_a_location_of_another_form_is_unreadable(location: str) -> None:
    text = f'{{"device_id":"1","location":{location}}}'

    with pytest.raises(UnreadableBodyError):
        traccar_telemetry(read_traccar_message(text.encode()), truck_id="T-1")


@pytest.mark.parametrize(
    ("location", "field"),
    [
        ({}, "recorded_at"),
        ({"timestamp": "noon", "coords": {"latitude": 1, "longitude": 1}}, "recorded_at"),
        ({"timestamp": 1497508651}, "recorded_at"),
        ({"timestamp": "2026-11-24T07:00:00Z"}, "lat"),
        ({"timestamp": "2026-11-24T07:00:00Z", "coords": {"latitude": 1}}, "lon"),
    ],
)
def test_a_missing_place_or_time_is_rejected_with_its_field(
    location: dict[str, Any], field: str
) -> None:
    decoded = translated(json.dumps({"device_id": "1", "location": location}))

    assert decoded.sent == []
    assert [each.field for each in decoded.rejected] == [field]


NUMBERS = dict.fromkeys(["latitude", "longitude", "accuracy", "speed", "heading", "altitude"], JSON)


@given(
    st.fixed_dictionaries(
        {"coords": st.fixed_dictionaries({}, optional=NUMBERS)},
        optional={"timestamp": JSON, "battery": JSON, "odometer": JSON},
    )
)
def test_any_location_is_a_point_or_rejected(location: dict[str, Any]) -> None:
    text = json.dumps({"device_id": "1", "location": location}).encode("utf-8", "surrogatepass")
    try:
        body = traccar_telemetry(read_traccar_message(text), truck_id="T-1")
    except UnreadableBodyError:
        return
    assert body is not None
    decoded = decode_body(body, truck_id="T-1", first_generation_zone=UTC)

    assert len(decoded.sent) + len(decoded.rejected) == 1
