"""The sockets' authorizer, on fakes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

from rtdts.delivery_store.block_list import BlockList
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.origins import Origins
from rtdts.tracking.blocks import Token
from socket_lambda.authorizer import METRICS, METRICS_COMPONENT, authorize, handle
from socket_lambda.authorizer_bootstrap import AuthorizerApp
from socket_lambda.signing_keys import KeysUnavailable
from socket_lambda.tokens import Holder, InvalidToken
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_tickets import FakeTicketStore
from tests.support.aws_events import aws_event
from tests.support.deliveries import NOW_MS

HOUR_MS = 3_600_000
UNAUTHORIZED = r"^Unauthorized$"  # only with this text does the gateway return 401
ARN = "arn:aws:execute-api:eu-central-1:123456789012:f6g7h8i9j0/live/$connect"


class FakeTokens:
    """Verifies tokens by comparing them with known ones."""

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
    """The authorizer, with fakes of its stores."""

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
        """Calls the handler, which counts its own failures."""
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
        """Returns how many of its own failures were counted."""
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return sum(line.get("AuthorizerFailures", 0) for line in lines if "_aws" in line)

    def by_ticket(self, ticket: str) -> Any:
        event = aws_event("socket_authorize_by_ticket")
        event["queryStringParameters"] = {"ticket": ticket}
        return authorize(event, self.app)


def effect(policy: Any) -> str:
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == ARN
    return str(statement["Effect"])
