from __future__ import annotations

import base64
import json

import pytest

from rtdts.telemetry_stream.parking import (
    SEVERAL,
    Parking,
    UnusableMessage,
    stream_record_name,
)
from tests.fakes.fake_stream import FakeBucket


def test_a_parked_record_keeps_its_bytes_and_its_reason() -> None:
    bucket = FakeBucket()

    key = Parking(bucket, "parked").park(
        b"\xff not json", name="49590338.3", reason="not_json", detail="byte 0"
    )

    assert key == "rejected/49590338.3"
    assert bucket.objects[key] == (b"\xff not json", {"reason": "not_json", "detail": "byte 0"})


def test_parking_a_record_again_changes_nothing() -> None:
    bucket = FakeBucket()
    for _ in range(2):
        Parking(bucket, "parked").park(b"x", name=stream_record_name("0042", 7), reason="r")

    assert list(bucket.objects) == ["rejected/42.7"]


def test_a_sequence_number_names_the_same_record_with_and_without_leading_zeros() -> None:
    assert stream_record_name("0042") == stream_record_name("42") == "42"
    assert stream_record_name("000", 0) == "0.0"


def test_several_messages_of_a_truck_share_an_object_and_keep_their_reasons() -> None:
    bucket = FakeBucket()
    messages = [
        UnusableMessage(b"\xff", "unreadable", "byte 0"),
        UnusableMessage(b"two\nlines", "too_large", ""),
    ]
    key = Parking(bucket, "parked").park_messages(messages, truck_id="T-1")
    body, metadata = bucket.objects[key]
    lines = [json.loads(line) for line in body.splitlines()]

    assert key.startswith("rejected/message-T-1-")
    assert (metadata["reason"], metadata["partition-key"]) == (SEVERAL, "T-1")
    assert [(base64.b64decode(one["payload"]), one["reason"], one["detail"]) for one in lines] == [
        *messages
    ]


def test_a_single_message_is_parked_unchanged() -> None:
    bucket = FakeBucket()
    key = Parking(bucket, "parked").park_messages(
        [UnusableMessage(b"\xff", "unreadable", "byte 0")], truck_id="T-1"
    )

    assert bucket.objects[key].body == b"\xff"
    assert bucket.objects[key].metadata["reason"] == "unreadable"


@pytest.mark.parametrize("detail", ["트럭", "two\r\nlines", "x" * 5_000, "\ud800"])
def test_a_detail_is_converted_to_a_valid_header_value(detail: str) -> None:
    bucket = FakeBucket()
    key = Parking(bucket, "parked").park(b"x", name="1", reason="r", detail=detail)
    kept = bucket.objects[key].metadata["detail"]

    assert kept.isascii()
    assert kept.isprintable()
    assert 0 < len(kept) <= 1_000
