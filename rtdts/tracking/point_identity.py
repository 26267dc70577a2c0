"""What makes two points the same point."""

from __future__ import annotations

from hashlib import sha256

from rtdts.tracking.positions import Point


def point_id(point: Point) -> str:
    """The identity of a point, whichever way and however often it arrives.

    ``{truck_id}:{recorded_at ms}:{seq}``, or, from a device that does not number its points,
    ``h`` and 16 hexadecimal digits of the place's SHA-256. Never ``seq`` alone (it restarts when a
    device reboots) and never a corrected time (copies over two ways are received, and so
    corrected, at different moments).
    """
    which = place_hash(point.lat, point.lon) if point.seq is None else point.seq
    return f"{point.truck_id}:{point.recorded_at_ms}:{which}"


def place_hash(lat: float, lon: float) -> str:
    """``h`` and 16 hexadecimal digits of sha256 of ``lat,lon`` to 7 decimals (about 1 cm)."""
    # + 0.0 turns -0.0 into 0.0: the same place is written in one way.
    place = f"{round(lat, 7) + 0.0:.7f},{round(lon, 7) + 0.0:.7f}"
    return f"h{sha256(place.encode()).hexdigest()[:16]}"
