"""A delivery_lambda on fakes, and short calls for its routes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from delivery_lambda.bootstrap import App
from delivery_lambda.dispatch import Dispatch
from delivery_lambda.handler import handle
from rtdts.delivery_store.block_list import BlockList
from rtdts.runtime.edge import Edge
from rtdts.runtime.logs import Logger
from rtdts.runtime.origins import Origins
from rtdts.runtime.rate_limits import RateLimits
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.tracking.deliveries import Status
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_shares import FakeShareStore
from tests.fakes.fake_tickets import FakeTicketStore
from tests.support.aws_events import aws_event, called_by, with_body
from tests.support.deliveries import NOW_MS, event_of, moved_to
from tests.support.delivery_shares import StopsOfStore, share_service_on
from tests.support.openapi_schema import validate_response

TRUCK = ("truck", "T-0012")
CUSTOMER = ("customer", "C-88")
DISPATCHER = ("dispatcher", "ann")
STRANGERS = [("customer", "C-99"), ("truck", "T-99")]
PAGE = "https://tracking.example.com"
"""The URL of the customers' page."""


class Api:
    """A delivery_lambda on fakes, and short calls for its routes.

    Args:
        max_shares: Maximum number of shares of one delivery.
        edge_secrets: The setting EDGE_SECRETS.
        store: Options of the fake store.
    """

    def __init__(self, *, max_shares: int = 20, edge_secrets: str = "", **store: Any) -> None:
        self.store = FakeDeliveryStore(**store)
        self.shares = FakeShareStore()
        self.stops = StopsOfStore(self.store)
        self.tickets = FakeTicketStore()
        self.nudges = FakeNudgeQueue()
        self.blocks = FakeBlockStore()
        self.lines = io.StringIO()
        self.now_ms = NOW_MS
        self.app = self.started(max_shares=max_shares, edge_secrets=edge_secrets)

    def started(self, *, max_shares: int = 20, edge_secrets: str = "") -> App:
        """Returns a new container on these stores that has not handled an event yet."""
        log = Logger("delivery_lambda", self.lines)
        sharing = share_service_on(
            self.store,
            shares=self.shares,
            stops=self.stops,
            tickets=self.tickets,
            nudges=self.nudges,
            log=log,
            most=max_shares,
            now_ms=lambda: self.now_ms,
        )
        return App(
            dispatch=Dispatch(
                deliveries=self.store,
                tickets=self.tickets,
                nudges=self.nudges,
                share_service=sharing,
                log=log,
                now_ms=lambda: self.now_ms,
            ),
            identity_claim="sub",
            blocks=BlockList(self.blocks, log=log, now_ms=lambda: self.now_ms),
            edge=Edge(edge_secrets),
            origins=Origins(PAGE),
            requests=RateLimits(per_minute=60, burst_minutes=1),
            rejection_log=RejectionLogLimiter(),
            log=log,
        )

    def send(self, event: dict[str, Any]) -> tuple[int, Any]:
        """Returns status code and decoded body of the response, which must be as documented."""
        response = handle(event, self.app)
        method, path = event["routeKey"].split(" ")
        self.headers = response["headers"]
        value = validate_response(
            method, path, response["statusCode"], response["headers"], response["body"]
        )
        return response["statusCode"], value

    def put(self, caller: tuple[str, str] = DISPATCHER, **changed: Any) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_put_delivery"), *caller)
        event["headers"] |= {"if-match": changed.pop("if_match", "")}
        event["pathParameters"]["delivery_id"] = changed.pop("delivery_id", "D-1")
        return self.send(with_body(event, {**json.loads(event["body"]), **changed}))

    def get(
        self, caller: tuple[str, str] = DISPATCHER, delivery_id: str = "D-1"
    ) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_get_delivery"), *caller)
        event["pathParameters"]["delivery_id"] = delivery_id
        return self.send(event)

    def list(self, caller: tuple[str, str] = DISPATCHER, **query: str) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_list_deliveries"), *caller)
        event.pop("queryStringParameters")
        return self.send(event | ({"queryStringParameters": query} if query else {}))

    def declare(
        self, what: str, caller: tuple[str, str] = DISPATCHER, key: str = "k", **more: Any
    ) -> tuple[int, Any]:
        event = called_by(aws_event("http_api_declare_event"), *caller)
        event["headers"]["idempotency-key"] = key
        return self.send(with_body(event, {"type": what, **more}))

    def ticket(self, caller: tuple[str, str]) -> tuple[int, Any]:
        return self.send(called_by(aws_event("http_api_issue_ticket"), *caller))

    def sensor(self, status: Status, delivery_id: str = "D-1", **changed: Any) -> None:
        """Appends a transition to the log, as the consumer does."""
        before = self.store.get(delivery_id)
        assert before is not None
        after = moved_to(before, status)
        self.store.append(before, after, [event_of(after, **changed)], matches=False)

    @property
    def log(self) -> Sequence[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]
