"""Positions as viewers see them, as the reader extracts them from the documents."""

from __future__ import annotations

from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.positions import DeliveryProgress, ShownLatest, ShownPoint


def shown_of(latest: LatestPosition) -> ShownLatest | None:
    """Returns what viewers see of a truck's latest position; None if nothing may be shown."""
    if latest.shown is None:
        return None
    return as_shown(latest.shown, latest.shown_deliveries, stale_since_ms=latest.stale_since_ms)


def as_shown(
    fix: Fix, deliveries: tuple[DeliveryProgress, ...] = (), *, stale_since_ms: int | None = None
) -> ShownLatest:
    """Returns a good fix as viewers see it."""
    return ShownLatest(
        point=ShownPoint(
            truck_id=fix.truck_id,
            recorded_at_ms=fix.recorded_at_ms,
            lat=fix.lat,
            lon=fix.lon,
            event_at_ms=fix.event_at_ms,
            seq=fix.seq,
            accuracy_m=fix.accuracy_m,
            speed_mps=fix.shown_speed_mps,
            heading_deg=fix.shown_heading_deg,
            clock_lag_ms=fix.clock_lag_ms,
        ),
        stale_since_ms=stale_since_ms,
        deliveries=deliveries,
    )
