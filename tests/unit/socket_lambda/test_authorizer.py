"""Which tokens and tickets open a socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rtdts.delivery_store.tickets import TicketHolder
from rtdts.runtime.settings import SettingsError, read_settings
from rtdts.tracking.blocks import Block
from socket_lambda.authorizer import UnauthorizedError, authorize
from socket_lambda.authorizer_bootstrap import build_authorizer
from socket_lambda.authorizer_settings import Settings
from socket_lambda.bootstrap import build
from socket_lambda.signing_keys import KeysUnavailable
from tests.support.aws_events import aws_event
from tests.support.blocks import revocation
from tests.support.deliveries import NOW_MS, ticket_holder
from tests.support.socket_gate import HOUR_MS, UNAUTHORIZED, Gate, effect


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.mark.parametrize("header", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_valid_token_opens_the_socket(gate: Gate, header: str, scheme: str) -> None:
    policy = gate.by_token(f"{scheme} the-token", header)

    assert effect(policy) == "Allow"
    assert policy["principalId"] == "customer:C-88"
    assert policy["context"] == {
        "role": "customer",
        "identity": "C-88",
        "expires_at": (NOW_MS + HOUR_MS) // 1000,
        "token_id": "jti-7",
        "issued_at": NOW_MS // 1000,
        "delivery_id": "",
    }


def test_a_ticket_opens_one_socket_with_the_identity_of_its_token(gate: Gate) -> None:
    ticket = gate.tickets.issue(
        ticket_holder("dispatcher", "ann", NOW_MS + HOUR_MS), NOW_MS - 29_000
    ).ticket
    policy = gate.by_ticket(ticket)

    assert effect(policy) == "Allow"
    assert policy["context"]["identity"] == "ann"
    assert policy["context"]["expires_at"] == (NOW_MS + HOUR_MS) // 1000
    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_ticket(ticket)


@pytest.mark.parametrize("authorization", ["Bearer forged", "Bearer ", "Basic the-token", ""])
def test_an_invalid_authorization_header_is_unauthorized(gate: Gate, authorization: str) -> None:
    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_token(authorization)


def test_expired_and_invented_tickets_are_unauthorized(gate: Gate) -> None:
    late = gate.tickets.issue(
        ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS - 30_000
    ).ticket
    for ticket in (late, "invented"):
        with pytest.raises(Exception, match=UNAUTHORIZED):
            gate.by_ticket(ticket)


@pytest.mark.parametrize("query", [None, {}, {"ticket": ""}, {"other": "x"}])
def test_a_client_without_credentials_is_unauthorized(gate: Gate, query: Any) -> None:
    event = aws_event("socket_authorize_by_ticket")
    event["queryStringParameters"] = query

    with pytest.raises(Exception, match=UNAUTHORIZED):
        authorize(event, gate.app)


def test_a_forged_token_is_unauthorized_even_with_a_valid_ticket(gate: Gate) -> None:
    ticket = gate.tickets.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS).ticket
    event = aws_event("socket_authorize_by_ticket")
    event["queryStringParameters"] = {"ticket": ticket}
    event["headers"]["Authorization"] = "Bearer forged"

    with pytest.raises(Exception, match=UNAUTHORIZED):
        authorize(event, gate.app)
    assert effect(gate.by_ticket(ticket)) == "Allow", "and the ticket is not spent by it"


@pytest.mark.parametrize("token", ["a-trucks", "an-admins"])
def test_a_role_that_views_nothing_is_denied(gate: Gate, token: str) -> None:
    policy = gate.by_token(f"Bearer {token}")

    assert effect(policy) == "Deny"
    assert policy["context"] == {}


def test_unavailable_signing_keys_are_an_error_and_not_unauthorized(gate: Gate) -> None:
    gate.tokens.is_unavailable = True

    with pytest.raises(KeysUnavailable):
        gate.by_token("Bearer the-token")


def test_rejected_callers_are_not_counted_as_failures_of_the_authorizer(gate: Gate) -> None:
    gate.handled("Bearer the-token")
    gate.handled("Bearer a-trucks")
    with pytest.raises(UnauthorizedError, match=UNAUTHORIZED):
        gate.handled("Bearer forged")

    assert gate.failures == 0
    assert '"level":"error"' not in gate.lines.getvalue()


def test_unavailable_signing_keys_are_counted_and_logged_as_a_failure(gate: Gate) -> None:
    gate.tokens.is_unavailable = True
    with pytest.raises(KeysUnavailable):
        gate.handled("Bearer the-token")

    assert gate.failures == 1
    assert '"level":"error"' in gate.lines.getvalue()


def test_settings_that_cannot_be_used_are_counted_as_a_failure(gate: Gate) -> None:
    with pytest.raises(SettingsError):
        gate.handled("Bearer the-token", lambda: build_authorizer({}))

    assert gate.failures == 1


def test_each_attempt_is_logged_in_one_line_without_secrets(gate: Gate) -> None:
    ticket = gate.tickets.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS).ticket
    gate.by_token("Bearer the-token")
    gate.by_ticket(ticket)
    with pytest.raises(Exception, match="Unauthorized"):
        gate.by_token("Bearer forged")
    gate.by_token("Bearer a-trucks")
    lines = [json.loads(line) for line in gate.lines.getvalue().splitlines()]

    assert [line["outcome"] for line in lines] == [
        "admitted",
        "admitted",
        "not_valid",
        "wrong_role",
    ]
    for secret in ("the-token", ticket, "forged", "a-trucks"):
        assert secret not in gate.lines.getvalue()


@pytest.mark.parametrize(
    ("start", "required"),
    [
        (build, {"DELIVERIES_TABLE", "SUBSCRIPTIONS_TABLE", "SNAPSHOT_QUEUE_URL"}),
        (build_authorizer, {"SOCKET_TICKETS_TABLE", "ISSUER", "AUDIENCE"}),
    ],
)
def test_settings_that_are_missing_are_all_named_before_anything_connects(
    start: Any, required: set[str]
) -> None:
    with pytest.raises(SettingsError) as error:
        start({})

    named = {problem.partition(" ")[0] for problem in error.value.problems}
    assert required <= named


def test_the_authorizer_needs_no_setting_of_the_routes() -> None:
    environ = {
        "SOCKET_TICKETS_TABLE": "t",
        "BLOCKED_IDENTITIES_TABLE": "b",
        "ISSUER": "https://id.example",
        "AUDIENCE": "rtdts",
    }

    assert read_settings(Settings, environ).socket_tickets_table == "t"


@pytest.mark.parametrize(
    "block",
    [
        revocation("customer:C-88", NOW_MS),
        revocation("token:jti-7", NOW_MS),
        revocation("customer:C-88", NOW_MS, issued_before_ms=NOW_MS + 1),
    ],
)
def test_a_revoked_token_and_its_tickets_open_no_socket(gate: Gate, block: Block) -> None:
    holder = TicketHolder(
        role="customer",
        identity="C-88",
        token_expires_at_ms=NOW_MS + HOUR_MS,
        token_id="jti-7",
        token_issued_at_ms=NOW_MS,
    )
    ticket = gate.tickets.issue(holder, NOW_MS).ticket
    gate.blocks.block(block)

    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_token("Bearer the-token")
    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_ticket(ticket)


@pytest.mark.parametrize("ticket", ["x", "x" * 42, "x" * 44, "x" * 42 + "!", "é" * 43, "x" * 5_000])
def test_a_malformed_ticket_is_rejected_without_a_write(gate: Gate, ticket: str) -> None:
    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_ticket(ticket)

    assert gate.tickets.spendings == 0


def test_a_request_that_bypasses_the_edge_opens_no_socket_and_spends_no_ticket() -> None:
    gate = Gate(edge_secrets="the-edges")
    ticket = gate.tickets.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS).ticket
    rejected = [gate.by_ticket(ticket), gate.by_token("Bearer the-token")]
    event = aws_event("socket_authorize_by_token")
    event["headers"] |= {"Authorization": "Bearer the-token", "X-Rtdts-Edge": "the-edges"}

    assert [effect(policy) for policy in rejected] == ["Deny", "Deny"]
    assert gate.tickets.spendings == 0
    assert effect(authorize(event, gate.app)) == "Allow"
