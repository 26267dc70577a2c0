"""Messages to a viewer, as the sim's viewers receive them."""

from __future__ import annotations

from typing import Any

NOW_MS = 1_795_504_368_000


def position(
    second: int | None,
    *,
    version: int = 2,
    status: str = "in_transit",
    assignment: int = 1,
    **more: Any,
) -> dict[str, Any]:
    at = None if second is None else f"2026-11-24T07:00:{second:02}.000Z"
    return {
        "v": 1,
        "type": "position",
        "sent_at": "2026-11-24T07:01:00.000Z",
        "delivery_id": "D-1",
        "status": status,
        "version": version,
        "assignment": assignment,
        "position_at": at,
        "position": None
        if second is None
        else {
            "lat": 48.0 + second / 1000,
            "lon": 11.0,
            "heading_deg": 1.0,
            "speed_mps": float(second),
            "accuracy_m": 5.0,
            "recorded_at": at,
            "age_s": 1.0,
            "stale_since": None,
        },
        "distance_remaining_m": None if second is None else 1000.0 - second,
        "eta": None,
        **more,
    }


def status(version: int, name: str, *, assignment: int = 1) -> dict[str, Any]:
    return {
        "v": 1,
        "type": "status",
        "sent_at": "2026-11-24T07:01:00.000Z",
        "delivery_id": "D-1",
        "status": name,
        "version": version,
        "assignment": assignment,
        "effective_at": "2026-11-24T07:00:00.000Z",
        "cause": "moved_off",
    }
