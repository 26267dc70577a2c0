"""Phones, from the gateway's event to the response that their app expects, and attacks on them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from ingest_lambda import handler
from rtdts.delivery_store.devices import hash_of, new_secret
from rtdts.delivery_store.known_devices import GUESSES_PER_MINUTE
from rtdts.tracking.blocks import BlockKind
from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_identity import point_id
from tests.fakes.fake_stream import THROTTLED, FailSome, FakeStream
from tests.support.aws_events import aws_event
from tests.support.blocks import revocation
from tests.support.guesses import guessed_secret
from tests.support.ingest_on_fakes import NOW_MS, Context, Lambda

SECRET = "0123456789abcdefghjkmnpqrs"
TRUCK = "T-0012"
Sending = Callable[..., dict[str, Any]]


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def owntracks(
    message: Any = None, *, user: str = TRUCK, secret: str = SECRET, **changed: Any
) -> dict[str, Any]:
    event = aws_event("http_api_owntracks")
    sent = {**json.loads(event["body"]), "tst": NOW_MS // 1000, **changed}
    event["body"] = json.dumps(sent) if message is None else message
    event["headers"]["authorization"] = basic(user, secret)
    return event


def traccar(message: Any = None, *, secret: str = SECRET, **changed: Any) -> dict[str, Any]:
    event = aws_event("http_api_traccar_client")
    sent = {**json.loads(event["body"]), "device_id": secret}
    sent["location"] |= {"timestamp": format_instant(NOW_MS), **changed}
    event["body"] = json.dumps(sent) if message is None else message
    return event


@pytest.fixture
def ingest(monkeypatch: pytest.MonkeyPatch) -> Lambda:
    return prepared(Lambda(monkeypatch, FakeStream()))


def prepared(ingest: Lambda) -> Lambda:
    ingest.devices.put(SECRET, TRUCK, now_ms=NOW_MS - 1_000)
    return ingest


def raw(ingest: Lambda, event: dict[str, Any]) -> tuple[int, Any]:
    status, body, _ = ingest(event)
    return status, body


both = pytest.mark.parametrize("phone", [owntracks, traccar], ids=["owntracks", "traccar"])


def test_owntracks_gets_an_array_and_its_point_counts_for_the_truck(ingest: Lambda) -> None:
    response = raw(ingest, owntracks())
    (point,) = ingest.points

    assert response == (200, [])
    assert (point.truck_id, point.source, point.lat, point.lon) == (
        TRUCK,
        "http",
        48.85833,
        2.29513,
    )
    assert ingest.stream.records[0].partition_key == TRUCK


def test_traccar_client_gets_200_and_its_point_counts_for_the_truck(ingest: Lambda) -> None:
    response = raw(ingest, traccar())
    (point,) = ingest.points

    assert response == (200, {})
    assert (point.truck_id, point.source, point.speed_mps) == (TRUCK, "http", 18.67)


def test_the_payloads_of_the_apps_documentation_are_readable_but_too_old(ingest: Lambda) -> None:
    """Verbatim: one from OwnTracks' booklet of 2017, one from Traccar's server tests of 2021."""
    sent = aws_event("http_api_traccar_client")
    sent["body"] = sent["body"].replace("8737767034", SECRET)
    responses = [raw(ingest, aws_event("http_api_owntracks")), raw(ingest, sent)]

    assert responses == [(200, []), (200, {})]
    assert ingest.stream.records == []
    assert [line["reasons"] for line in ingest.logged] == [{"recorded_at:too_old": 1}] * 2


@both
def test_a_permanently_invalid_message_is_200_and_delays_nothing(
    ingest: Lambda, phone: Sending
) -> None:
    wrong = {"lat": 91} if phone is owntracks else {"coords": {"latitude": 91, "longitude": 0}}
    status, _ = raw(ingest, phone(**wrong))

    assert status == 200
    assert ingest.stream.records == []
    assert ingest.logged[-1]["reasons"] == {"lat:out_of_range": 1}
    assert ingest.emitted[-1]["PointsRejected"] == 1


@pytest.mark.parametrize("body", ["", '{"_type":"lwt","tst":1}', "no json", "[]"])
def test_owntracks_other_messages_are_200_too(ingest: Lambda, body: str) -> None:
    assert raw(ingest, owntracks(body)) == (200, [])
    assert ingest.stream.records == []


@both
def test_a_message_that_the_stream_did_not_accept_is_503_so_that_it_is_sent_again(
    monkeypatch: pytest.MonkeyPatch, phone: Sending
) -> None:
    ingest = prepared(Lambda(monkeypatch, FakeStream([FailSome({0}, THROTTLED)] * 9)))
    status, _, headers = ingest(phone())

    assert status == 503
    assert headers["Retry-After"] == "5"


@both
def test_an_unknown_secret_is_401_whatever_the_body(ingest: Lambda, phone: Sending) -> None:
    status, _, headers = ingest(phone(secret=new_secret()))

    assert status == 401
    assert ("WWW-Authenticate" in headers) == (phone is owntracks)
    assert ingest.stream.records == []


@pytest.mark.parametrize("header", [None, "", "Basic", "Basic !!", "Bearer x.y.z", "Basic YWJj"])
def test_credentials_that_cannot_be_read_are_401(ingest: Lambda, header: str | None) -> None:
    event = owntracks()
    event["headers"]["authorization"] = header
    if header is None:
        del event["headers"]["authorization"]

    assert raw(ingest, event)[0] == 401
    assert ingest.devices.readings == 0


@both
@pytest.mark.parametrize("secret", ["", "48241179", SECRET + "0", "T-0012", hash_of(SECRET)[:16]])
def test_a_secret_of_the_wrong_form_is_401_without_a_database_read(
    ingest: Lambda, phone: Sending, secret: str
) -> None:
    assert raw(ingest, phone(secret=secret))[0] == 401
    assert ingest.devices.readings == 0


@both
def test_guesses_beyond_the_limit_are_429_without_a_database_read(
    ingest: Lambda, phone: Sending
) -> None:
    """No authorizer protects these routes: without a limit each guess would read the table."""
    statuses = [
        raw(ingest, phone(secret=guessed_secret()))[0] for _ in range(GUESSES_PER_MINUTE + 5)
    ]
    readings = ingest.devices.readings
    status, _, headers = ingest(phone(secret=new_secret()))

    assert statuses == [401] * GUESSES_PER_MINUTE + [429] * 5
    assert (status, headers["Retry-After"]) == (429, "1")
    assert ingest.devices.readings == readings == GUESSES_PER_MINUTE


@both
def test_guesses_from_elsewhere_do_not_block_a_known_phone(ingest: Lambda, phone: Sending) -> None:
    for n in range(GUESSES_PER_MINUTE + 5):
        guess = phone(secret=guessed_secret())
        guess["requestContext"]["http"]["sourceIp"] = f"2001:db8::{n:x}"
        status, _ = raw(ingest, guess)
    assert status == 429

    assert raw(ingest, phone())[0] == 200


@both
def test_capitals_and_blanks_of_a_phones_keyboard_are_ignored_in_a_secret(
    ingest: Lambda, phone: Sending
) -> None:
    assert raw(ingest, phone(secret=f"{SECRET.upper()} "))[0] == 200


def test_a_secret_of_one_truck_is_not_accepted_for_another(ingest: Lambda) -> None:
    assert raw(ingest, owntracks(user="T-0013"))[0] == 401
    assert ingest.stream.records == []


def test_another_trucks_id_in_the_body_changes_nothing(ingest: Lambda) -> None:
    foreign = {"topic": "owntracks/T-0013/phone", "tid": "13", "truck_id": "T-0013"}
    raw(ingest, owntracks(**foreign))
    raw(ingest, traccar(truck_id="T-0013", truckId=13, device_id="T-0013"))

    assert [point.truck_id for point in ingest.points] == [TRUCK, TRUCK]


@both
def test_a_secret_in_a_url_is_ignored(ingest: Lambda, phone: Sending) -> None:
    """Traccar Client before version 9: POST /?id=SECRET&lat=..."""
    event = phone("")
    event["headers"].pop("authorization", None)
    event["rawQueryString"] = f"id={SECRET}&lat=60.0&lon=30.0&timestamp={NOW_MS // 1000}"
    event["queryStringParameters"] = {"id": SECRET, "lat": "60.0", "lon": "30.0"}

    assert raw(ingest, event)[0] == (401 if phone is owntracks else 400)
    assert ingest.devices.readings == 0
    assert SECRET not in ingest.lines.getvalue()


def test_a_url_with_a_query_is_rejected_even_with_a_good_body(ingest: Lambda) -> None:
    event = traccar()
    event["rawQueryString"] = "id=1"
    status, body = raw(ingest, event)

    assert status == 400
    assert "Traccar Client 9" in body["detail"]


@both
@pytest.mark.parametrize("packed", [False, True])
def test_a_body_over_the_limit_is_413(ingest: Lambda, phone: Sending, packed: bool) -> None:
    event = phone(padding="x" * 70_000)
    if packed:
        event["body"] = base64.b64encode(gzip.compress(event["body"].encode())).decode()
        event |= {"isBase64Encoded": True}
        event["headers"]["content-type"] = "application/gzip"

    assert raw(ingest, event)[0] == 413
    assert ingest.stream.records == []


def test_a_body_is_not_unpacked_when_the_header_has_an_unknown_secret(
    ingest: Lambda,
) -> None:
    event = owntracks("not base64 at all", secret=new_secret())
    event["isBase64Encoded"] = True

    assert raw(ingest, event)[0] == 401


@both
def test_a_replayed_message_is_the_same_point(ingest: Lambda, phone: Sending) -> None:
    event = phone()
    responses = [raw(ingest, event)[0]]
    ingest.now_ms += 3_600_000
    responses.append(raw(ingest, event)[0])

    assert responses == [200, 200]
    assert len({point_id(point) for point in ingest.points}) == 1
    assert len({point.event_at_ms for point in ingest.points}) == 1


@both
def test_a_revoked_device_is_401_within_ten_seconds(ingest: Lambda, phone: Sending) -> None:
    before = raw(ingest, phone())[0]
    ingest.devices.revoke(TRUCK)
    ingest.now_ms += 10_000

    assert (before, raw(ingest, phone())[0]) == (200, 401)


@both
def test_a_blocked_truck_or_device_is_401(ingest: Lambda, phone: Sending) -> None:
    device_id = hash_of(SECRET)[:16]
    responses = []
    for subject in (f"truck:{TRUCK}", f"token:device-{device_id}"):
        ingest.now_ms += 10_000
        ingest.blocks.blocks = {("", BlockKind.REVOKED): revocation(subject, NOW_MS)}
        responses.append(raw(ingest, phone())[0])

    assert responses == [401, 401]
    assert ingest.logged[-1]["token_id"] == f"device-{device_id}"


@both
def test_a_block_of_older_tokens_does_not_affect_newer_devices(
    ingest: Lambda, phone: Sending
) -> None:
    ingest.blocks.block(revocation(f"truck:{TRUCK}", NOW_MS, issued_before_ms=NOW_MS))
    newer = new_secret()
    ingest.devices.put(newer, TRUCK, now_ms=NOW_MS)

    assert [raw(ingest, phone(secret=each))[0] for each in (SECRET, newer)] == [401, 200]


@both
def test_phones_are_subject_to_their_trucks_quota(
    monkeypatch: pytest.MonkeyPatch, phone: Sending
) -> None:
    quota = {"TRUCK_REQUESTS_PER_MINUTE": "2", "QUOTA_MINUTES": "1"}
    ingest = prepared(Lambda(monkeypatch, FakeStream(), **quota))

    assert [raw(ingest, phone())[0] for _ in range(3)] == [200, 200, 429]
    assert len(ingest.stream.records) == 2


@both
def test_credentials_that_cannot_be_checked_are_503(ingest: Lambda, phone: Sending) -> None:
    ingest.devices.is_unavailable = True
    status, _, headers = ingest(phone())

    assert (status, headers["Retry-After"]) == (503, "5")
    assert ingest.stream.records == []


@both
def test_guesses_are_logged_at_a_limited_rate(ingest: Lambda, phone: Sending) -> None:
    responses = {raw(ingest, phone(secret=guessed_secret()))[0] for _ in range(200)}

    assert responses == {401, 429}
    assert [line["status"] for line in ingest.logged] == [401]


@both
def test_no_log_line_and_no_response_contains_a_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], phone: Sending
) -> None:
    ingest = prepared(
        Lambda(monkeypatch, FakeStream([FailSome({0}, THROTTLED)]), TRACE_TRUCKS=TRUCK)
    )
    secrets = [SECRET, new_secret(), "48241179"]
    responses: list[Any] = [ingest(phone(secret=secret)) for secret in secrets]
    ingest.devices.is_unavailable = True
    ingest.now_ms += 60_000
    responses += [ingest(phone(secret=secret)) for secret in secrets]
    broken = phone()
    broken["headers"] = 7
    responses.append(handler.lambda_handler(broken, Context()))
    shown = ingest.lines.getvalue() + repr(responses) + "".join(capsys.readouterr())

    assert ingest.logged
    for secret in secrets:
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode()[:20] not in shown


def test_claims_that_a_phone_invents_do_not_authenticate_it(ingest: Lambda) -> None:
    event = owntracks(secret=new_secret())
    event["requestContext"]["authorizer"] = {
        "jwt": {"claims": {"role": "truck", "sub": TRUCK, "iat": "1"}}
    }

    assert raw(ingest, event)[0] == 401
