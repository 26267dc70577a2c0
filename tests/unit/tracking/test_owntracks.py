"""OwnTracks' messages, as in its documentation and from its apps."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.owntracks import owntracks_telemetry
from rtdts.tracking.point_fields import Reason
from rtdts.tracking.telemetry import DecodedBody, UnreadableBodyError, decode_body
from tests.support.json_values import JSON

LOCATION = {"_type": "location", "lat": 48.85833, "lon": 2.29513, "tst": 1497508651}


def translated(message: object) -> DecodedBody:
    body = owntracks_telemetry(json.dumps(message).encode(), truck_id="T-1")
    assert body is not None
    return decode_body(body, truck_id="T-1", first_generation_zone=UTC)


def test_a_location_from_the_owntracks_booklet_becomes_a_point_in_our_units() -> None:
    """https://owntracks.org/booklet/features/traccar"""
    message = {
        **LOCATION,
        "cog": 271,
        "batt": 41,
        "acc": 5,
        "vel": 61,
        "vac": 21,
        "t": "u",
        "alt": 167,
        "topic": "owntracks/jane/iphone",
        "p": 71,
        "tid": "JJ",
    }
    (sent,) = translated(message).sent
    point = sent.point

    assert sent.recorded_at_ms == 1497508651_000
    assert (point.truck_id, point.lat, point.lon) == ("T-1", 48.85833, 2.29513)
    assert point.speed_mps == pytest.approx(61 / 3.6)
    assert (point.accuracy_m, point.heading_deg, point.altitude_m) == (5, 271, 167)
    assert (point.battery_pct, point.odometer_m, point.seq) == (41, None, None)


@pytest.mark.parametrize(
    "message",
    [
        {"_type": "lwt", "tst": 1380738247},
        {"_type": "transition", "wtst": 1, "lat": 46.9, "lon": 10.4, "tst": 2, "event": "enter"},
        {"_type": "waypoint", "desc": "Home", "lat": 46.9, "lon": 10.4, "rad": 50, "tst": 1},
        {"_type": "status", "android": {"hib": 1}},
        {"_type": "encrypted", "data": "ybJW3uxPUlTMZNZEvRuMIe8H"},
        {"lat": 46.9, "lon": 10.4, "tst": 2},
        {"_type": ["location"]},
    ],
)
def test_messages_of_other_types_contain_no_point(message: object) -> None:
    assert owntracks_telemetry(json.dumps(message).encode(), truck_id="T-1") is None


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_message_contains_no_point(body: bytes) -> None:
    assert owntracks_telemetry(body, truck_id="T-1") is None


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b'"x"', b"\xff", b"[" * 100_000, b"{}x"])
def test_a_message_that_is_no_json_object_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError):
        owntracks_telemetry(body, truck_id="T-1")


def test_an_invalid_reading_is_left_out() -> None:
    message = {**LOCATION, "vel": -1, "cog": -1, "acc": "near", "alt": None, "batt": 101}
    (sent,) = translated(message).sent

    assert sent.point.speed_mps is None
    assert (sent.point.heading_deg, sent.point.accuracy_m) == (None, None)
    assert (sent.point.altitude_m, sent.point.battery_pct) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"lat": 91}, "lat"),
        ({"lon": "2.29"}, "lon"),
        ({"lat": True}, "lat"),
        ({"lat": 10**400}, "lat"),
        ({"tst": None}, "recorded_at"),
        ({"tst": "1497508651"}, "recorded_at"),
        ({"tst": 1e300}, "recorded_at"),
        ({"tst": -1}, "recorded_at"),
    ],
)
def test_a_wrong_place_or_time_is_rejected_with_its_field(
    wrong: dict[str, Any], field: str
) -> None:
    decoded = translated({**LOCATION, **wrong})

    assert decoded.sent == []
    assert [each.field for each in decoded.rejected] == [field]
    assert decoded.rejected[0].reason in set(Reason)


@given(
    st.fixed_dictionaries(
        {"_type": st.just("location")},
        optional=dict.fromkeys(["tst", "lat", "lon", "acc", "vel", "cog", "alt", "batt"], JSON),
    )
)
def test_any_message_is_a_point_or_rejected(message: dict[str, Any]) -> None:
    text = json.dumps(message).encode("utf-8", "surrogatepass")
    try:
        body = owntracks_telemetry(text, truck_id="T-1")
    except UnreadableBodyError:
        return
    assert body is not None
    decoded = decode_body(body, truck_id="T-1", first_generation_zone=UTC)

    assert len(decoded.sent) + len(decoded.rejected) == 1
