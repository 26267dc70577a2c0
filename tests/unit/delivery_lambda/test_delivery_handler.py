"""delivery_lambda from the gateway's event to its response, on fakes, as documented."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

import ingest_lambda.routes
import track_lambda.routes
from delivery_lambda.bootstrap import build
from delivery_lambda.dispatch import MAX_DECISIONS
from delivery_lambda.routes import OPEN_ROUTES, ROUTES
from rtdts.delivery_store.errors import StoreBusy, VersionConflict
from rtdts.runtime.settings import SettingsError
from tests.support.aws_events import aws_event, called_by
from tests.support.blocks import revocation
from tests.support.deliveries import NOW_MS
from tests.support.delivery_api import CUSTOMER, DISPATCHER, STRANGERS, TRUCK, Api
from tests.support.openapi_schema import documented_routes


def test_the_routes_are_the_documented_ones() -> None:
    others = {
        *ingest_lambda.routes.ROUTES,
        *ingest_lambda.routes.OPEN_ROUTES,
        *track_lambda.routes.ROUTES,
    }

    assert {*ROUTES, *OPEN_ROUTES} == documented_routes() - others


@pytest.mark.parametrize(
    "troubles",
    [[VersionConflict("D-1")] * MAX_DECISIONS, [StoreBusy("append", ("TransactionConflict",))]],
)
def test_a_request_that_could_not_be_written_is_503(api: Api, troubles: list[Any]) -> None:
    api.store.troubles = troubles
    status, _ = api.put()

    assert status == 503
    assert int(api.headers["Retry-After"]) >= 1
    assert api.put()[0] == 201


def test_a_store_that_is_unavailable_is_reported_and_logged(api: Api) -> None:
    api.store.get_trouble = ConnectTimeoutError(endpoint_url="http://dynamodb")

    assert api.get()[0] == 503
    assert "store_unavailable" in [line["event"] for line in api.log]


def test_an_unexpected_error_returns_500_and_logs_its_trace(api: Api) -> None:
    api.store.get_trouble = ZeroDivisionError("secret")
    status, problem = api.get()

    assert status == 500
    assert "secret" not in json.dumps(problem)
    assert any("ZeroDivisionError" in line.get("trace", "") for line in api.log)


def test_only_viewers_get_tickets(api: Api) -> None:
    status, body = api.ticket(CUSTOMER)
    holder = api.tickets.spend(body["ticket"], NOW_MS)

    assert status == 201
    assert body["expires_at"] == "2026-11-24T07:10:30.312Z"
    assert api.headers["Cache-Control"] == "no-store"
    assert holder is not None
    assert (holder.role, holder.identity) == CUSTOMER
    assert holder.token_expires_at_ms == 1_795_506_600_000
    assert api.ticket(DISPATCHER)[0] == 201
    assert api.ticket(TRUCK)[0] == 403


def test_a_token_with_an_unknown_role_is_forbidden(api: Api) -> None:
    assert api.get(("admin", "root"))[0] == 403


def test_each_request_is_logged_in_one_line_without_secrets(api: Api) -> None:
    api.put()
    (line,) = api.log

    assert line["event"] == "request"
    assert (line["route"], line["status"]) == ("PUT /deliveries/{delivery_id}", 201)
    assert (line["actor"], line["delivery_id"]) == ("dispatcher:ann", "D-1")
    assert line["request_id"] == "JKJaXmPLvHcESHA="
    assert "Bearer" not in api.lines.getvalue()


def test_settings_that_are_missing_are_all_named_before_anything_connects() -> None:
    with pytest.raises(SettingsError) as error:
        build({})
    assert len(error.value.problems) == 8


@pytest.mark.parametrize("caller", [TRUCK, CUSTOMER, DISPATCHER])
def test_a_revoked_identity_is_401_within_15_s_on_every_route(
    api: Api, caller: tuple[str, str]
) -> None:
    api.put()
    api.blocks.block(revocation(":".join(caller), NOW_MS))
    api.now_ms += 15_000
    responses = [api.put(caller), api.get(caller), api.list(caller), api.declare("failed", caller)]
    responses.append(api.ticket(caller))

    assert {status for status, _ in responses} == {401}
    assert api.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert [one for one in STRANGERS if api.get(one)[0] == 401] == []


def test_a_ticket_keeps_the_id_and_issue_time_of_its_token(api: Api) -> None:
    event = called_by(aws_event("http_api_issue_ticket"), *CUSTOMER)
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    claims |= {"jti": "jti-7", "iat": "1795500000"}
    _, body = api.send(event)
    holder = api.tickets.spend(body["ticket"], api.now_ms)

    assert holder is not None
    assert (holder.token_id, holder.token_issued_at_ms) == ("jti-7", 1_795_500_000_000)


@pytest.mark.parametrize("caller", [TRUCK, CUSTOMER])
def test_requests_beyond_the_quota_are_429_and_read_nothing(
    api: Api, caller: tuple[str, str]
) -> None:
    api.put()
    taken = [api.get(caller)[0] for _ in range(60)]
    api.store.get_trouble = AssertionError("a delivery was read")
    status, _ = api.get(caller)
    retry_after_s = int(api.headers["Retry-After"])
    api.store.get_trouble = None
    api.now_ms += retry_after_s * 1_000

    assert set(taken) == {200}
    assert (status, retry_after_s) == (429, 1)
    assert api.get(caller)[0] == 200


def test_rejections_of_one_caller_are_logged_only_now_and_then(api: Api) -> None:
    """A log line costs more than the rest of a rejection, and a caller may never stop."""
    for _ in range(260):
        api.get(CUSTOMER)
    api.blocks.block(revocation("truck:T-0012", api.now_ms))
    api.now_ms += 10_000
    for _ in range(50):
        api.get(TRUCK)
    statuses = [line["status"] for line in api.log]

    assert statuses == [404] * 60 + [429, 401]


def test_each_caller_has_its_own_quota_and_dispatchers_have_none(api: Api) -> None:
    api.put()
    for _ in range(61):
        api.get(CUSTOMER)

    assert api.get(TRUCK)[0] == 200
    assert {api.get(DISPATCHER)[0] for _ in range(100)} == {200}


@pytest.mark.parametrize("caller", [TRUCK, CUSTOMER, DISPATCHER])
def test_a_request_that_bypasses_the_edge_is_403(caller: tuple[str, str]) -> None:
    api = Api(edge_secrets="the-edges")
    event = called_by(aws_event("http_api_list_deliveries"), *caller)
    event["queryStringParameters"] = {"truck_id": "T-0012"} if caller == DISPATCHER else {}
    round_it = api.send(event)[0]
    event["headers"]["x-rtdts-edge"] = "the-edges"

    assert round_it == 403
    assert api.send(event)[0] == 200
