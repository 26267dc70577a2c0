"""Creates points for tests: as ingest stamps them, received at once and with a right clock."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from rtdts.tracking.positions import Point
from sim.geodesy import place_at


def make_point(truck_id: str, at_ms: int, lat: float, lon: float, **changed: Any) -> Point:
    """Returns a point that was recorded and received at a time and place.

    Args:
        truck_id: The truck.
        at_ms: The time, in epoch milliseconds.
        lat: Latitude in degrees.
        lon: Longitude in degrees.
        changed: Other fields of `Point`, or other values of the above.
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


@functools.lru_cache(maxsize=4_096)
def metres_east(east_m: float) -> tuple[float, float]:
    """Returns latitude and longitude at a distance east of 48 N, 11 E."""
    return place_at(48.0, 11.0, 90.0, east_m)
