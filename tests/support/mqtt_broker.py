"""A test's own real MQTT broker and its identity provider, on free ports of 127.0.0.1."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mqtt_bridge.broker_client import BrokerConnection
from operations.devices import owntracks_over_mqtt
from sim.fleet.mqtt_truck import MqttTruck
from sim.local_cloud.applications import BRIDGE_ID, BRIDGE_ROLE, BRIDGE_USER
from sim.local_cloud.engines import plain_environment
from sim.local_cloud.identity_provider import DEFAULT_AUDIENCE, IdentityProvider, serve
from sim.local_cloud.mqtt_broker.broker import (
    MAX_BYTES,
    READY,
    broker_command,
    broker_environment,
)
from sim.local_cloud.ports import HOST, free_port
from sim.local_cloud.token_issuer import TokenIssuer, TokenRequest, load_or_create_key
from sim.setup.java import find_java
from sim.setup.mqtt_broker import broker_files
from sim.setup.places import find_places
from tests.fakes.fake_devices import FakeDeviceStore
from tests.support.owntracks_phone import OwnTracksPhone
from tests.support.phones_route import serving_phones
from tests.support.waiting import eventually


@dataclasses.dataclass
class BrokerProcess:
    """A broker that can be killed and started again on the same data."""

    command: Sequence[str]
    environment: dict[str, str]
    log: Path
    port: int
    issuer: TokenIssuer
    devices: FakeDeviceStore
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=output, stderr=output
            )
        eventually(lambda: READY.encode() in self.log.read_bytes()[offset:])

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def token(self, role: str, identity: str, ttl_s: int = 3600) -> str:
        request = TokenRequest(role=role, identity=identity, ttl_s=ttl_s)
        return self.issuer.issue(request, now_s=int(time.time()))

    def truck(self, truck_id: str, **options: Any) -> MqttTruck:
        """Returns a truck's connection with its token, not open yet; options of `MqttTruck`."""
        options = {"token": self.token("truck", truck_id)} | options
        return MqttTruck(f"mqtt://{HOST}:{self.port}", truck_id, **options)

    def phone(self, truck_id: str, **changed: Any) -> OwnTracksPhone:
        """Returns a phone with a new credential, configured by its link except for `changed`."""
        device, secret = self.devices.add(truck_id, name="", now_ms=0)
        setup = owntracks_over_mqtt(f"mqtt://{HOST}:{self.port}", device, secret)
        return OwnTracksPhone({**setup, **changed})

    def bridge(
        self, *, receive_maximum: int = 100, session_expiry_s: int = 3_600
    ) -> BrokerConnection:
        """Returns a bridge's connection, not open yet."""
        return BrokerConnection(
            host=HOST,
            port=self.port,
            tls=None,
            username=BRIDGE_USER,
            password=self.token(BRIDGE_ROLE, BRIDGE_ID),
            receive_maximum=receive_maximum,
            keepalive_s=15,
            session_expiry_s=session_expiry_s,
        )


@contextlib.contextmanager
def running_broker(folder: Path, *, max_bytes: int = MAX_BYTES) -> Iterator[BrokerProcess]:
    """Runs a broker, with its data and output in the folder."""
    port, provider_port = free_port(), free_port()
    url = f"http://{HOST}:{provider_port}"
    issuer = TokenIssuer(
        load_or_create_key(folder / "key.pem"), issuer=url, audience=DEFAULT_AUDIENCE
    )
    devices = FakeDeviceStore()
    places = find_places()
    files = broker_files(places, find_java(os.environ, places.python))
    environment = broker_environment(files, plain_environment())
    with _serving_identities(issuer, provider_port), serving_phones(devices) as phones_url:
        command = broker_command(
            files,
            data=folder / "data",
            port=port,
            issuer=url,
            audience=DEFAULT_AUDIENCE,
            phones_url=phones_url,
            max_bytes=max_bytes,
        )
        broker = BrokerProcess(command, environment, folder / "broker.log", port, issuer, devices)
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


@contextlib.contextmanager
def _serving_identities(issuer: TokenIssuer, port: int) -> Iterator[None]:
    provider = serve(
        IdentityProvider(issuer, secret="unused", now_s=time.time), host=HOST, port=port
    )
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        provider.shutdown()
        provider.server_close()
