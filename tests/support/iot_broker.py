"""AWS IoT Core as ministack emulates it: certificates, policies and fleet provisioning."""

from __future__ import annotations

import dataclasses
import json
import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from sim.local_cloud.ports import free_port
from tests.support.corrected_ministack import CORRECTED
from tests.support.ministack_process import required_ministack, running_ministack

RESPONDS_WITHIN_S = 60.0
"""Longer than any response takes, even on a busy machine."""
_LAUNCHER = """#!{python}
import asyncio, os, runpy
os.environ.update(AUTH="true", IOT_MTLS_ENABLED="1", IOT_MTLS_PORT="{port}")
create = asyncio.BaseEventLoop.create_server
def on_loopback(self, factory, host=None, *more, **options):
    # ministack opens this listener on every address.
    return create(self, factory, "127.0.0.1" if host == "0.0.0.0" else host, *more, **options)
asyncio.BaseEventLoop.create_server = on_loopback
runpy.run_path({corrected!r}, run_name="__main__")
"""


@contextmanager
def running_iot_core(folder: Path) -> Iterator[tuple[str, int]]:
    """Runs ministack, and yields the endpoint URL of all services and the MQTT port."""
    program = required_ministack()
    port = free_port()
    launcher = folder / "ministack-with-devices"
    launcher.write_text(
        _LAUNCHER.format(python=program.with_name("python"), port=port, corrected=str(CORRECTED))
    )
    launcher.chmod(0o755)
    with running_ministack(folder, launcher) as url:
        yield url, port


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @classmethod
    def of(cls, response: dict[str, Any], folder: Path, name: str) -> Certificate:
        """Writes the files from the response of CreateKeysAndCertificate, over HTTP or MQTT."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_text(response["certificatePem"])
        key.write_text(response.get("privateKey") or response["keyPair"]["PrivateKey"])
        return cls(certificate, key)


class RefusedError(Exception):
    """AWS IoT Core rejected what the device did."""


class Box:
    """A device; its callbacks run in one of paho's threads."""

    def __init__(self, port: int, certificate: Certificate, client_id: str) -> None:
        self._events: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._port = port
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5
        )
        tls = ssl.create_default_context()
        # The device does not verify the emulator's certificate.
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        tls.load_cert_chain(certificate.certificate, certificate.key)
        client.tls_set_context(tls)
        client.on_connect = lambda _c, _u, _f, code, _p: self._on_event("connect", code)
        client.on_disconnect = lambda _c, _u, _f, code, _p: self._on_event("disconnect", code)
        client.on_publish = lambda _c, _u, _m, code, _p: self._on_event("publish", code)
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self._on_event("subscribe", codes[0])
        client.on_message = lambda _c, _u, message: self._on_event("message", message)

    def __enter__(self) -> Box:
        """Connects.

        Raises:
            RefusedError: The device is not allowed to.
        """
        try:
            self._client.connect("127.0.0.1", self._port)
        except OSError as error:
            raise RefusedError(str(error)) from error
        self._client.loop_start()
        try:
            self._expect("connect")
        except RefusedError:
            self._client.loop_stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnects."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Publishes with QoS 1; returns when it is acknowledged.

        Raises:
            RefusedError: The device is not allowed to.
        """
        self._client.publish(topic, payload, qos=1)
        self._expect("publish")

    def subscribe(self, topic: str) -> None:
        """Subscribes with QoS 1.

        Raises:
            RefusedError: The device is not allowed to.
        """
        self._client.subscribe(topic, qos=1)
        self._expect("subscribe")

    def call(self, topic: str, document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Makes one of AWS's calls over MQTT.

        Returns:
            The outcome (accepted or rejected), and the response's document.
        """
        for response in ("accepted", "rejected"):
            self.subscribe(f"{topic}/{response}")
        self._client.publish(topic, json.dumps(document).encode(), qos=0)
        while (event := self._events.get(timeout=RESPONDS_WITHIN_S))[0] != "message":
            assert event[0] == "publish", event
        message = event[1]
        return message.topic.rpartition("/")[2], json.loads(message.payload)

    def _on_event(self, what: str, value: Any) -> None:
        self._events.put((what, value))

    def _expect(self, what: str) -> None:
        kind, code = self._events.get(timeout=RESPONDS_WITHIN_S)
        if kind != what or code.is_failure:
            raise RefusedError(f"{what}: {kind}: {code}")
