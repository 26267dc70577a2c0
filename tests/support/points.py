"""The factory of points for tests: as ingest stamps them, at once and from a right clock."""

from __future__ import annotations

from typing import Any

import msgspec

from rtdts.tracking.positions import Point


def make_point(truck_id: str, at_ms: int, lat: float, lon: float, **changed: Any) -> Point:
    """A point that was recorded, and received, at a time and place.

    Args:
        truck_id: The truck.
        at_ms: When, epoch milliseconds.
        lat: Latitude in degrees.
        lon: Longitude in degrees.
        changed: Other fields of `Point`, or other values of these.
    """
    point = Point(
        truck_id=truck_id,
        recorded_at_ms=at_ms,
        lat=lat,
        lon=lon,
        event_at_ms=at_ms,
        received_at_ms=at_ms,
    )
    return msgspec.structs.replace(point, **changed)
