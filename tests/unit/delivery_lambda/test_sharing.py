"""Shares from the gateway's event to the response, and attacks on them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from delivery_lambda.routes import (
    CREATE_SHARE,
    DECLARE_EVENT,
    ISSUE_SHARE_TICKET,
    ISSUE_TICKET,
    LIST_SHARES,
    REVOKE_SHARE,
)
from delivery_lambda.share_service import TICKETS_BURST
from rtdts.delivery_store.errors import StoreBusy
from rtdts.push_queue.nudges import ShareNudge
from rtdts.tracking.deliveries import Cause, DeclaredType, Status
from rtdts.tracking.roles import SHARE
from tests.fakes.scripted_client import client_error
from tests.support.aws_events import aws_event, called_by, with_body
from tests.support.blocks import revocation
from tests.support.deliveries import NOW_MS
from tests.support.delivery_api import CUSTOMER, DISPATCHER, PAGE, TRUCK, Api
from tests.support.delivery_shares import VIEWING_MINUTES

MINUTE_MS = 60_000
NO_SUCH_SHARE = "there is no such share, or it has ended"


class SharingApi(Api):
    """Short calls for the routes of shares."""

    def call(
        self,
        route: tuple[str, str],
        body: Any = None,
        *,
        caller: tuple[str, str] = DISPATCHER,
        delivery_id: str = "D-1",
        share_id: str = "",
        **headers: str,
    ) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_put_delivery"), *caller)
        event["routeKey"] = " ".join(route)
        event["pathParameters"] = {"delivery_id": delivery_id, "share_id": share_id}
        event["headers"] |= {"idempotency-key": "k", "if-match": "", **headers}
        event["body"] = None
        return self.send(event if body is None else with_body(event, body))

    def plan(self, delivery_id: str = "D-1", **changed: Any) -> None:
        status, _ = self.put(delivery_id=delivery_id, **{"stop_sequence": None, **changed})
        assert status in (200, 201)

    def share(self, delivery_id: str = "D-1", **body: Any) -> Any:
        status, made = self.call(CREATE_SHARE, body, delivery_id=delivery_id)
        assert status == 201
        return made

    def revoke(self, share_id: str, **more: Any) -> int:
        return self.call(REVOKE_SHARE, share_id=share_id, **more)[0]

    def open(self, token: Any, **headers: str) -> tuple[int, Any]:
        event = with_body(aws_event("http_api_share_ticket"), {"token": token})
        event["headers"] |= headers
        return self.send(event)


@pytest.fixture
def api() -> SharingApi:
    made = SharingApi()
    made.plan()
    return made


def test_the_holder_of_the_link_gets_the_delivery_and_a_ticket_for_it(api: SharingApi) -> None:
    made = api.share(expires_in_s=3_600)
    status, opened = api.open(made["token"])
    holder = api.tickets.spend(opened["ticket"], NOW_MS)

    assert status == 201
    assert api.headers["Cache-Control"] == "no-store"
    assert made["expires_at"] == "2026-11-24T08:10:00.312Z"
    assert holder is not None
    assert (holder.role, holder.identity) == (SHARE, made["share_id"])
    assert (holder.delivery_id, holder.token_expires_at_ms) == ("D-1", NOW_MS + 3_600_000)
    assert opened["delivery"]["status"] == "assigned"


def test_a_share_shows_what_the_customer_sees_and_nothing_private(api: SharingApi) -> None:
    api.plan(
        origin={"lat": 35.1, "lon": 129.1, "name": "Centum <b>depot</b>"},
        customer_id="C-secret",
        truck_id="T-secret",
    )
    made = api.share()
    api.sensor(Status.EN_ROUTE_TO_PICKUP)
    body = {"type": "failed", "note": "rang twice", "failure_code": "nobody_home"}
    api.call(DECLARE_EVENT, body)
    _, opened = api.open(made["token"])
    shown = opened["delivery"]

    assert shown["origin"] == {"lat": 35.1, "lon": 129.1, "name": "Centum <b>depot</b>"}
    assert shown["destination"]["name"] is None
    assert [one["status"] for one in shown["timeline"]] == [
        "assigned",
        "en_route_to_pickup",
        "failed",
    ]
    assert shown["since"] == shown["timeline"][-1]["at"]
    assert (shown["failure_code"], shown["ended"], shown["version"]) == ("nobody_home", True, 4)
    for private in ("T-secret", "C-secret", "rang twice", "ann", "C-88", "T-0012"):
        assert private not in json.dumps(opened)


def test_corrected_events_are_not_in_the_timeline(api: SharingApi) -> None:
    made = api.share()
    for status in (Status.EN_ROUTE_TO_PICKUP, Status.AT_PICKUP):
        api.sensor(status, point_id="p")
    api.sensor(Status.EN_ROUTE_TO_PICKUP, cause=Cause.CORRECTED, point_id="p")
    _, opened = api.open(made["token"])
    before = opened["delivery"]["timeline"]
    api.plan(truck_id="T-2")
    _, opened = api.open(made["token"])

    assert [one["status"] for one in before] == ["assigned", "en_route_to_pickup"]
    assert [one["status"] for one in opened["delivery"]["timeline"]] == ["assigned"]


def test_the_number_of_stops_before_is_shown_and_nothing_else_about_them(api: SharingApi) -> None:
    api.plan(stop_sequence=9)
    for index, number in enumerate((2, 4, 4, 11)):
        api.plan(f"D-other-{index}", customer_id="C-x", stop_sequence=number)
    made = api.share()
    _, opened = api.open(made["token"])

    assert opened["delivery"]["stops_before"] == 2
    assert "C-x" not in json.dumps(opened)


@pytest.mark.parametrize(
    "failure",
    [StoreBusy("BatchGetItem", ("UnprocessedKeys",)), client_error("InternalServerError")],
)
def test_a_share_opens_even_if_the_stops_cannot_be_read(
    api: SharingApi, failure: Exception
) -> None:
    api.plan(stop_sequence=9)
    made = api.share()
    api.stops.failure = failure
    status, opened = api.open(made["token"])

    assert (status, opened["delivery"]["stops_before"]) == (201, None)
    assert any(line["event"] == "stops_unavailable" for line in api.log)


# --- attacks -------------------------------------------------------------------------------------


def test_a_guessed_token_opens_nothing(api: SharingApi) -> None:
    token = api.share()["token"]
    secret = token.partition("~")[2]
    guesses = [f"D-1~{secret[:-1]}{last}" for last in "abc_-"]

    assert {api.open(guess)[0] for guess in guesses} == {404}
    assert api.tickets.spendings == 0


@pytest.mark.parametrize(
    "token",
    [
        "",
        "D-1",
        "D-1~",
        "D-1~short",
        "~" + "a" * 43,
        "D-1~" + "a" * 44,
        "D-1~" + "a" * 42 + "!",
        "D-1~" + "a" * 42 + "\n",
        "D-1~" + "a" * 43 + "\n",
        "D 1~" + "a" * 43,
        "ü" * 50 + "~" + "a" * 43,
        "D" * 65 + "~" + "a" * 43,
        "D-1~" + "a" * 500,
    ],
)
def test_a_malformed_token_is_rejected_without_a_read(api: SharingApi, token: str) -> None:
    status, problem = api.open(token)

    assert (status, problem["detail"]) == (404, NO_SUCH_SHARE)
    assert api.shares.finds == 0


def test_a_long_body_is_not_parsed(api: SharingApi) -> None:
    assert api.open("a" * 2_000)[0] == 400
    assert api.shares.finds == 0


def test_a_share_of_one_delivery_opens_no_other(api: SharingApi) -> None:
    api.plan("D-2")
    secret = api.share()["token"].partition("~")[2]
    status, problem = api.open(f"D-2~{secret}")

    assert (status, problem["detail"]) == (404, NO_SUCH_SHARE)


def test_every_token_that_opens_nothing_gets_the_same_response(api: SharingApi) -> None:
    """Trying tokens does not reveal whether a delivery or a former share exists."""
    api.plan("D-2", customer_id="C-1")
    revoked, expired = api.share(), api.share(expires_in_s=60)
    moved, over = api.share("D-2"), api.share("D-2")
    blocked = api.share()
    api.revoke(revoked["share_id"])
    api.blocks.block(revocation(f"share:{blocked['share_id']}", NOW_MS))
    api.plan("D-2", customer_id="C-2")
    api.now_ms += MINUTE_MS
    unknown = [f"{one}~{'x' * 43}" for one in ("D-1", "D-2", "D-none")]
    tokens = [one["token"] for one in (revoked, expired, moved, over, blocked)]
    responses = []
    for token in (*tokens, *unknown):
        status, problem = api.open(token)
        responses.append((status, problem, dict(api.headers)))

    assert responses == [responses[0]] * 8
    assert responses[0][0] == 404


def test_after_a_revocation_a_token_opens_nothing(api: SharingApi) -> None:
    made, other = api.share(), api.share()
    before, _ = api.open(made["token"])
    revoked = [api.revoke(made["share_id"]), api.revoke(made["share_id"])]
    after, _ = api.open(made["token"])
    untouched, _ = api.open(other["token"])

    assert (before, revoked, after, untouched) == (201, [204, 204], 404, 201)
    assert ShareNudge(delivery_id="D-1", share_id=made["share_id"]) in api.nudges.sent


def test_a_revocation_takes_effect_even_if_its_nudge_was_not_sent(api: SharingApi) -> None:
    made = api.share()
    api.nudges.trouble = client_error("ServiceUnavailable", 503)

    assert api.revoke(made["share_id"]) == 204
    assert api.open(made["token"])[0] == 404


@pytest.mark.parametrize("share_id", ["0" * 16, "", "../../x", "0" * 17, "x" * 16])
def test_revoking_an_unknown_share_is_404(api: SharingApi, share_id: str) -> None:
    api.share()

    assert api.revoke(share_id) == 404


def test_a_share_of_another_delivery_is_not_revoked(api: SharingApi) -> None:
    api.plan("D-2")
    made = api.share("D-2")

    assert api.revoke(made["share_id"]) == 404
    assert api.revoke(made["share_id"], delivery_id="D-none") == 404
    assert api.open(made["token"])[0] == 201


@pytest.mark.parametrize("caller", [CUSTOMER, TRUCK])
@pytest.mark.parametrize("route", [CREATE_SHARE, LIST_SHARES, REVOKE_SHARE])
def test_only_dispatchers_create_list_and_revoke_shares(
    api: SharingApi, route: tuple[str, str], caller: tuple[str, str]
) -> None:
    made = api.share()
    status, _ = api.call(route, caller=caller, share_id=made["share_id"])

    assert status == 403
    assert api.open(made["token"])[0] == 201


def test_a_flood_from_one_link_is_bounded_and_rejected_before_anything_is_read(
    api: SharingApi,
) -> None:
    token = api.share()["token"]
    responses = [api.open(token)[0] for _ in range(300)]
    finds, writes = api.shares.finds, api.shares.writes

    assert responses == [201] * TICKETS_BURST + [429] * (300 - TICKETS_BURST)
    assert int(api.headers["Retry-After"]) == 10
    assert (finds, writes) == (TICKETS_BURST, TICKETS_BURST + 1)


def test_a_flood_through_many_containers_is_bounded_too(api: SharingApi) -> None:
    """New containers have counted no request yet, but the share's own row has."""
    token = api.share()["token"]
    responses = []
    for _ in range(5):
        api.app = api.started()
        responses += [api.open(token)[0] for _ in range(20)]

    assert responses.count(201) == TICKETS_BURST
    assert set(responses) == {201, 429}


def test_a_flood_with_a_made_up_token_is_rejected_like_one_with_a_real_one(api: SharingApi) -> None:
    responses = [api.open(f"D-1~{'x' * 43}")[0] for _ in range(100)]

    assert responses == [404] * TICKETS_BURST + [429] * (100 - TICKETS_BURST)
    assert api.shares.finds == TICKETS_BURST
    assert api.shares.writes == 0


def test_failed_attempts_do_not_fill_the_log(api: SharingApi) -> None:
    for number in range(50):
        api.open(f"D-1~{number:043}")

    assert sum(line["event"] == "request" and line["status"] == 404 for line in api.log) == 1


def test_a_delivery_has_no_more_shares_than_its_limit() -> None:
    api = SharingApi(max_shares=2)
    api.plan()
    first = api.share()
    api.share()
    status, problem = api.call(CREATE_SHARE)
    api.revoke(first["share_id"])

    assert (status, problem["limit"]) == (409, 2)
    assert api.call(CREATE_SHARE)[0] == 201


@pytest.mark.parametrize(
    "body",
    [
        {"expires_in_s": 59},
        {"expires_in_s": 0},
        {"expires_in_s": -1},
        {"expires_in_s": 30 * 86_400 + 1},
        {"expires_in_s": 10**30},
        {"expires_in_s": "1 d"},
        {"expires_in_s": 90.5},
        [],
        "{",
    ],
)
def test_a_lifetime_of_a_share_outside_its_limits_is_rejected(api: SharingApi, body: Any) -> None:
    writes = api.shares.writes

    assert api.call(CREATE_SHARE, body)[0] == 400
    assert api.shares.writes == writes


@pytest.mark.parametrize("body", [None, {}, {"expires_in_s": None}])
def test_a_share_expires_after_a_week_by_default(api: SharingApi, body: Any) -> None:
    _, made = api.call(CREATE_SHARE, body)

    assert made["expires_at"] == "2026-12-01T07:10:00.312Z"


def test_a_closed_delivery_is_not_shared(api: SharingApi) -> None:
    api.call(DECLARE_EVENT, {"type": "delivered"})

    assert api.call(CREATE_SHARE)[0] == 409


@pytest.mark.parametrize("end", sorted(set(DeclaredType) - {DeclaredType.PICKED_UP}))
def test_a_share_opens_a_closed_delivery_for_as_long_as_it_may_be_viewed(
    api: SharingApi, end: str
) -> None:
    made = api.share()
    assert api.declare("picked_up", key="1")[0] == 201
    assert api.declare(end, key="2")[0] == 201
    api.now_ms += VIEWING_MINUTES * MINUTE_MS - 1
    still, opened = api.open(made["token"])
    api.now_ms += 1
    over, _ = api.open(made["token"])

    assert (still, over) == (201, 404)
    assert (opened["delivery"]["status"], opened["delivery"]["ended"]) == (end, True)


def test_shares_are_listed_with_their_use_and_revocation_and_without_tokens(
    api: SharingApi,
) -> None:
    first, second = api.share(), api.share(expires_in_s=60)
    api.open(first["token"])
    api.now_ms += 1_000
    api.open(first["token"])
    api.revoke(first["share_id"])
    _, listed = api.call(LIST_SHARES)
    api.now_ms += MINUTE_MS
    _, later = api.call(LIST_SHARES)

    assert [one["share_id"] for one in listed["shares"]] == [
        first["share_id"],
        second["share_id"],
    ]
    assert [one["tickets"] for one in listed["shares"]] == [2, 0]
    assert listed["shares"][0]["last_used_at"] == "2026-11-24T07:10:01.312Z"
    assert listed["shares"][0]["revoked_at"] == "2026-11-24T07:10:01.312Z"
    assert listed["shares"][0]["created_by"] == "ann"
    assert [one["share_id"] for one in later["shares"]] == [first["share_id"]]
    assert first["token"].partition("~")[2] not in json.dumps(listed)


def test_a_request_for_a_share_ticket_that_bypasses_the_edge_is_403() -> None:
    api = SharingApi(edge_secrets="s" * 20)

    assert api.open(f"D-1~{'x' * 43}")[0] == 403
    assert api.shares.finds == 0


@pytest.mark.parametrize("route", [ISSUE_TICKET, ISSUE_SHARE_TICKET])
def test_a_page_of_another_origin_gets_no_ticket(api: SharingApi, route: tuple[str, str]) -> None:
    token = api.share()["token"]

    def send_request(origin: str) -> int:
        if route == ISSUE_TICKET:
            return api.call(route, origin=origin)[0]
        return api.open(token, origin=origin)[0]

    assert [send_request(origin) for origin in (PAGE, "https://evil.example", "null")] == [
        201,
        403,
        403,
    ]


def test_a_token_is_503_and_not_404_while_the_share_store_is_unavailable(api: SharingApi) -> None:
    token = api.share()["token"]
    api.shares.is_unavailable = True

    assert api.open(token)[0] == 503
