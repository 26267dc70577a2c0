"""The Lambda from the gateway's event to its response, over a stream in memory."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from ingest_lambda import handler
from ingest_lambda.bootstrap import build_app
from ingest_lambda.service import METRICS
from ingest_lambda.settings import Settings
from rtdts.runtime.settings import SettingsError
from rtdts.tracking.positions import Clock
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_devices import FakeDeviceStore
from tests.fakes.fake_stream import THROTTLED, FailSome, FakeStream, Trouble, rejected
from tests.support.aws_events import aws_event
from tests.support.ingest_on_fakes import NOW_MS, REQUIRED, Context, Lambda, point, sending

HOUR_MS = 3_600_000


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    return Lambda(monkeypatch, FakeStream())


def with_trouble(monkeypatch: pytest.MonkeyPatch, *troubles: Trouble) -> Lambda:
    return Lambda(monkeypatch, FakeStream(troubles))


@pytest.mark.parametrize("name", ["http_api_post_telemetry", "http_api_post_telemetry_gzip"])
def test_a_plain_or_compressed_batch_is_accepted_as_one_record(ingest: Lambda, name: str) -> None:
    status, body, headers = ingest(aws_event(name))
    (record,) = ingest.stream.records

    assert status == 202
    assert headers["Content-Type"] == "application/json"
    assert body == {"accepted": 2, "rejected": [], "adjusted": []}
    assert record.partition_key == "T-0012"
    assert [each.seq for each in ingest.points] == [4711, 4712]
    assert {each.received_at_ms for each in ingest.points} == {NOW_MS}
    assert {each.source for each in ingest.points} == {"http"}


def test_a_single_point_is_accepted(ingest: Lambda) -> None:
    status, body, _ = ingest(sending(point()))

    assert (status, body["accepted"]) == (202, 1)


def test_a_point_of_a_first_generation_truck_is_accepted(ingest: Lambda) -> None:
    sent = {"truckId": 5, "timestamp": 20261124155248, "lon": 129.1329985, "lat": 35.1705505}
    status, _, _ = ingest(sending(sent, sub="5"))

    assert status == 202
    assert ingest.points[0].truck_id == "5"
    assert ingest.points[0].recorded_at_ms == NOW_MS - 120


def test_the_first_generations_zone_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Lambda(monkeypatch, FakeStream(), FIRST_GENERATION_TIMEZONE="Asia/Ho_Chi_Minh")
    sent = {"truckId": 5, "timestamp": 20261124135248, "lon": 129.1329985, "lat": 35.1705505}

    assert ingest(sending(sent, sub="5"))[0] == 202
    assert ingest.points[0].recorded_at_ms == NOW_MS - 120


def test_each_point_has_a_result_of_its_own(ingest: Lambda) -> None:
    status, body, _ = ingest(
        sending(
            {
                "positions": [
                    point(8 * 24 * HOUR_MS),
                    point(25 * HOUR_MS),
                    point(lat=91),
                    point(-HOUR_MS),
                    point(10_000 - HOUR_MS),
                ]
            }
        )
    )

    assert status == 202
    assert body == {
        "accepted": 3,
        "rejected": [
            {"index": 0, "field": "recorded_at", "reason": "too_old"},
            {"index": 2, "field": "lat", "reason": "out_of_range"},
        ],
        "adjusted": [{"index": 3, "offset_ms": -HOUR_MS}, {"index": 4, "offset_ms": -HOUR_MS}],
    }
    assert [each.clock for each in ingest.points] == [Clock.DEVICE, Clock.SHIFTED, Clock.SHIFTED]
    assert ingest.points[1].event_at_ms == NOW_MS


def test_a_body_without_a_valid_point_is_400_with_reasons(ingest: Lambda) -> None:
    status, body, headers = ingest(sending({"positions": [point(lat=91), point(HOUR_MS * 999)]}))

    assert status == body["status"] == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert [each["index"] for each in body["rejected"]] == [0, 1]
    assert not ingest.stream.calls


@pytest.mark.parametrize("text", ["", "{", "[]", '{"positions":[]}', "hello"])
def test_an_unreadable_body_is_400(ingest: Lambda, text: str) -> None:
    status, body, headers = ingest(sending(text))

    assert status == body["status"] == 400
    assert headers["Content-Type"] == "application/problem+json"
    assert "rejected" not in body


def test_a_body_declared_as_gzip_that_is_not_gzip_is_400(ingest: Lambda) -> None:
    event = aws_event("http_api_post_telemetry_gzip")
    event["body"] = base64.b64encode(b"{}").decode()

    assert ingest(event)[0] == 400


@pytest.mark.parametrize("foreign", [point(truck_id="T-0013"), point(truck_id="T-0013", lat=91)])
def test_a_point_of_another_truck_is_403_and_nothing_is_accepted(
    ingest: Lambda, foreign: dict[str, Any]
) -> None:
    status, body, _ = ingest(sending({"positions": [point(), foreign]}))

    assert status == body["status"] == 403
    assert not ingest.stream.calls


@pytest.mark.parametrize("role", ["customer", "dispatcher", ""])
def test_another_role_is_403(ingest: Lambda, role: str) -> None:
    status, _, _ = ingest(sending(point(), role=role))

    assert status == 403
    assert not ingest.stream.calls


def test_requests_of_other_roles_are_logged_at_a_limited_rate(ingest: Lambda) -> None:
    """Their requests count towards no quota, so without a limit each would log a line."""
    for number in range(50):
        ingest(sending(point(), role="customer", sub=f"C-{number}"))

    assert [line["status"] for line in ingest.logged] == [403]


def test_the_identity_claim_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Lambda(monkeypatch, FakeStream(), IDENTITY_CLAIM="vehicle")

    assert ingest(sending(point(), sub="a-uuid", vehicle="T-0012"))[0] == 202
    assert ingest(sending(point(), sub="T-0012", vehicle="T-0013"))[0] == 403


def test_a_body_above_a_limit_is_413(ingest: Lambda) -> None:
    large = json.dumps(point(note="x" * 1_048_576))
    packed = aws_event("http_api_post_telemetry_gzip")
    packed["body"] = base64.b64encode(gzip.compress(large.encode())).decode()

    for event in (sending(large), packed, sending({"positions": [point()] * 501})):
        status, body, headers = ingest(event)
        assert status == body["status"] == 413
        assert headers["Content-Type"] == "application/problem+json"
    assert not ingest.stream.calls


def test_points_not_accepted_are_reported_by_their_index_in_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ingest = with_trouble(monkeypatch, rejected(THROTTLED))
    batch = [point(lat=91), point(), point(HOUR_MS * 999), point(-HOUR_MS)]
    status, body, headers = ingest(sending({"positions": batch}))

    assert status == body["status"] == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Retry-After"] == "5"
    assert body["accepted"] == 0
    assert [each["index"] for each in body["rejected"]] == [0, 2]
    assert body["not_taken"] == [1, 3]
    assert body["adjusted"] == []


def test_a_failed_record_is_put_again_within_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = FakeStream([FailSome([0]), rejected("InternalFailure", 500)])
    ingest = Lambda(monkeypatch, stream, PUT_DEADLINE_S="10")
    status, body, _ = ingest(sending(point()))

    assert (status, body["accepted"]) == (202, 1)
    assert len(stream.calls) == 3
    assert len(ingest.points) == 1


def test_a_repeat_is_accepted_again(ingest: Lambda) -> None:
    for _ in range(2):
        assert ingest(sending(point()))[0] == 202


def test_an_internal_error_is_a_500_without_detail_and_a_complete_log_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest = with_trouble(monkeypatch, KeyError("a secret bug"))
    status, body, headers = ingest(sending(point()))
    logged = json.loads(capsys.readouterr().err)

    assert status == body["status"] == 500
    assert headers["Content-Type"] == "application/problem+json"
    assert "secret" not in json.dumps(body)
    assert logged["event"] == "request_failed"
    assert "a secret bug" in logged["trace"]
    assert logged["request_id"] == "UZq1ChJYIE0EPuA="


def test_a_request_logs_one_line(ingest: Lambda) -> None:
    ingest(sending({"positions": [point(), point(lat=91), point(lat=92)]}))
    (line,) = ingest.logged

    assert line["event"] == "telemetry"
    assert (line["truck_id"], line["status"]) == ("T-0012", 202)
    assert (line["accepted"], line["rejected"], line["failed"]) == (1, 2, 0)
    assert line["reasons"] == {"lat:out_of_range": 2}


def test_a_requests_line_has_its_truck_and_the_range_of_its_points_times(ingest: Lambda) -> None:
    ingest(sending({"positions": [point(2_000), point(9_000, lat=91), point(3_000), point(1_000)]}))
    (line,) = ingest.logged

    assert line["truck_id"] == "T-0012"
    assert line["recorded_from_ms"] == NOW_MS - 3_000
    assert line["recorded_to_ms"] == NOW_MS - 1_000


def test_a_point_of_a_traced_truck_has_a_line_with_its_place_in_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = FakeStream()
    ingest = Lambda(monkeypatch, stream, TRACE_TRUCKS="T-9, T-0012")
    ingest(sending({"positions": [point(seq=7), point(lat=91), point(seq=9)]}))
    request, *lines = ingest.logged

    assert request["event"] == "telemetry"
    assert [(line["event"], line["step"]) for line in lines] == [("point", "accepted")] * 2
    assert [line["point_id"] for line in lines] == [f"T-0012:{NOW_MS}:{seq}" for seq in (7, 9)]
    assert [line["sub_sequence_number"] for line in lines] == [0, 1]
    for line in lines:
        assert line["request_id"] == request["request_id"]
        assert line["sequence_number"] == stream.records[0].sequence_number
        assert line["shard_id"] == "shardId-000000000000"


def test_a_traced_point_that_was_not_accepted_is_reported_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = FakeStream(then=FailSome([0]))
    ingest = Lambda(monkeypatch, stream, TRACE_TRUCKS="*")
    ingest(sending(point(seq=7)))
    _, line = ingest.logged

    assert (line["step"], line["sequence_number"]) == ("failed", None)


def test_a_rejected_request_logs_one_line_too(ingest: Lambda) -> None:
    ingest(sending(point(truck_id="T-0013")))
    (line,) = ingest.logged

    assert (line["truck_id"], line["status"]) == ("T-0012", 403)


def test_a_sample_of_valid_requests_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ingest = Lambda(monkeypatch, FakeStream(), LOG_ONE_OF="10")
    for _ in range(11):
        ingest(sending(point()))

    assert [line["one_of"] for line in ingest.logged] == [10, 10]


def test_a_request_with_any_problem_is_always_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = FakeStream([None, None, rejected(THROTTLED)])
    ingest = Lambda(monkeypatch, stream, LOG_ONE_OF="1000000", PUT_DEADLINE_S="5")
    ingest(sending(point()))
    ingest(sending({"positions": [point(), point(lat=91)]}))  # in part rejected
    ingest(sending(point()))  # accepted at the second attempt
    ingest(sending(point(lat=91)))
    ingest(sending(point(truck_id="T-0013")))
    ingest(sending("{"))
    ingest(sending(point()))
    as_it_should_be, *wrong = ingest.logged

    assert as_it_should_be["one_of"] == 1_000_000
    assert [line["status"] for line in wrong] == [202, 202, 400, 403, 400]
    assert wrong[1]["failure"]
    assert not any("one_of" in line for line in wrong)


def test_points_that_were_not_accepted_are_always_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = FakeStream([None, rejected(THROTTLED), rejected(THROTTLED)])
    ingest = Lambda(monkeypatch, stream, LOG_ONE_OF="1000000")
    for _ in range(3):
        ingest(sending(point()))

    assert [line["failed"] for line in ingest.logged] == [0, 1, 1]


def test_every_request_of_a_traced_truck_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Lambda(monkeypatch, FakeStream(), LOG_ONE_OF="1000000", TRACE_TRUCKS="T-0012")
    for _ in range(3):
        ingest(sending(point()))

    assert [line["event"] for line in ingest.logged] == ["telemetry", "point"] * 3


def test_metrics_of_many_requests_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = Lambda(monkeypatch, FakeStream(), METRICS_EVERY_S="60")
    for _ in range(5):
        ingest(sending({"positions": [point(), point(1_000)]}))

    assert [line["PointsAccepted"] for line in ingest.emitted] == [2]


def test_points_that_were_not_accepted_are_emitted_at_once_with_all_counts_before_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = FakeStream([None, None, None, rejected(THROTTLED)])
    ingest = Lambda(monkeypatch, stream, METRICS_EVERY_S="60")
    for _ in range(4):
        ingest(sending(point()))
    first, rest = ingest.emitted

    assert (first["PointsAccepted"], first["PointsFailed"]) == (1, 0)
    assert (rest["PointsAccepted"], rest["PointsFailed"]) == (2, 1)


def test_points_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = with_trouble(monkeypatch, None, rejected(THROTTLED))
    ingest(sending({"positions": [point(), point(lat=91)]}))
    ingest(sending(point()))
    accepted, failed = ingest.emitted

    assert [line["level"] for line in ingest.logged] == ["info", "warning"]
    assert (accepted["PointsAccepted"], accepted["PointsRejected"]) == (1, 1)
    assert accepted.keys() >= {metric.name for metric in METRICS}
    assert (failed["PointsAccepted"], failed["PointsFailed"]) == (0, 1)


def test_attempts_to_put_end_before_the_lambdas_timeout() -> None:
    settings = Settings(
        stream_name="points",
        blocked_identities_table="blocked",
        device_credentials_table="devices",
    )

    assert handler.put_deadline(settings, Context(29_000)).remaining_s == pytest.approx(2.5, abs=1)
    assert handler.put_deadline(settings, Context(7_000)).remaining_s == pytest.approx(1.5, abs=1)
    assert handler.put_deadline(settings, Context(1_000)).passed


def test_every_response_is_within_the_gateways_timeout_of_29_s() -> None:
    """With the largest settings too: the last attempt may begin just before the deadline."""
    settings = {"PUT_DEADLINE_S": "22", "CONNECT_TIMEOUT_S": "2", "READ_TIMEOUT_S": "4"}
    built = build_app(
        {**REQUIRED, **settings}, FakeStream(), blocks=FakeBlockStore(), devices=FakeDeviceStore()
    ).settings

    assert built.put_deadline_s + built.connect_timeout_s + built.read_timeout_s < 29
    for name, value in settings.items():
        with pytest.raises(SettingsError):
            build_app({**REQUIRED, name: str(float(value) + 1)}, FakeStream())


@pytest.mark.parametrize("zone", ["Asia/Soul", "../etc/passwd", "/etc/passwd"])
def test_a_zone_that_does_not_exist_is_a_settings_error(zone: str) -> None:
    environ = {**REQUIRED, "FIRST_GENERATION_TIMEZONE": zone}

    with pytest.raises(SettingsError, match="FIRST_GENERATION_TIMEZONE"):
        build_app(environ, FakeStream())
