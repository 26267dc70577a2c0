"""A truck's connection to the broker; rejected and unacknowledged messages raise.

aiomqtt itself treats a negative acknowledgement as a positive one, and waits for one on a
connection that has ended. So messages are published by paho, the client beneath it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

FIRST_FAILURE = 0x80
"""Reason codes from this value on mean a rejection."""
TIMEOUT_S = 30.0

OnMessage = Callable[[str, bytes, bytes | None], None]
"""Receives a message's topic, payload and correlation data."""


class NotPublishedError(Exception):
    """There was no acknowledgement: the broker may or may not have the message."""


class RejectedByBrokerError(Exception):
    """The broker rejected a connection, a message or a subscription."""


class MqttTruck:
    """One connection of a truck to the broker.

    Args:
        url: ``mqtt://host:port``, or ``mqtts://`` for TLS.
        truck_id: The truck; also the user name and the session.
        token: Its token.
        on_message: Called with each message received.
        identifier: Session name, if it is not the truck's id.
        timeout_s: How long to wait for a response.
    """

    def __init__(
        self,
        url: str,
        truck_id: str,
        token: str,
        *,
        on_message: OnMessage = lambda *_: None,
        identifier: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        parts = urlsplit(url)
        self._client = aiomqtt.Client(
            str(parts.hostname),
            parts.port or (8883 if parts.scheme == "mqtts" else 1883),
            identifier=identifier or truck_id,
            username=truck_id,
            password=token,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            timeout=timeout_s,
            tls_context=ssl.create_default_context() if parts.scheme == "mqtts" else None,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        self._client.pending_calls_threshold = 1_000_000
        self._paho: Any = self._client._client
        self._paho.on_publish = self._published
        self._paho.max_inflight_messages_set(0)  # only the broker's limit applies
        self._on_message = on_message
        self._timeout_s = timeout_s
        self._pending: dict[int, asyncio.Future[None]] = {}
        self._reading: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Opens the connection for the duration of an `async with` block.

        Raises:
            RejectedByBrokerError: The token, the user name or the session name was rejected.
            NotPublishedError: The broker can't be reached.
        """
        try:
            await self._client.__aenter__()
        except MqttConnectError as error:
            raise RejectedByBrokerError(str(error)) from error
        except aiomqtt.MqttError as error:
            raise NotPublishedError(str(error)) from error
        self._reading = asyncio.create_task(self._read())
        try:
            yield
        finally:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            with contextlib.suppress(aiomqtt.MqttError):
                await self._client.__aexit__(None, None, None)

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._reading is None or self._reading.done()

    async def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        content_type: str = "",
        correlation: bytes | None = None,
    ) -> None:
        """Publish a message, and return when the broker has acknowledged it.

        Raises:
            RejectedByBrokerError: It was rejected.
            NotPublishedError: There was no acknowledgement.
        """
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if content_type:
            properties.ContentType = content_type
        if correlation is not None:
            properties.CorrelationData = correlation
        if self.is_lost:
            raise NotPublishedError("the connection is lost")
        sent = self._paho.publish(topic, payload, qos=1, properties=properties)
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending[sent.mid] = acknowledged
        try:
            async with asyncio.timeout(self._timeout_s):
                await acknowledged
        except TimeoutError as error:
            raise NotPublishedError("no acknowledgement in time") from error
        finally:
            self._pending.pop(sent.mid, None)

    async def subscribe(self, topic: str) -> None:
        """Subscribe to a topic.

        Raises:
            RejectedByBrokerError: It was rejected, perhaps by ending the connection.
        """
        subscribing = asyncio.ensure_future(self._client.subscribe(topic, qos=1))
        assert self._reading is not None  # noqa: S101 - called while it is open
        await asyncio.wait({subscribing, self._reading}, return_when=asyncio.FIRST_COMPLETED)
        if not subscribing.done():
            subscribing.cancel()
            raise RejectedByBrokerError("the connection has ended")
        try:
            codes = await subscribing
        except aiomqtt.MqttError as error:
            raise RejectedByBrokerError(str(error)) from error
        if any(reason_number(code) >= FIRST_FAILURE for code in codes):
            raise RejectedByBrokerError(str(codes))

    def _published(self, _client: Any, _data: Any, mid: int, code: Any, _more: Any) -> None:
        waiting = self._pending.get(mid)
        if waiting is None or waiting.done():
            return
        if reason_number(code) >= FIRST_FAILURE:
            waiting.set_exception(RejectedByBrokerError(str(code)))
        else:
            waiting.set_result(None)

    async def _read(self) -> None:
        try:
            async for message in self._client.messages:
                correlation = getattr(message.properties, "CorrelationData", None)
                self._on_message(str(message.topic), bytes(message.payload), correlation)
        except aiomqtt.MqttError:
            for waiting in self._pending.values():
                if not waiting.done():
                    waiting.set_exception(NotPublishedError("the connection is lost"))


def reason_number(code: Any) -> int:
    """The number of a reason code, which paho represents differently for MQTT 5 and before."""
    return int(getattr(code, "value", code))
