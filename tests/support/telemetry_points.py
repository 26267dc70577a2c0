"""Points as a truck sends them in JSON."""

from __future__ import annotations

from typing import Any

from rtdts.tracking.instants import format_instant


def telemetry_point(recorded_at_ms: int, truck_id: str = "T-0012", **fields: Any) -> dict[str, Any]:
    """Returns a point in Busan; other fields are added, or replace these."""
    return {
        "truck_id": truck_id,
        "recorded_at": format_instant(recorded_at_ms),
        "lat": 35.1705505,
        "lon": 129.1329985,
    } | fields
