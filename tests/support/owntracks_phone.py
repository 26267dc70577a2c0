"""A phone with the app OwnTracks in MQTT mode, according to its sources (Android, June 2026).

``MQTTConnectionConfiguration.kt`` defines how it connects: with a will of ``{"_type":"lwt"}`` with
QoS 0 on its base topic, and always with a subscription. ``DefaultsProvider.kt`` has the defaults.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

LWT = b'{"_type":"lwt"}'
LEVELS = {3: aiomqtt.ProtocolVersion.V31, 4: aiomqtt.ProtocolVersion.V311}


class OwnTracksPhone:
    """One phone.

    Args:
        setup: Its configuration; other options have the app's defaults.
    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._setup = setup
        user, device = setup["username"], setup["deviceId"]
        base = setup.get("pubTopicBase", "owntracks/%u/%d")
        self.topic = str(base.replace("%u", user).replace("%d", device))
        self._sub_topics = setup.get(
            "subTopic", f"owntracks/+/+ owntracks/+/+/event {self.topic}/cmd"
        )
        self._retain = setup.get("pubRetain", True)
        self._client = aiomqtt.Client(
            setup["host"],
            setup["port"],
            identifier=setup.get("clientId", f"{user}{device}".lower()),
            username=user,
            password=setup["password"],
            protocol=LEVELS[setup.get("mqttProtocolLevel", 3)],
            clean_session=setup.get("cleanSession", False),
            will=aiomqtt.Will(setup.get("willTopic", self.topic), LWT, qos=0),
            timeout=5.0,
        )

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Opens its connection, and subscribes as the app does.

        Raises:
            aiomqtt.MqttError: The broker rejects the connection or the subscription.
        """
        async with self._client:
            codes = await self._client.subscribe([(one, 1) for one in self._sub_topics.split()])
            if any((code if isinstance(code, int) else code.value) >= 0x80 for code in codes):
                raise aiomqtt.MqttError(f"not subscribed: {codes}")
            yield

    async def publish(self, payload: bytes, *, below: str = "", topic: str | None = None) -> None:
        """Publishes with QoS 1; returns when it is acknowledged.

        Args:
            payload: The message.
            below: A suffix of its topic, such as ``/event``.
            topic: The topic; None for its own.

        Raises:
            aiomqtt.MqttError: It was not acknowledged.
        """
        await self._client.publish(
            topic or self.topic + below, payload, qos=1, retain=self._retain, timeout=5.0
        )

    def vanish(self) -> None:
        """Connects and disconnects abruptly, so that the broker publishes its will."""
        client = paho.Client(CallbackAPIVersion.VERSION2, self._setup["clientId"])
        client.username_pw_set(self._setup["username"], self._setup["password"])
        client.will_set(self._setup.get("willTopic", self.topic), LWT)
        client.connect(self._setup["host"], self._setup["port"])
        while not client.is_connected():
            client.loop(timeout=1.0)
        sock = client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
