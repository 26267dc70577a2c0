"""The service's messages to a page, for tests of the page: a delivery in Chicago."""

from __future__ import annotations

import time
from typing import Any

from rtdts.tracking.deliveries import CLOSED
from rtdts.tracking.instants import format_instant

DELIVERY_ID = "D-1"
ORIGIN = {"lat": 41.89328, "lon": -87.62814, "name": "Lake depot"}
DESTINATION = {"lat": 41.87767, "lon": -87.66431, "name": "12 Polk Street"}
TRUCK = (41.88531, -87.64527)

STATUSES = ("assigned", "en_route_to_pickup", "at_pickup", "in_transit", "nearby", "arrived")


def ago(seconds: float) -> str:
    """Returns the instant some seconds ago; in the future if negative."""
    return format_instant(round((time.time() - seconds) * 1000))


def shared_delivery(status: str = "in_transit", version: int = 4, **changes: Any) -> dict[str, Any]:
    """Returns the delivery in the response with a share's ticket."""
    steps = STATUSES[: STATUSES.index(status) + 1] if status in STATUSES else (*STATUSES, status)
    return {
        "delivery_id": DELIVERY_ID,
        "status": status,
        "since": ago(600),
        "version": version,
        "window": {"start": ago(-600), "end": ago(-3600)},
        "origin": ORIGIN,
        "destination": DESTINATION,
        "timeline": [{"status": step, "at": ago(1800 - 300 * i)} for i, step in enumerate(steps)],
        "failure_code": None,
        "stops_before": 2,
        "ended": status in CLOSED,
        **changes,
    }


def position(lat: float, lon: float, *, age_s: float = 4.0, **changes: Any) -> dict[str, Any]:
    """Returns a position as in messages."""
    return {
        "lat": lat,
        "lon": lon,
        "heading_deg": 262.0,
        "speed_mps": 11.0,
        "accuracy_m": 12.0,
        "recorded_at": ago(age_s),
        "age_s": age_s,
        "stale_since": None,
        **changes,
    }


def snapshot(status: str = "in_transit", version: int = 4, **changes: Any) -> dict[str, Any]:
    """Returns the response to `track`."""
    steps = STATUSES[: STATUSES.index(status) + 1] if status in STATUSES else (*STATUSES, status)
    at = ago(4)
    return {
        **_numbered("snapshot", status, version),
        "events": [
            {"version": i, "status": step, "effective_at": ago(2000 - 300 * i), "cause": "declared"}
            for i, step in enumerate(steps, 1)
        ],
        "position": position(*TRUCK),
        "position_at": at,
        "distance_remaining_m": 1790.0,
        "eta": {"earliest": ago(-300), "latest": ago(-1500)},
        "track": [
            [41.89328, -87.62814, 1],
            [41.88881, -87.62811, 2],
            [41.88545, -87.63421, 3],
            [*TRUCK, 4],
        ],
        "stops_before": 1,
        "failure_code": None,
        **changes,
    }


def update(lat: float, lon: float, **changes: Any) -> dict[str, Any]:
    """Returns a `position` message."""
    return {
        **_numbered("position", "in_transit", 4),
        "position": position(lat, lon, age_s=1.0),
        "position_at": ago(1),
        "distance_remaining_m": 1500.0,
        "eta": {"earliest": ago(-240), "latest": ago(-1200)},
        "stops_before": 0,
        **changes,
    }


def status(name: str, version: int, **changes: Any) -> dict[str, Any]:
    """Returns a `status` message."""
    return {
        **_numbered("status", name, version),
        "effective_at": ago(0),
        "cause": "declared",
        "stops_before": None,
        "failure_code": None,
        **changes,
    }


def ended(reason: str) -> dict[str, Any]:
    """Returns an `ended` message."""
    common = {"v": 1, "type": "ended", "sent_at": ago(-1), "delivery_id": DELIVERY_ID}
    return {**common, "reason": reason}


def _numbered(kind: str, status: str, version: int) -> dict[str, Any]:
    return {
        "v": 1,
        "type": kind,
        "sent_at": ago(0),
        "delivery_id": DELIVERY_ID,
        "status": status,
        "version": version,
        "assignment": 1,
    }
