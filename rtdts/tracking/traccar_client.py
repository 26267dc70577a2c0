"""The format of the app Traccar Client, version 9 and later, for Android and iOS.

Specified at https://www.traccar.org/osmand/ and in the app's source: one JSON object with the
device id that was typed into the app and a ``location``; ``speed`` in m/s, ``battery.level`` from 0
to 1, ``odometer`` in metres, and -1 for unknown values. Older versions send a query string, which
is not read: the device id is the secret, and a secret does not belong in a URL.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from rtdts.tracking.phone_points import UNREADABLE, scaled, telemetry_body
from rtdts.tracking.telemetry import UnreadableBodyError

_PER_CENT = 100.0


class _Coords(msgspec.Struct):
    latitude: Any = None
    longitude: Any = None
    accuracy: Any = None
    speed: Any = None
    heading: Any = None
    altitude: Any = None


class _Battery(msgspec.Struct):
    level: Any = None


class _Location(msgspec.Struct):
    timestamp: Any = None
    coords: _Coords | None = None
    battery: _Battery | None = None
    odometer: Any = None


class _Message(msgspec.Struct):
    device_id: Any = None
    location: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_MESSAGE = msgspec.json.Decoder(_Message)
_LOCATION = msgspec.json.Decoder(_Location)


class TraccarMessage(NamedTuple):
    """One message, its location not yet read."""

    device_id: str
    """The device identifier that was typed into the app: the credential's secret."""
    location: bytes | None
    """Its JSON; None if there is none."""


def read_traccar_message(body: bytes) -> TraccarMessage:
    """Reads only the device id of a message; the rest is read once the device is known.

    Raises:
        UnreadableBodyError: It is not a JSON object with a device id.
    """
    try:
        sent = _MESSAGE.decode(body)
    except UNREADABLE as error:
        raise UnreadableBodyError("it is not a JSON object") from error
    if not isinstance(sent.device_id, str):
        raise UnreadableBodyError("it has no device_id")
    location = None if sent.location is msgspec.UNSET else bytes(sent.location)
    return TraccarMessage(sent.device_id, location)


def traccar_telemetry(message: TraccarMessage, *, truck_id: str) -> bytes | None:
    """Translates a message into a body of telemetry.

    Args:
        message: The result of `read_traccar_message`.
        truck_id: The truck whose credential the phone has.

    Returns:
        The body of telemetry; None for a message without a location.

    Raises:
        UnreadableBodyError: Its location has another form.
    """
    if message.location is None:
        return None
    try:
        sent = _LOCATION.decode(message.location)
    except UNREADABLE as error:
        raise UnreadableBodyError("its location is of another form") from error
    coords = sent.coords or _Coords()
    battery = sent.battery or _Battery()
    return telemetry_body(
        truck_id=truck_id,
        recorded_at=sent.timestamp if isinstance(sent.timestamp, str) else None,
        lat=coords.latitude,
        lon=coords.longitude,
        readings={
            "accuracy_m": coords.accuracy,
            "speed_mps": coords.speed,
            "heading_deg": coords.heading,
            "altitude_m": coords.altitude,
            "battery_pct": scaled(battery.level, _PER_CENT),
            "odometer_m": sent.odometer,
        },
    )
