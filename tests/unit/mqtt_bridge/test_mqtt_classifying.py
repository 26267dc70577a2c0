"""A message becomes a truck's points or a reason why it can't be used, and never an exception."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_bridge.classifying import Classification, Message, classify
from mqtt_bridge.topics import result_topic, truck_of
from rtdts.ingest import messages
from rtdts.ingest.intake import ValidatedBody
from rtdts.ingest.messages import Fault
from rtdts.tracking.stream_codec import decode_point
from rtdts.tracking.telemetry import MAX_POINTS
from tests.support.mqtt_topics import owntracks_topic, telemetry_topic
from tests.support.telemetry_points import telemetry_point

EVENTS = Path(__file__).parents[2] / "events"
NOW_MS = 1_795_503_168_120
LIMIT_BYTES = 200_000


def point(truck_id: str = "T-1", **fields: Any) -> dict[str, Any]:
    return telemetry_point(NOW_MS, truck_id, **fields)


def classified(
    payload: bytes,
    topic: str = "trucks/T-1/telemetry",
    content_type: str = "",
    revoked: str = "",
) -> Classification:
    return classify(
        Message(topic, payload, 1, content_type),
        received_at_ms=NOW_MS,
        zone=ZoneInfo("Asia/Seoul"),
        max_body_bytes=LIMIT_BYTES,
        is_revoked=lambda truck_id: truck_id == revoked,
    )


@pytest.mark.parametrize("payload", [b"x", json.dumps(point()).encode()])
def test_no_message_of_a_revoked_truck_is_accepted(payload: bytes) -> None:
    verdict = classified(payload, revoked="T-1").verdict

    assert isinstance(verdict, Fault)
    assert (verdict.reason, verdict.is_parked) == (messages.REVOKED, False)
    assert isinstance(
        classified(json.dumps(point()).encode(), revoked="T-2").verdict, ValidatedBody
    )


@pytest.mark.parametrize("content_type", ["", "application/gzip"])
def test_the_points_are_those_that_http_accepts_with_mqtt_as_their_source(
    content_type: str,
) -> None:
    body = json.dumps({"positions": [point(seq=1), point(seq=2)]}).encode()
    payload = gzip.compress(body) if content_type else body

    classification = classified(payload, content_type=content_type)

    assert classification.truck_id == "T-1"
    assert isinstance(classification.verdict, ValidatedBody)
    points = [decode_point(one) for one in classification.verdict.payloads]
    assert [(one.seq, one.source, one.received_at_ms) for one in points] == [
        (1, "mqtt", NOW_MS),
        (2, "mqtt", NOW_MS),
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", messages.UNREADABLE),
        (b"\xff", messages.UNREADABLE),
        (json.dumps(point("T-2")).encode(), messages.FOREIGN_TRUCK),
        (b" " * (LIMIT_BYTES + 1), messages.TOO_LARGE),
        (
            json.dumps({"positions": [point()] * (MAX_POINTS + 1)}).encode(),
            messages.TOO_MANY_POINTS,
        ),
    ],
    ids=["empty", "binary", "foreign", "large", "many"],
)
def test_an_unusable_message_has_a_reason(payload: bytes, reason: str) -> None:
    verdict = classified(payload).verdict

    assert isinstance(verdict, Fault)
    assert verdict.reason == reason


@pytest.mark.parametrize(
    "topic", ["trucks/T-1/telemetry/result", "trucks//telemetry", "trucks/a b/telemetry", "x"]
)
def test_a_topic_of_no_truck_has_no_truck_id(topic: str) -> None:
    classification = classified(json.dumps(point()).encode(), topic=topic)

    assert classification.truck_id is None
    assert isinstance(classification.verdict, Fault)


def test_an_unexpected_error_makes_only_its_own_message_unusable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(messages, "validate_body", fail)

    verdict = classified(json.dumps(point()).encode()).verdict

    assert isinstance(verdict, Fault)
    assert verdict.reason == messages.UNJUDGED


@given(payload=st.binary(max_size=300), content_type=st.sampled_from(["", "application/gzip"]))
def test_no_message_makes_classifying_raise(payload: bytes, content_type: str) -> None:
    assert classified(payload, content_type=content_type).truck_id == "T-1"


@given(st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z"))
def test_the_truck_is_read_from_its_topic(truck_id: str) -> None:
    assert truck_of(telemetry_topic(truck_id)) == truck_id
    assert truck_of(result_topic(truck_id)) is None


BOOKLETS_LOCATION = json.loads((EVENTS / "http_api_owntracks.json").read_text())["body"].encode()
"""Verbatim, of 2017: https://owntracks.org/booklet/features/traccar."""
BOOKLET_MS = 1_497_508_651_000


def classified_of_phone(
    payload: bytes, *, revoked: str = "", now_ms: int = BOOKLET_MS
) -> Classification:
    return classify(
        Message(owntracks_topic("T-1", "phone"), payload, 1),
        received_at_ms=now_ms,
        zone=ZoneInfo("Asia/Seoul"),
        max_body_bytes=LIMIT_BYTES,
        is_revoked=lambda truck_id: truck_id == revoked,
    )


def test_a_location_of_owntracks_is_a_point_of_the_truck_in_its_topic() -> None:
    classification = classified_of_phone(BOOKLETS_LOCATION)

    assert classification.truck_id == "T-1"
    assert isinstance(classification.verdict, ValidatedBody)
    (point,) = map(decode_point, classification.verdict.payloads)
    assert (point.truck_id, point.source, point.recorded_at_ms) == ("T-1", "mqtt", BOOKLET_MS)
    assert (point.lat, point.lon, point.heading_deg) == (48.85833, 2.29513, 271)


def test_a_phone_has_no_result_topic_and_a_truck_has_its_own() -> None:
    assert classified_of_phone(BOOKLETS_LOCATION).result_topic is None
    assert classified(json.dumps(point()).encode()).result_topic == result_topic("T-1")


@pytest.mark.parametrize(
    "payload", [b'{"_type":"lwt"}', b"", b'{"_type":"transition","tst":1,"event":"enter"}']
)
def test_a_phones_message_without_a_position_has_no_verdict(payload: bytes) -> None:
    assert classified_of_phone(payload).verdict is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"nonsense", messages.UNREADABLE), (b" " * (LIMIT_BYTES + 1), messages.TOO_LARGE)],
    ids=["nonsense", "large"],
)
def test_an_unusable_message_of_a_phone_has_a_reason(payload: bytes, reason: str) -> None:
    verdict = classified_of_phone(payload).verdict

    assert isinstance(verdict, Fault)
    assert (verdict.reason, verdict.is_parked) == (reason, True)


@pytest.mark.parametrize("payload", [BOOKLETS_LOCATION, b"nonsense", b'{"_type":"lwt"}'])
def test_no_message_of_a_revoked_trucks_phone_is_accepted(payload: bytes) -> None:
    verdict = classified_of_phone(payload, revoked="T-1").verdict

    assert isinstance(verdict, Fault)
    assert (verdict.reason, verdict.is_parked) == (messages.REVOKED, False)


@given(payload=st.binary(max_size=300))
def test_no_message_of_a_phone_makes_classifying_raise(payload: bytes) -> None:
    assert classified_of_phone(payload).truck_id == "T-1"


@pytest.mark.parametrize(
    "topic", ["owntracks/T-1", "owntracks/T-1/phone/event", "owntracks//phone", "owntracks/a b/c"]
)
def test_an_owntracks_topic_of_no_phone_has_no_truck_id(topic: str) -> None:
    assert classified(BOOKLETS_LOCATION, topic=topic).truck_id is None


def test_a_phones_topic_without_a_device_is_rejected_but_has_its_truck_id() -> None:
    """So its messages share parked objects with the truck's other messages."""
    classification = classified(BOOKLETS_LOCATION, topic="owntracks/T-1/")

    assert classification.truck_id == "T-1"
    assert isinstance(classification.verdict, Fault)
    assert classification.verdict.reason == messages.FOREIGN_TOPIC
