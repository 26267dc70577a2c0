"""API Gateway's management API as the broadcaster uses it: scripted, and it keeps the posts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from broadcaster.sender import Payload, PostOutcome
from rtdts.runtime.deadline import Deadline
from tests.fakes.aws_limits import SOCKET_FRAME_BYTES, breach
from tests.support.asyncapi_schema import validate_message


class FakeGateway:
    """Accepts posts that fit into a frame.

    A larger post fails: our posts are never split into frames.
    """

    def __init__(self) -> None:
        self.payloads: defaultdict[str, list[Payload]] = defaultdict(list)
        """The payloads posted to each connection, delivered or not, in order."""
        self.ended: set[str] = set()
        """Connections that are gone because they were ended."""
        self.end_response = PostOutcome.DELIVERED
        self.before_response: Callable[[str], None] = lambda _: None
        self.while_connecting: Callable[[str], None] = lambda _: None
        self._responses: dict[str, list[PostOutcome]] = {}
        self._delayed: dict[str, asyncio.Event] = {}
        self._posted = asyncio.Condition()

    def respond_with(self, connection_id: str, *responses: PostOutcome) -> None:
        """Sets the connection's next responses; the last one is repeated."""
        self._responses[connection_id] = list(responses)

    def hold(self, connection_id: str) -> asyncio.Event:
        """Delays responses to posts to the connection until the event is set."""
        return self._delayed.setdefault(connection_id, asyncio.Event())

    async def post(self, connection_id: str, payload: Payload, write_by: Deadline) -> PostOutcome:
        self.while_connecting(connection_id)
        if write_by.passed:
            return PostOutcome.TOO_LATE
        self.payloads[connection_id].append(payload)
        async with self._posted:
            self._posted.notify_all()
        if connection_id in self.ended:
            return PostOutcome.GONE
        if connection_id in self._delayed:
            await self._delayed[connection_id].wait()
        self.before_response(connection_id)
        too_large = breach("post_to_connection", {"Data": payload.data}) is not None
        if too_large or len(payload.data) > SOCKET_FRAME_BYTES:
            return PostOutcome.FAILED
        responses = self._responses.get(connection_id, [PostOutcome.DELIVERED])
        return responses.pop(0) if len(responses) > 1 else responses[0]

    async def end(self, connection_id: str) -> PostOutcome:
        if connection_id in self.ended:
            return PostOutcome.GONE
        if self.end_response is PostOutcome.DELIVERED:
            self.ended.add(connection_id)
        return self.end_response

    async def wait_for_posts(self, connection_ids: Iterable[str]) -> None:
        """Returns when each of these connections was posted to at least once."""
        expected = set(connection_ids)
        async with self._posted:
            await self._posted.wait_for(lambda: expected <= self.payloads.keys())

    def messages(self, connection_id: str) -> list[dict[str, Any]]:
        """Returns the connection's messages, each validated against the documented contract."""
        return [validate_message(payload.data) for payload in self.payloads.get(connection_id, [])]

    def types(self, connection_id: str) -> list[str]:
        return [message["type"] for message in self.messages(connection_id)]
