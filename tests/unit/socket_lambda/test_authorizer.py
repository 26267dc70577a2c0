from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.tickets import TicketHolder
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.origins import Origins
from rtdts.runtime.settings import SettingsError, read_settings
from rtdts.tracking.blocks import Block, BlockKind, Token
from socket_lambda.authorizer import (
    METRICS,
    METRICS_COMPONENT,
    UnauthorizedError,
    authorize,
    handle,
)
from socket_lambda.authorizer_bootstrap import AuthorizerApp, build_authorizer
from socket_lambda.authorizer_settings import Settings
from socket_lambda.bootstrap import build
from socket_lambda.signing_keys import KeysUnavailable
from socket_lambda.tokens import Holder, InvalidToken
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_tickets import FakeTicketStore
from tests.support.aws_events import aws_event
from tests.support.deliveries import NOW_MS, ticket_holder

HOUR_MS = 3_600_000
UNAUTHORIZED = r"^Unauthorized$"  # exactly this text makes the gateway return 401
ARN = "arn:aws:execute-api:eu-central-1:123456789012:f6g7h8i9j0/live/$connect"


class FakeTokens:
    """Knows tokens by heart."""

    def __init__(self) -> None:
        self.holders = {
            "the-token": Holder(
                role="customer",
                identity="C-88",
                expires_at_ms=NOW_MS // 1000 * 1000 + HOUR_MS,
                token=Token("jti-7", NOW_MS),
            ),
            "a-trucks": Holder(role="truck", identity="T-1", expires_at_ms=NOW_MS + HOUR_MS),
            "an-admins": Holder(role="", identity="root", expires_at_ms=NOW_MS + HOUR_MS),
        }
        self.is_unavailable = False

    def read(self, token: str) -> Holder:
        if self.is_unavailable:
            raise KeysUnavailable("unavailable")
        if token not in self.holders:
            raise InvalidToken("unknown")
        return self.holders[token]


class Gate:
    def __init__(self, edge_secrets: str = "", allowed_origins: str = "") -> None:
        self.tokens = FakeTokens()
        self.tickets = FakeTicketStore()
        self.blocks = FakeBlockStore()
        self.lines = io.StringIO()
        self.app = AuthorizerApp(
            tokens=self.tokens,
            tickets=self.tickets,
            blocks=BlockList(self.blocks, log=Logger("test", self.lines), now_ms=lambda: NOW_MS),
            edge=Edge(edge_secrets),
            origins=Origins(allowed_origins),
            log=Logger("test", self.lines),
            now_ms=lambda: NOW_MS,
        )

    def by_token(self, authorization: str, header: str = "Authorization") -> Any:
        event = aws_event("socket_authorize_by_token")
        del event["headers"]["Authorization"]
        event["headers"][header] = authorization
        return authorize(event, self.app)

    def handled(self, authorization: str, app: Callable[[], AuthorizerApp] | None = None) -> Any:
        """Through the handler, which counts failures of its own."""
        event = aws_event("socket_authorize_by_token")
        event["headers"]["Authorization"] = authorization
        return handle(
            event,
            app or (lambda: self.app),
            log=Logger("test", self.lines),
            metrics=MetricWriter(METRICS_COMPONENT, METRICS, stream=self.lines),
        )

    @property
    def failures(self) -> int:
        """How many failures of its own were counted."""
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return sum(line.get("AuthorizerFailures", 0) for line in lines if "_aws" in line)

    def by_ticket(self, ticket: str) -> Any:
        event = aws_event("socket_authorize_by_ticket")
        event["queryStringParameters"] = {"ticket": ticket}
        return authorize(event, self.app)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def effect(policy: Any) -> str:
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == ARN
    return str(statement["Effect"])


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


def test_a_ticket_opens_one_socket_in_the_name_of_its_token(gate: Gate) -> None:
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
def test_a_token_that_proves_nothing_is_unauthorized(gate: Gate, authorization: str) -> None:
    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_token(authorization)


def test_a_late_and_an_invented_ticket_are_unauthorized(gate: Gate) -> None:
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


def test_a_forged_token_is_not_made_good_by_a_ticket(gate: Gate) -> None:
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


def test_keys_that_are_unavailable_are_no_fault_of_the_viewers(gate: Gate) -> None:
    gate.tokens.is_unavailable = True

    with pytest.raises(KeysUnavailable):
        gate.by_token("Bearer the-token")


def test_a_stranger_is_no_failure_of_the_authorizer(gate: Gate) -> None:
    gate.handled("Bearer the-token")
    gate.handled("Bearer a-trucks")
    with pytest.raises(UnauthorizedError, match=UNAUTHORIZED):
        gate.handled("Bearer forged")

    assert gate.failures == 0
    assert '"level":"error"' not in gate.lines.getvalue()


def test_keys_that_are_unavailable_are_counted_as_a_failure_and_logged_as_one(gate: Gate) -> None:
    gate.tokens.is_unavailable = True
    with pytest.raises(KeysUnavailable):
        gate.handled("Bearer the-token")

    assert gate.failures == 1
    assert '"level":"error"' in gate.lines.getvalue()


def test_settings_that_cannot_be_used_are_counted_as_a_failure(gate: Gate) -> None:
    with pytest.raises(SettingsError):
        gate.handled("Bearer the-token", lambda: build_authorizer({}))

    assert gate.failures == 1


def test_each_attempt_is_one_line_of_log_without_secrets(gate: Gate) -> None:
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


def revoked(subject: str, **more: Any) -> Block:
    return Block(
        subject=subject,
        kind=BlockKind.REVOKED,
        until_ms=NOW_MS + HOUR_MS,
        reason="stolen",
        blocked_at_ms=NOW_MS,
        **more,
    )


@pytest.mark.parametrize(
    "block",
    [
        revoked("customer:C-88"),
        revoked("token:jti-7"),
        revoked("customer:C-88", issued_before_ms=NOW_MS + 1),
    ],
)
def test_a_revoked_token_opens_nothing_nor_does_a_ticket_that_it_got(
    gate: Gate, block: Block
) -> None:
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
def test_an_impossible_ticket_costs_no_write(gate: Gate, ticket: str) -> None:
    with pytest.raises(Exception, match=UNAUTHORIZED):
        gate.by_ticket(ticket)

    assert gate.tickets.spendings == 0


def test_a_request_around_the_edge_opens_nothing_and_spends_nothing() -> None:
    gate = Gate(edge_secrets="the-edges")
    ticket = gate.tickets.issue(ticket_holder("customer", "C-88", NOW_MS + HOUR_MS), NOW_MS).ticket
    rejected = [gate.by_ticket(ticket), gate.by_token("Bearer the-token")]
    event = aws_event("socket_authorize_by_token")
    event["headers"] |= {"Authorization": "Bearer the-token", "X-Rtdts-Edge": "the-edges"}

    assert [effect(policy) for policy in rejected] == ["Deny", "Deny"]
    assert gate.tickets.spendings == 0
    assert effect(authorize(event, gate.app)) == "Allow"
