from __future__ import annotations

from typing import Any

import msgspec
import pytest

from rtdts.tracking.deliveries import (
    Assignment,
    Cause,
    Delivery,
    DeliveryEvent,
    FailureCode,
    Place,
    Status,
)
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.positions import ShownPoint, TrackPoint
from rtdts.tracking.viewer_messages import (
    SNAPSHOT_MAX_BYTES,
    ErrorReason,
    encode_ended,
    encode_error,
    encode_pong,
    encode_position,
    encode_snapshot,
    encode_status,
    thinned,
)
from rtdts.tracking.viewer_scope import ShownPosition
from rtdts.tracking.viewing import EndReason
from tests.support.asyncapi_schema import validate_message

SENT_AT_MS = 1_795_503_168_120  # 2026-11-24T06:52:48.120Z

DELIVERY = Delivery(
    delivery_id="D-1",
    customer_id="C-1",
    origin=Place(lat=35.1, lon=129.0),
    destination=Place(lat=35.2, lon=129.1),
    status=Status.IN_TRANSIT,
    version=4,
    assignments=(Assignment(assignment=1, truck_id="T-1", started_at_ms=SENT_AT_MS - 900_000),),
    created_at_ms=SENT_AT_MS - 900_000,
    updated_at_ms=SENT_AT_MS - 60_000,
)

POINT = ShownPoint(
    truck_id="T-1",
    recorded_at_ms=SENT_AT_MS - 3_500,
    lat=35.15000049,
    lon=129.05,
    event_at_ms=SENT_AT_MS - 2_500,
    speed_mps=13.2,
    heading_deg=271.0,
    accuracy_m=6.5,
)


def event(version: int, status: Status = Status.IN_TRANSIT) -> DeliveryEvent:
    return DeliveryEvent(
        delivery_id="D-1",
        version=version,
        status=status,
        cause=Cause.DECLARED,
        effective_at_ms=SENT_AT_MS - 60_000,
        recorded_at_ms=SENT_AT_MS - 59_000,
        assignment=1,
        truck_id="T-1",
        point_id="T-1:1:2",
        actor="dispatcher:ann",
        note="rang the bell twice",
        proof="photo-17",
        idempotency_key="k",
        request_hash="h",
    )


def decoded(message: bytes) -> dict[str, Any]:
    whole = validate_message(message)
    assert whole["v"] == 1
    assert whole["sent_at"] == "2026-11-24T06:52:48.120Z"
    return whole


def position(**changes: object) -> ShownPosition:
    return msgspec.structs.replace(ShownPosition(point=POINT), **changes)


def with_eta(
    earliest_in_ms: int = 1_000, latest_in_ms: int = 2_000, **changes: object
) -> ShownPosition:
    return position(
        eta_earliest_ms=SENT_AT_MS + earliest_in_ms,
        eta_latest_ms=SENT_AT_MS + latest_in_ms,
        eta_remaining_m=round(distance_m(POINT.lat, POINT.lon, 35.2, 129.1), 1),
        **changes,
    )


def track(count: int) -> list[TrackPoint]:
    return [
        TrackPoint(lat=35.1234567 + i / 1e5, lon=129.1234567, event_at_ms=SENT_AT_MS + i)
        for i in range(count)
    ]


def test_a_position_has_every_field_of_the_contract() -> None:
    message = decoded(encode_position(DELIVERY, position(), sent_at_ms=SENT_AT_MS))

    distance_m = message.pop("distance_remaining_m")
    assert message == {
        "type": "position",
        "v": 1,
        "sent_at": "2026-11-24T06:52:48.120Z",
        "delivery_id": "D-1",
        "status": "in_transit",
        "version": 4,
        "assignment": 1,
        "position_at": "2026-11-24T06:52:45.620Z",
        "position": {
            "lat": 35.15,
            "lon": 129.05,
            "heading_deg": 271.0,
            "speed_mps": 13.2,
            "accuracy_m": 6.5,
            "recorded_at": "2026-11-24T06:52:44.620Z",
            "age_s": 2.5,
            "stale_since": None,
        },
        "eta": None,
        "stops_before": None,
    }
    assert distance_m == pytest.approx(7_180, rel=0.01)


def test_without_a_position_its_fields_are_null_and_the_status_is_reported() -> None:
    message = decoded(encode_position(DELIVERY, None, sent_at_ms=SENT_AT_MS))

    assert message["position"] is None
    assert message["position_at"] is None
    assert message["distance_remaining_m"] is None
    assert message["status"] == "in_transit"


def test_a_stale_position_has_the_time_since_when_it_is_stale() -> None:
    stale = position(stale_since_ms=SENT_AT_MS - 1_000)

    message = decoded(encode_position(DELIVERY, stale, sent_at_ms=SENT_AT_MS))

    assert message["position"]["stale_since"] == "2026-11-24T06:52:47.120Z"


def test_no_age_is_negative() -> None:
    message = decoded(
        encode_position(
            DELIVERY,
            position(point=msgspec.structs.replace(POINT, event_at_ms=SENT_AT_MS + 20_000)),
            sent_at_ms=SENT_AT_MS,
        )
    )

    assert message["position"]["age_s"] == 0


@pytest.mark.parametrize(
    "status", [Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP, Status.AT_PICKUP, Status.DELIVERED]
)
def test_distance_and_eta_are_reported_only_while_the_cargo_is_under_way(status: Status) -> None:
    elsewhere = msgspec.structs.replace(DELIVERY, status=status)

    message = decoded(encode_position(elsewhere, with_eta(), sent_at_ms=SENT_AT_MS))

    assert message["distance_remaining_m"] is None
    assert message["eta"] is None


@pytest.mark.parametrize("status", [Status.IN_TRANSIT, Status.NEARBY])
def test_position_and_snapshot_carry_the_eta_range_when_the_truck_is_on_its_way(
    status: Status,
) -> None:
    delivery = msgspec.structs.replace(DELIVERY, status=status)
    expected = {"earliest": "2026-11-24T06:52:49.120Z", "latest": "2026-11-24T06:52:50.120Z"}

    message = decoded(encode_position(delivery, with_eta(), sent_at_ms=SENT_AT_MS))
    snapshot = decoded(encode_snapshot(delivery, [], with_eta(), [], sent_at_ms=SENT_AT_MS))

    assert message["eta"] == expected
    assert snapshot["eta"] == expected


def test_eta_is_null_when_the_truck_has_arrived() -> None:
    arrived = msgspec.structs.replace(DELIVERY, status=Status.ARRIVED)

    message = decoded(encode_position(arrived, with_eta(), sent_at_ms=SENT_AT_MS))

    assert message["distance_remaining_m"] is not None
    assert message["eta"] is None


def test_eta_is_null_when_the_position_is_stale() -> None:
    stale = with_eta(stale_since_ms=SENT_AT_MS - 1_000)

    message = decoded(encode_position(DELIVERY, stale, sent_at_ms=SENT_AT_MS))

    assert message["eta"] is None


def test_eta_is_null_when_the_destination_has_changed_since() -> None:
    moved = msgspec.structs.replace(DELIVERY, destination=Place(lat=35.21, lon=129.1))

    message = decoded(encode_position(moved, with_eta(), sent_at_ms=SENT_AT_MS))

    assert message["distance_remaining_m"] is not None
    assert message["eta"] is None


@pytest.mark.parametrize(
    ("earliest_in_ms", "latest_in_ms", "expected"),
    [
        (1_000, 2_000, ("2026-11-24T06:52:49.120Z", "2026-11-24T06:52:50.120Z")),
        (-5_000, 2_000, ("2026-11-24T06:52:48.120Z", "2026-11-24T06:52:50.120Z")),
        (-5_000, 0, ("2026-11-24T06:52:48.120Z", "2026-11-24T06:52:48.120Z")),
        (-5_000, -1, None),
    ],
)
def test_no_eta_lies_in_the_past(
    earliest_in_ms: int, latest_in_ms: int, expected: tuple[str, str] | None
) -> None:
    shown = with_eta(earliest_in_ms, latest_in_ms)

    message = decoded(encode_position(DELIVERY, shown, sent_at_ms=SENT_AT_MS))

    assert message["eta"] == (
        None if expected is None else {"earliest": expected[0], "latest": expected[1]}
    )


def test_a_snapshot_reports_the_log_without_its_details_and_the_track() -> None:
    events = [event(1, Status.ASSIGNED), event(4)]

    message = decoded(
        encode_snapshot(DELIVERY, events, position(), track(2), sent_at_ms=SENT_AT_MS)
    )

    assert message["type"] == "snapshot"
    assert message["events"] == [
        {
            "version": version,
            "status": status,
            "effective_at": "2026-11-24T06:51:48.120Z",
            "cause": "declared",
        }
        for version, status in [(1, "assigned"), (4, "in_transit")]
    ]
    assert message["track"] == [
        [35.123457, 129.123457, SENT_AT_MS],
        [35.123467, 129.123457, SENT_AT_MS + 1],
    ]
    assert message["position"]["lat"] == 35.15


def test_a_snapshot_omits_events_that_are_newer_than_its_version() -> None:
    message = decoded(
        encode_snapshot(DELIVERY, [event(4), event(5)], None, [], sent_at_ms=SENT_AT_MS)
    )

    assert [one["version"] for one in message["events"]] == [4]


@pytest.mark.parametrize(
    ("points", "events"), [(5_000, 4), (800, 4), (900, 200), (0, 900), (2, 900)]
)
def test_a_snapshot_never_exceeds_its_limit_and_wastes_little_of_it(
    points: int, events: int
) -> None:
    longer = msgspec.structs.replace(DELIVERY, version=events)

    message = encode_snapshot(
        longer,
        [event(version) for version in range(1, events + 1)],
        position(),
        track(points),
        sent_at_ms=SENT_AT_MS,
    )

    assert len(message) <= SNAPSHOT_MAX_BYTES
    whole = decoded(message)
    assert whole["events"][-1]["version"] == events
    if points:
        assert whole["track"][-1][2] == SENT_AT_MS + points - 1
    if points > 1_000:
        assert whole["track"][0][2] == SENT_AT_MS
        assert len(message) > SNAPSHOT_MAX_BYTES * 0.95


def test_thinning_keeps_both_ends_and_the_order() -> None:
    thin = thinned(track(1_000), 10)

    assert len(thin) == 10
    assert thin[0] == track(1_000)[0]
    assert thin[-1] == track(1_000)[-1]
    assert list(thin) == sorted(thin, key=lambda point: point.event_at_ms)
    assert thinned(track(3), 10) == tuple(track(3))
    assert thinned(track(3), 1) == (track(3)[-1],)
    assert thinned(track(3), 0) == ()


def test_a_status_reports_the_event_without_its_details() -> None:
    message = decoded(encode_status(event(4), sent_at_ms=SENT_AT_MS))

    assert message == {
        "type": "status",
        "v": 1,
        "sent_at": "2026-11-24T06:52:48.120Z",
        "delivery_id": "D-1",
        "status": "in_transit",
        "version": 4,
        "assignment": 1,
        "effective_at": "2026-11-24T06:51:48.120Z",
        "cause": "declared",
        "stops_before": None,
        "failure_code": None,
    }


def test_stops_and_the_code_of_a_failure_are_reported() -> None:
    failed = msgspec.structs.replace(event(4), failure_code=FailureCode.NOBODY_HOME)
    of_failed = msgspec.structs.replace(DELIVERY, failure_code=FailureCode.NOBODY_HOME)
    status = decoded(encode_status(failed, sent_at_ms=SENT_AT_MS, stops_before=2))
    update = decoded(encode_position(DELIVERY, None, sent_at_ms=SENT_AT_MS, stops_before=0))
    snapshot = decoded(
        encode_snapshot(of_failed, [], None, [], sent_at_ms=SENT_AT_MS, stops_before=3)
    )

    assert (status["stops_before"], status["failure_code"]) == (2, "nobody_home")
    assert update["stops_before"] == 0
    assert (snapshot["stops_before"], snapshot["failure_code"]) == (3, "nobody_home")


def test_the_details_of_a_cause_reach_no_viewer() -> None:
    output = encode_status(event(4), sent_at_ms=SENT_AT_MS) + encode_snapshot(
        DELIVERY, [event(4)], position(), [], sent_at_ms=SENT_AT_MS
    )

    for secret in [b"ann", b"bell", b"photo", b"T-1", b"C-1"]:
        assert secret not in output


def test_the_short_messages_have_exactly_their_fields() -> None:
    base = {"v": 1, "sent_at": "2026-11-24T06:52:48.120Z"}

    assert decoded(
        encode_ended("D-1", EndReason.NO_LONGER_YOURS, sent_at_ms=SENT_AT_MS)
    ) == base | {"type": "ended", "delivery_id": "D-1", "reason": "no_longer_yours"}
    assert decoded(
        encode_error(ErrorReason.NOT_FOUND, delivery_id="D-1", sent_at_ms=SENT_AT_MS)
    ) == base | {"type": "error", "delivery_id": "D-1", "reason": "not_found"}
    assert decoded(encode_error(ErrorReason.BAD_REQUEST, sent_at_ms=SENT_AT_MS)) == base | {
        "type": "error",
        "reason": "bad_request",
    }
    assert decoded(encode_pong(sent_at_ms=SENT_AT_MS)) == base | {"type": "pong"}
