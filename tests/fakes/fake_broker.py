"""An MQTT broker in memory, as a bridge sees it: one shared, durable queue."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from mqtt_bridge.classifying import Message
from mqtt_bridge.errors import BrokerError


class PublishedResult(NamedTuple):
    topic: str
    payload: bytes
    correlation: bytes | None


class FakeBroker:
    """Delivers each published message to one connection, again until it is acknowledged.

    Attributes:
        results: The results that bridges have published, in order.
        is_unavailable: Whether connections are refused.
    """

    def __init__(self, *, receive_maximum: int = 100) -> None:
        self.results: list[PublishedResult] = []
        self.is_unavailable = False
        self._receive_maximum = receive_maximum
        self._queue: deque[Message] = deque()
        self._connections: list[FakeBrokerConnection] = []

    @property
    def kept(self) -> int:
        """Messages that are not acknowledged."""
        return len(self._queue) + sum(len(one.in_flight) for one in self._connections)

    @property
    def in_flight(self) -> int:
        """Unacknowledged messages that a bridge has received."""
        return sum(len(one.in_flight) for one in self._connections)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        content_type: str = "",
        correlation: bytes | None = None,
    ) -> None:
        self._queue.append(Message(topic, payload, 0, content_type, correlation))
        self.deliver()

    def connection(self) -> FakeBrokerConnection:
        return FakeBrokerConnection(self)

    def lose_connections(self) -> None:
        for one in list(self._connections):
            one.lose()

    def deliver(self) -> None:
        while self._queue:
            free = [one for one in self._connections if len(one.in_flight) < self._receive_maximum]
            if not free:
                return
            min(free, key=lambda one: len(one.in_flight)).deliver(self._queue.popleft())

    def join(self, connection: FakeBrokerConnection) -> None:
        self._connections.append(connection)
        self.deliver()

    def leave(self, connection: FakeBrokerConnection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self._queue.extendleft(reversed(connection.in_flight.values()))
            connection.in_flight.clear()
            self.deliver()


class FakeBrokerConnection:
    """The port `mqtt_bridge.app.Connection`."""

    def __init__(self, broker: FakeBroker) -> None:
        self.in_flight: dict[int, Message] = {}
        self._broker = broker
        self._on_message: Callable[[Message], None] = lambda _: None
        self._lost = asyncio.Event()
        self._last_id = 0

    @contextlib.asynccontextmanager
    async def opened(
        self, subscriptions: Sequence[str], on_message: Callable[[Message], None]
    ) -> AsyncIterator[None]:
        if self._broker.is_unavailable:
            raise BrokerError("unavailable")
        self._on_message = on_message
        self._broker.join(self)
        try:
            yield
        finally:
            self._broker.leave(self)

    async def lost(self) -> None:
        await self._lost.wait()
        raise BrokerError("lost")

    def lose(self) -> None:
        self._broker.leave(self)
        self._lost.set()

    def deliver(self, message: Message) -> None:
        self._last_id += 1
        mine = message._replace(packet_id=self._last_id)
        self.in_flight[mine.packet_id] = mine
        self._on_message(mine)

    def acknowledge(self, packet_id: int) -> None:
        if self._lost.is_set():
            return
        del self.in_flight[packet_id]
        self._broker.deliver()

    async def publish(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        self._broker.results.append(PublishedResult(topic, payload, correlation))
