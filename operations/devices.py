"""Devices' credentials: adds those of phones and of trucks to enroll, lists and revokes them."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from urllib.parse import quote, urlencode

import segno

from operations.blocking import RESPECTED_WITHIN_S
from operations.errors import RefusedError
from rtdts.delivery_store.devices import Device
from rtdts.delivery_store.enrollments import can_be_thing
from rtdts.tracking.instants import MS_PER_DAY, format_instant

OWNTRACKS_PATH: Final = "/phones/owntracks"
TRACCAR_CLIENT_PATH: Final = "/phones/traccar-client"
_HTTP_MODE = 3
_MOVE = 2
"""Of OwnTracks: its endpoint's mode, and how it monitors the location."""
_INTERVAL_S = 10


class Devices(Protocol):
    """See `rtdts.delivery_store.devices.DeviceStore`."""

    def add(self, truck_id: str, *, name: str, now_ms: int) -> tuple[Device, str]:
        """Makes a credential; returns it with its secret."""
        ...

    def all_of(self, truck_id: str | None = None) -> Sequence[Device]:
        """Every device, or one truck's."""
        ...

    def revoke(self, truck_id: str, device_id: str | None = None) -> Sequence[Device]:
        """Deletes a truck's credentials, or one; returns those that there were."""
        ...


class Enrollments(Protocol):
    """See `rtdts.delivery_store.enrollments.EnrollmentStore`."""

    def add(self, truck_id: str, *, name: str, now_ms: int, expires_at_ms: int) -> str:
        """Makes a secret."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceDesk:
    """What the commands about devices use.

    Attributes:
        devices: The credentials.
        enrollments: Those of trucks that are to get a certificate.
        server_url: Base URL at which phones reach the HTTP API; may be empty.
        now_ms: The time.
    """

    devices: Devices
    enrollments: Enrollments
    server_url: str
    now_ms: Callable[[], int]


def add_device(desk: DeviceDesk, truck_id: str, *, name: str, url: str | None) -> str:
    """Adds a device; returns what its phone is to be told, for both apps.

    Raises:
        RefusedError: It is not known at which URL phones reach the HTTP API.
    """
    base = (url or desk.server_url).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise RefusedError("at which URL do phones reach the HTTP API? --url, or SERVER_URL")
    device, secret = desk.devices.add(truck_id, name=name, now_ms=desk.now_ms())
    owntracks_url, traccar_url = base + OWNTRACKS_PATH, base + TRACCAR_CLIENT_PATH
    return "\n".join(
        (
            "OwnTracks (Android, iOS): scan this with the phone's camera,",
            _qr_code(owntracks_link(owntracks_url, truck_id, secret)),
            "or type: Mode HTTP",
            f"         URL {owntracks_url}",
            f"         User ID {truck_id}",
            f"         Password {secret}",
            "",
            "Traccar Client 9 or later (Android, iOS): scan this with the phone's camera,",
            _qr_code(traccar_client_link(traccar_url, secret)),
            f"or type: Server URL {traccar_url}",
            f"         Device identifier {secret}",
            "",
            f"added {told_of(device)}; the secret is shown this once, and is good until "
            f"device revoke {truck_id} --device {device.device_id}",
        )
    )


def enroll_device(desk: DeviceDesk, truck_id: str, *, days: int) -> str:
    """Makes a secret by which a truck's box gets a certificate; returns what it is to send.

    Raises:
        RefusedError: AWS IoT Core can have no thing of this name.
    """
    if not can_be_thing(truck_id):
        raise RefusedError(f"AWS IoT Core can't have a thing called {truck_id}: no dots, please")
    now_ms = desk.now_ms()
    expires_at_ms = now_ms + days * MS_PER_DAY
    until = format_instant(expires_at_ms)
    secret = desk.enrollments.add(
        truck_id, name=f"to enroll until {until}", now_ms=now_ms, expires_at_ms=expires_at_ms
    )
    parameters = json.dumps({"TruckId": truck_id, "EnrollmentSecret": secret})
    return "\n".join(
        (
            "RegisterThing with the claim certificate, and these parameters:",
            parameters,
            f"good for one certificate, until {until}; the secret is shown this once",
        )
    )


def list_devices(desk: DeviceDesk, truck_id: str | None) -> str:
    """Every device, or one truck's, a line each."""
    devices = sorted(desk.devices.all_of(truck_id), key=lambda one: (one.truck_id, one.added_at_ms))
    return "\n".join(map(told_of, devices)) or "there are no devices"


def revoke_devices(desk: DeviceDesk, truck_id: str, device_id: str | None) -> str:
    """Revokes a truck's devices, or one of them; returns the summary.

    Raises:
        RefusedError: There is none.
    """
    revoked = desk.devices.revoke(truck_id, device_id)
    if not revoked:
        raise RefusedError(f"truck {truck_id} has no such device")
    lines = [f"revoked {told_of(device)}" for device in revoked]
    return "\n".join((*lines, f"respected everywhere within {RESPECTED_WITHIN_S} s"))


def told_of(device: Device) -> str:
    """A device in a line."""
    name = f" ({device.name})" if device.name else ""
    added_at = format_instant(device.added_at_ms)
    return f"device {device.device_id} of truck {device.truck_id}{name}, added {added_at}"


def owntracks_link(url: str, truck_id: str, secret: str) -> str:
    """The link by which OwnTracks sets itself up; it opens the app, no server sees it."""
    configuration = {
        "_type": "configuration",
        "mode": _HTTP_MODE,
        "monitoring": _MOVE,
        "url": url,
        "auth": True,
        "username": truck_id,
        "password": secret,
        "deviceId": "phone",
        "tid": truck_id[-2:],
        "locatorInterval": _INTERVAL_S,
    }
    text = json.dumps(configuration, separators=(",", ":"))
    return f"owntracks:///config?inline={quote(base64.b64encode(text.encode()).decode(), safe='')}"


def traccar_client_link(url: str, secret: str) -> str:
    """The link by which Traccar Client sets itself up.

    With the app's own scheme: an https link, which older scanners of the app want, would be a
    request to a server with the secret in it, once any other program scans it.
    """
    values = {
        "url": url,
        "id": secret,
        "accuracy": "high",
        "interval": _INTERVAL_S,
        "fastest_interval": _INTERVAL_S,
        # Any other distance would make the app leave the interval aside.
        "distance": 0,
    }
    return f"org.traccar.client://config?{urlencode(values)}"


def _qr_code(text: str) -> str:
    code = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(code, compact=True, border=2)
    return code.getvalue().rstrip("\n")
