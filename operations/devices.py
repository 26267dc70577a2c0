"""Adds, lists and revokes devices' credentials: those of phones, and of trucks to enroll."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote, urlencode, urlsplit

import segno

from operations.blocking import EFFECTIVE_WITHIN_S
from operations.errors import UnsafeOperationError
from rtdts.delivery_store.devices import Device
from rtdts.delivery_store.enrollments import can_be_thing
from rtdts.tracking.instants import MS_PER_DAY, format_instant

OWNTRACKS_PATH: Final = "/phones/owntracks"
TRACCAR_CLIENT_PATH: Final = "/phones/traccar-client"
_MQTT_MODE, _HTTP_MODE = 0, 3
_MOVE = 2
"""Values of OwnTracks: its endpoint's modes, and how it monitors the location."""
_MQTT_3_1_1 = 4
_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_INTERVAL_S = 10


class Devices(Protocol):
    """See `rtdts.delivery_store.devices.DeviceStore`."""

    def add(self, truck_id: str, *, name: str, now_ms: int) -> tuple[Device, str]:
        """Creates a credential; returns it with its secret."""

    def list_devices(self, truck_id: str | None = None) -> Sequence[Device]:
        """Returns every device, or one truck's."""

    def revoke(self, truck_id: str, device_id: str | None = None) -> Sequence[Device]:
        """Deletes a truck's credentials, or one; returns the deleted ones."""


class Enrollments(Protocol):
    """See `rtdts.delivery_store.enrollments.EnrollmentStore`."""

    def add(self, truck_id: str, *, name: str, now_ms: int, expires_at_ms: int) -> str:
        """Creates a secret."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceAdmin:
    """The dependencies of the commands about devices.

    Attributes:
        devices: The credentials.
        enrollments: The secrets of trucks that are to get a certificate.
        server_url: Base URL at which phones reach the HTTP API; may be empty.
        now_ms: The time.
    """

    devices: Devices
    enrollments: Enrollments
    server_url: str
    now_ms: Callable[[], int]


def add_device(
    admin: DeviceAdmin, truck_id: str, *, name: str, url: str | None, mqtt_url: str | None = None
) -> str:
    """Adds a device; returns what to enter on its phone, for both apps.

    Args:
        admin: The stores.
        truck_id: The truck that the phone acts as.
        name: Shown in the list of devices.
        url: The URL at which phones reach the HTTP API, if not `server_url`.
        mqtt_url: The URL at which phones reach an MQTT broker; if given, OwnTracks is set up for
            it.

    Raises:
        UnsafeOperationError: One of the URLs is not valid.
    """
    base = (url or admin.server_url).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise UnsafeOperationError(
            "give the URL at which phones reach the HTTP API: --url, or SERVER_URL"
        )
    if mqtt_url is not None and not _is_broker(mqtt_url):
        raise UnsafeOperationError(
            f"{mqtt_url} is not a broker's URL, such as mqtts://mqtt.example.com:8883"
        )
    device, secret = admin.devices.add(truck_id, name=name, now_ms=admin.now_ms())
    owntracks_url, traccar_url = base + OWNTRACKS_PATH, base + TRACCAR_CLIENT_PATH
    if mqtt_url is None:
        setup = owntracks_over_http(owntracks_url, truck_id, secret)
        to_type = ["Mode HTTP", f"URL {owntracks_url}"]
    else:
        setup = owntracks_over_mqtt(mqtt_url, device, secret)
        to_type = [
            "Mode MQTT",
            *(f"{label} {setup[key]}" for label, key in _TYPED_FOR_MQTT),
            "and in the configuration editor:",
            *(f"{key} {json.dumps(setup[key])}" for key in _EDITED_FOR_MQTT),
        ]
    return "\n".join(
        (
            "OwnTracks (Android, iOS): scan this with the phone's camera,",
            _qr_code(owntracks_link(setup)),
            f"or type: {to_type[0]}",
            *(f"         {line}" for line in to_type[1:]),
            f"         User ID {truck_id}",
            f"         Password {secret}",
            "",
            "Traccar Client 9 or later (Android, iOS): scan this with the phone's camera,",
            _qr_code(traccar_client_link(traccar_url, secret)),
            f"or type: Server URL {traccar_url}",
            f"         Device identifier {secret}",
            "",
            f"added {device_line(device)}; the secret is shown only once, and is valid until "
            f"device revoke {truck_id} --device {device.device_id}",
        )
    )


def enroll_device(admin: DeviceAdmin, truck_id: str, *, days: int) -> str:
    """Creates a secret with which a truck's device gets a certificate; returns what it must send.

    Raises:
        UnsafeOperationError: AWS IoT Core does not allow a thing of this name.
    """
    if not can_be_thing(truck_id):
        raise UnsafeOperationError(
            f"AWS IoT Core can't have a thing called {truck_id}: dots are not allowed"
        )
    now_ms = admin.now_ms()
    expires_at_ms = now_ms + days * MS_PER_DAY
    until = format_instant(expires_at_ms)
    secret = admin.enrollments.add(
        truck_id, name=f"to enroll until {until}", now_ms=now_ms, expires_at_ms=expires_at_ms
    )
    parameters = json.dumps({"TruckId": truck_id, "EnrollmentSecret": secret})
    return "\n".join(
        (
            "RegisterThing with the claim certificate, and these parameters:",
            parameters,
            f"valid for one key of the device, until {until}; the secret is shown only once",
        )
    )


def list_devices(admin: DeviceAdmin, truck_id: str | None) -> str:
    """Returns every device, or one truck's, one line each."""
    devices = sorted(
        admin.devices.list_devices(truck_id), key=lambda one: (one.truck_id, one.added_at_ms)
    )
    return "\n".join(map(device_line, devices)) or "there are no devices"


def revoke_devices(admin: DeviceAdmin, truck_id: str, device_id: str | None) -> str:
    """Revokes a truck's devices, or one of them; returns the summary.

    Raises:
        UnsafeOperationError: There is no such device.
    """
    revoked = admin.devices.revoke(truck_id, device_id)
    if not revoked:
        raise UnsafeOperationError(f"truck {truck_id} has no such device")
    lines = [f"revoked {device_line(device)}" for device in revoked]
    return "\n".join((*lines, f"respected everywhere within {EFFECTIVE_WITHIN_S} s"))


def device_line(device: Device) -> str:
    """Returns a device in one line."""
    name = f" ({device.name})" if device.name else ""
    added_at = format_instant(device.added_at_ms)
    return f"device {device.device_id} of truck {device.truck_id}{name}, added {added_at}"


def owntracks_over_http(url: str, truck_id: str, secret: str) -> dict[str, Any]:
    """Returns OwnTracks' configuration for its HTTP mode."""
    return _owntracks(truck_id, secret) | {"mode": _HTTP_MODE, "url": url, "deviceId": "phone"}


def owntracks_over_mqtt(url: str, device: Device, secret: str) -> dict[str, Any]:
    """Returns OwnTracks' configuration for its MQTT mode; the broker would reject its defaults.

    The client id must begin with the user, so that no phone ends another's connection. The phone
    subscribes only to its own commands, of which there are none. It retains nothing: a retained
    message is for subscribers of other phones' positions.

    Args:
        url: The broker's URL, ``mqtt://host:port``, or ``mqtts://`` for TLS.
        device: The credential; its id names the phone, so that a truck may have several.
        secret: The credential's secret.
    """
    parts = urlsplit(url)
    user, name = device.truck_id, device.device_id
    return _owntracks(user, secret) | {
        "mode": _MQTT_MODE,
        "host": parts.hostname,
        "port": parts.port or _DEFAULT_PORTS[parts.scheme],
        "tls": parts.scheme == "mqtts",
        "ws": False,
        "mqttProtocolLevel": _MQTT_3_1_1,
        "deviceId": name,
        "clientId": f"{user}/{name}",
        "pubTopicBase": "owntracks/%u/%d",
        "pubQos": 1,
        "pubRetain": False,
        "subTopic": f"owntracks/{user}/{name}/cmd",
        "subQos": 1,
        "cleanSession": True,
    }


_TYPED_FOR_MQTT = (
    ("Host", "host"),
    ("Port", "port"),
    ("TLS", "tls"),
    ("Device ID", "deviceId"),
    ("Client ID", "clientId"),
)
_EDITED_FOR_MQTT = ("mqttProtocolLevel", "subTopic", "pubRetain")


def _owntracks(truck_id: str, secret: str) -> dict[str, Any]:
    return {
        "_type": "configuration",
        "monitoring": _MOVE,
        "auth": True,
        "username": truck_id,
        "password": secret,
        "tid": truck_id[-2:],
        "locatorInterval": _INTERVAL_S,
    }


def _is_broker(url: str) -> bool:
    parts = urlsplit(url)
    try:
        return parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port
        return False


def owntracks_link(configuration: Mapping[str, Any]) -> str:
    """Returns the link that sets up OwnTracks; it opens the app, and no server receives it."""
    text = json.dumps(configuration, separators=(",", ":"))
    return f"owntracks:///config?inline={quote(base64.b64encode(text.encode()).decode(), safe='')}"


def traccar_client_link(url: str, secret: str) -> str:
    """Returns the link that sets up Traccar Client.

    It uses the app's own scheme: an https link, which older scanners of the app require, would send
    the secret to a server as soon as any other program scans it.
    """
    values = {
        "url": url,
        "id": secret,
        "accuracy": "high",
        "interval": _INTERVAL_S,
        "fastest_interval": _INTERVAL_S,
        # With any other distance the app would ignore the interval.
        "distance": 0,
    }
    return f"org.traccar.client://config?{urlencode(values)}"


def _qr_code(text: str) -> str:
    code = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(code, compact=True, border=2)
    return code.getvalue().rstrip("\n")
