"""The connection to the broker, with aiomqtt: the only module that uses it.

Two things are not done as in aiomqtt's documentation. Messages come through `queue_type`, a
parameter of its client, directly to the session: iterating over messages would make a task for
each. And aiomqtt acknowledges automatically; manual acknowledgement is a feature of paho, which
aiomqtt uses, and is reached through a private attribute. `tests/contract/test_broker_contract.py`
tests both, and pyproject.toml pins the minor version.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from mqtt_bridge.classifying import Message
from mqtt_bridge.errors import BrokerError

TIMEOUT_S: Final = 10.0
_QOS: Final = 1
# Trucks should not retain messages. If one does, the bridges have already received the message.
_OPTIONS: Final = SubscribeOptions(qos=_QOS, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
_FIRST_FAILURE: Final = 0x80
"""Reason codes from here on mean a failure."""


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    """Passes each message on at once, and so is always empty."""

    def __init__(self, on_message: Callable[[Message], None]) -> None:
        super().__init__()
        self._on_message = on_message

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Called by aiomqtt for each message that arrives."""
        properties = item.properties
        self._on_message(
            Message(
                topic=str(item.topic),
                payload=item.payload,
                packet_id=item.mid,
                content_type=getattr(properties, "ContentType", ""),
                correlation=getattr(properties, "CorrelationData", None),
            )
        )


class BrokerConnection:
    """One connection; a new one is made for each attempt.

    Args:
        tls: The TLS context; None for a connection without TLS.
        username: The user. The session's name begins with it and is different for each connection:
            Artemis 2.55 mistakes packet ids of a resumed session for those of its old connection,
            and may then wait for acknowledgements that it already has. The shared subscription
            holds the messages, not the session.
        receive_maximum: Messages in flight before the broker waits for acknowledgements.
        keepalive_s: Seconds of silence after which either side checks the connection.
        session_expiry_s: Seconds after the connection's end at which the broker ends its session.
            No session is resumed. But a shared subscription ends with the last of its sessions, and
            a broker may then drop the messages that it holds for it.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        username: str,
        password: str,
        receive_maximum: int,
        keepalive_s: int,
        session_expiry_s: int,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._username = username
        self._password = password
        self._receive_maximum = receive_maximum
        self._keepalive_s = keepalive_s
        self._session_expiry_s = session_expiry_s
        self._client: aiomqtt.Client | None = None

    @contextlib.asynccontextmanager
    async def opened(
        self, subscriptions: Sequence[str], on_message: Callable[[Message], None]
    ) -> AsyncIterator[None]:
        """Connect, subscribe, and disconnect at the end.

        Args:
            subscriptions: What to subscribe to. The client never unsubscribes: the broker would
                drop the messages that it holds for the subscription.
            on_message: Called with each message, from the first moment on; must not raise.

        Raises:
            BrokerError: The broker can't be reached, or rejects the connection or a subscription.
        """
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._session_expiry_s
        properties.ReceiveMaximum = self._receive_maximum
        client = aiomqtt.Client(
            self._host,
            self._port,
            identifier=f"{self._username}/{secrets.token_hex(8)}",
            username=self._username,
            password=self._password,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,  # a clean start would drop the subscriptions
            properties=properties,
            queue_type=lambda maxsize: _Inbox(on_message),  # type: ignore[arg-type]
            timeout=TIMEOUT_S,
            keepalive=self._keepalive_s,
            tls_context=self._tls,
            # No Nagle delay: small acknowledgements must not wait for each other.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client._client.manual_ack_set(True)
        self._client = client
        try:
            async with client:
                codes = await client.subscribe([(one, _OPTIONS) for one in subscriptions])
                for one, code in zip(subscriptions, codes, strict=True):
                    if _number(code) >= _FIRST_FAILURE:
                        raise BrokerError(f"the broker rejected {one}: {code}")
                yield
        except aiomqtt.MqttError as error:
            raise BrokerError(str(error)) from error
        finally:
            self._client = None

    async def lost(self) -> None:
        """Wait until the connection is lost.

        Raises:
            BrokerError: The connection is lost.
        """
        assert self._client is not None  # noqa: S101 - called while it is open
        try:
            await anext(self._client.messages)  # the inbox never has a message
        except aiomqtt.MqttError as error:
            raise BrokerError(str(error)) from error

    def acknowledge(self, packet_id: int) -> None:
        """Acknowledge a message of this connection; does nothing when the connection is lost."""
        if self._client is not None:
            self._client._client.ack(packet_id, _QOS)

    async def publish(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        """Publish at most once (QoS 0); does nothing when the connection is lost."""
        if self._client is None:
            return
        properties = None
        if correlation is not None:
            properties = _properties(PacketTypes.PUBLISH)
            properties.CorrelationData = correlation
        with contextlib.suppress(aiomqtt.MqttError):
            await self._client.publish(topic, payload, qos=0, properties=properties)


def _properties(packet_type: int) -> Any:
    """The MQTT 5 properties of a packet; typed Any, since any attribute may be set."""
    return Properties(packet_type)  # type: ignore[no-untyped-call]


def _number(code: Any) -> int:
    return int(getattr(code, "value", code))
