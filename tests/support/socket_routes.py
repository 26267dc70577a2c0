"""socket_lambda on fakes, and short calls for its routes."""

from __future__ import annotations

import io
from typing import Any

from rtdts.delivery_store.block_list import BlockList
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import Delivery
from rtdts.tracking.topics import delivery_topic, socket_endpoint
from socket_lambda.bootstrap import App
from socket_lambda.dispatch import Dispatch
from socket_lambda.handler import handle
from socket_lambda.limits import SocketLimiter, SocketLimits
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_socket_limits import FakeSocketLimitStore
from tests.fakes.fake_subscriptions import FakeSubscriptionStore
from tests.support.asyncapi_schema import validate_message
from tests.support.aws_events import aws_event, with_body
from tests.support.deliveries import NOW_MS, event_of

CONNECTION = "JKJbWfMPLAMCJ1Q="
EXPIRES_AT_MS = 1_795_506_600_000
TAKEN_AT_MS = 1_795_503_060_121
"""When the gateway received the events."""
MAX_TRACKED = 2
LIMITS = SocketLimits.of(max_sockets=3, connects_per_minute=6, max_tracked=10, frames_per_minute=30)


class FakePoster:
    """Keeps the messages to each connection."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any]] = []
        self.ended: list[str] = []
        self.gone = False
        self.trouble: Exception | None = None

    def post(self, connection_id: str, message: bytes) -> bool:
        if self.trouble is not None:
            raise self.trouble
        if self.gone:
            return False
        self.posted.append((connection_id, validate_message(message)))
        return True

    def end(self, connection_id: str) -> None:
        self.ended.append(connection_id)


def too_much(connection_id: str) -> None:
    raise AssertionError(f"{connection_id} posted too much")


class Socket:
    """socket_lambda on fakes, and short calls for its routes."""

    def __init__(self) -> None:
        self.deliveries = FakeDeliveryStore()
        self.subscriptions = FakeSubscriptionStore()
        self.nudges = FakeNudgeQueue()
        self.poster = FakePoster()
        self.blocks = FakeBlockStore()
        self.lines = io.StringIO()
        self.now_ms = NOW_MS
        dispatch = Dispatch(
            deliveries=self.deliveries,
            subscriptions=self.subscriptions,
            snapshots=self.nudges,
            poster=self.poster,
            limits=SocketLimiter(
                FakeSocketLimitStore(),
                LIMITS,
                close=too_much,
                now_ms=lambda: self.now_ms,
            ),
            blocks=BlockList(
                self.blocks, log=Logger("test", self.lines), now_ms=lambda: self.now_ms
            ),
            max_tracked=MAX_TRACKED,
            now_ms=lambda: self.now_ms,
        )
        self.app = App(dispatch=dispatch, log=Logger("test", self.lines))

    def has(self, *deliveries: Delivery) -> None:
        for one in deliveries:
            self.deliveries.append(None, one, [event_of(one)], matches=True)

    def send(
        self, name: str, body: Any = None, role: str = "customer", identity: str = "C-88"
    ) -> Any:
        event = aws_event(f"socket_{name}")
        event["requestContext"]["authorizer"] |= {"role": role, "identity": identity}
        return handle(event if body is None else with_body(event, body), self.app)

    def track(self, delivery_id: str, **sender: str) -> None:
        response = self.send("track", {"action": "track", "delivery_id": delivery_id}, **sender)
        assert response == {"statusCode": 200}

    @property
    def replies(self) -> list[Any]:
        return [message for _, message in self.poster.posted]

    @property
    def followed(self) -> list[str]:
        return [
            delivery_id
            for delivery_id in ("D-1", "D-2", "D-3")
            if self.subscriptions.has(delivery_topic(delivery_id), socket_endpoint(CONNECTION))
        ]
