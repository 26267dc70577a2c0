"""Shared by the parsers of phones' own formats: writes a body of telemetry, version 1.

A format's parser names its values as telemetry does, and `telemetry_body` writes them. Points are
validated where every body of telemetry is, in `rtdts.tracking.telemetry`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_fields import TelemetryPoint, field_is_good

_MAX_SECONDS = 253_402_300_799
"""The last second of the year 9999."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for an unreadable body."""


def telemetry_body(
    *,
    truck_id: str,
    recorded_at: str | None,
    lat: object,
    lon: object,
    readings: Mapping[str, object],
) -> bytes:
    """Writes one point as a body of telemetry.

    An impossible reading is left out: these apps send -1 for unknown values. An invalid place or
    time is kept, and rejected later with its field and reason.

    Args:
        truck_id: The truck whose credential the phone has.
        recorded_at: RFC 3339 with a zone; None if the phone sent no time.
        lat: Degrees, as sent.
        lon: Degrees, as sent.
        readings: Measurements by the names and in the units of telemetry.
    """
    point: dict[str, Any] = {"truck_id": truck_id, "recorded_at": recorded_at}
    point |= {"lat": number(lat), "lon": number(lon)}
    for name, value in readings.items():
        if value is not None and field_is_good({name: value}, name, TelemetryPoint):
            point[name] = value
    return json.dumps(point).encode()


def number(value: object) -> float | None:
    """Returns a finite number as sent; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        as_float = float(value)
    except OverflowError:
        return None
    return as_float if math.isfinite(as_float) else None


def scaled(value: object, factor: float) -> float | None:
    """Returns a measurement in another unit; None if there is none."""
    sent = number(value)
    return None if sent is None else sent * factor


def instant_of_seconds(value: object) -> str | None:
    """Returns RFC 3339 of seconds since the Unix epoch; None if there is no such instant."""
    seconds = number(value)
    if seconds is None or not 0 <= seconds <= _MAX_SECONDS:
        return None
    return format_instant(int(seconds * 1_000))
