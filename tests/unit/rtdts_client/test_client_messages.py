"""A frame that breaks the contract is ignored; none makes the client fail."""

import json
from typing import Any

import pytest

from rtdts_client.messages import ABSENT, PositionUpdate, Snapshot, parse_message

AT = "2026-11-24T07:11:00.050Z"
POSITION: dict[str, Any] = {
    "v": 1,
    "type": "position",
    "sent_at": AT,
    "delivery_id": "D-1",
    "status": "in_transit",
    "version": 3,
    "assignment": 1,
    "position_at": None,
    "position": None,
    "distance_remaining_m": None,
    "eta": None,
}
PLACE = {
    "lat": 35,
    "lon": 129.1,
    "heading_deg": None,
    "speed_mps": 3,
    "accuracy_m": None,
    "recorded_at": AT,
    "age_s": 1,
    "stale_since": None,
}


def test_a_message_that_follows_the_contract_is_parsed() -> None:
    read = parse_message(json.dumps({**POSITION, "position": PLACE, "position_at": AT}))

    assert isinstance(read, PositionUpdate)
    assert read.position is not None
    assert (read.version, read.position.lat, read.position.speed_mps) == (3, 35.0, 3.0)
    assert read.stops_before is ABSENT


def test_a_null_differs_from_a_missing_field() -> None:
    snapshot = {**POSITION, "type": "snapshot", "events": [], "track": [[35, 129, 1795]]}
    read = parse_message(json.dumps({**snapshot, "stops_before": None}))

    assert isinstance(read, Snapshot)
    assert read.stops_before is None
    assert read.failure_code is ABSENT


@pytest.mark.parametrize(
    "frame",
    [
        "not JSON",
        "null",
        "[]",
        '"text"',
        "{}",
        '{"message":"Internal server error"}',
        '{"type":"a_later_type"}',
        '{"type":["position"]}',
        json.dumps({**POSITION, "version": "3"}),
        json.dumps({**POSITION, "version": True}),
        json.dumps({**POSITION, "version": 3.5}),
        json.dumps({**POSITION, "sent_at": "yesterday"}),
        json.dumps({**POSITION, "sent_at": "2026-11-24T07:11:00"}),
        json.dumps({**POSITION, "position": {"lat": 1, "lon": 2}, "position_at": AT}),
        json.dumps({**POSITION, "position": PLACE}),
        json.dumps({**POSITION, "position": {**PLACE, "lat": float("nan")}, "position_at": AT}),
        json.dumps({**POSITION, "distance_remaining_m": 10**400}),
        json.dumps({**POSITION, "eta": {"earliest": "soon"}}),
        json.dumps({**POSITION, "stops_before": "many"}),
        json.dumps({**POSITION, "type": "snapshot", "events": [], "track": [["a", "b", "c"]]}),
        json.dumps({**POSITION, "type": "snapshot", "events": {}, "track": []}),
        json.dumps({**POSITION, "type": "status"}),
        "9" * 5000,
        "[" * 100_000,
    ],
    ids=lambda frame: frame[:60],
)
def test_a_frame_that_breaks_the_contract_is_ignored(frame: str) -> None:
    assert parse_message(frame) is None
