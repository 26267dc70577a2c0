"""Enrichment as a short script does it: each point against the one before, in plain dicts.

It derives distance, speed, heading and motion. There is no window, so a late or a bad point
corrupts those after it. There is no quality, no status and no distance to a destination.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

EARTH_RADIUS_M = 6_371_008.8


def enrich(points: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Adds the values derived from the previous point."""
    before: dict[str, Any] | None = None
    for point in points:
        yield {**point, **_derived(before, point)}
        before = point


def _derived(before: dict[str, Any] | None, point: dict[str, Any]) -> dict[str, Any]:
    if before is None:
        return {"distance_m": None, "implied_speed_mps": None, "moving": False}
    lat, other_lat = math.radians(before["lat"]), math.radians(point["lat"])
    d_lon = math.radians(point["lon"] - before["lon"])
    h = (
        math.sin((other_lat - lat) / 2) ** 2
        + math.cos(lat) * math.cos(other_lat) * math.sin(d_lon / 2) ** 2
    )
    distance_m = 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))
    elapsed_s = (point["event_at_ms"] - before["event_at_ms"]) / 1_000
    speed_mps = distance_m / elapsed_s if elapsed_s > 0 else None
    heading_deg = point.get("heading_deg")
    if heading_deg is None:
        east = math.sin(d_lon) * math.cos(other_lat)
        north = math.cos(lat) * math.sin(other_lat) - math.sin(lat) * math.cos(
            other_lat
        ) * math.cos(d_lon)
        heading_deg = math.degrees(math.atan2(east, north)) % 360.0
    sent_mps = point.get("speed_mps")
    return {
        "distance_m": distance_m,
        "implied_speed_mps": speed_mps,
        "heading_deg": heading_deg,
        "moving": (speed_mps or 0.0) >= 1.0 if sent_mps is None else sent_mps >= 1.0,
    }
