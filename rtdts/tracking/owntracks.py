"""The format of the app OwnTracks, for Android and iOS: messages as JSON objects with a ``_type``.

Specified at https://owntracks.org/booklet/tech/json: ``tst`` in seconds, ``vel`` in km/h, ``acc``
and ``alt`` in metres, ``batt`` in per cent. The app's other messages (status, transitions,
waypoints) hold no point.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from rtdts.tracking.phone_points import UNREADABLE, instant_of_seconds, scaled, telemetry_body
from rtdts.tracking.telemetry import UnreadableBodyError

LOCATION: Final = "location"
_MPS_PER_KMH = 1 / 3.6


class _Message(msgspec.Struct):
    kind: Any = msgspec.field(name="_type", default=None)
    tst: Any = None
    lat: Any = None
    lon: Any = None
    acc: Any = None
    vel: Any = None
    cog: Any = None
    alt: Any = None
    batt: Any = None


_MESSAGE = msgspec.json.Decoder(_Message)


def owntracks_telemetry(body: bytes, *, truck_id: str) -> bytes | None:
    """Translates one message into a body of telemetry.

    Args:
        body: As the app sent it. Its ``topic`` and ``tid`` name a user and are ignored: the
            credential identifies the truck.
        truck_id: The truck whose credential the phone has.

    Returns:
        The body of telemetry; None for a message that is not about a position, or empty.

    Raises:
        UnreadableBodyError: It is not a JSON object.
    """
    if not body.strip():
        return None
    try:
        sent = _MESSAGE.decode(body)
    except UNREADABLE as error:
        raise UnreadableBodyError("it is not a JSON object") from error
    if sent.kind != LOCATION:
        return None
    return telemetry_body(
        truck_id=truck_id,
        recorded_at=instant_of_seconds(sent.tst),
        lat=sent.lat,
        lon=sent.lon,
        readings={
            "accuracy_m": sent.acc,
            "speed_mps": scaled(sent.vel, _MPS_PER_KMH),
            "heading_deg": sent.cog,
            "altitude_m": sent.alt,
            "battery_pct": sent.batt,
        },
    )
