"""The identity of a point: two points with the same identity are one point."""

from __future__ import annotations

from hashlib import sha256

from rtdts.tracking.positions import Point, ShownPoint


def point_id(point: Point | ShownPoint) -> str:
    """Returns a point's identity, however and how often it arrives: see `identity_of`."""
    return identity_of(
        point.truck_id,
        recorded_at_ms=point.recorded_at_ms,
        seq=point.seq,
        lat=point.lat,
        lon=point.lon,
    )


def identity_of(
    truck_id: str, *, recorded_at_ms: int, seq: int | None, lat: float, lon: float
) -> str:
    """Returns the identity of the point with these values.

    ``{truck_id}:{recorded_at ms}:{seq}``, or, from a device that does not number its points, ``h``
    and 16 hexadecimal digits of the place's SHA-256. Never ``seq`` alone (it restarts when a device
    reboots) and never a corrected time (copies sent over two protocols are received, and so
    corrected, at different moments).
    """
    which = place_hash(lat, lon) if seq is None else seq
    return f"{truck_id}:{recorded_at_ms}:{which}"


def place_hash(lat: float, lon: float) -> str:
    """Returns ``h`` and 16 hex digits of sha256 of ``lat,lon`` to 7 decimals (about 1 cm)."""
    # + 0.0 turns -0.0 into 0.0: the same place is written in one way.
    place = f"{round(lat, 7) + 0.0:.7f},{round(lon, 7) + 0.0:.7f}"
    return f"h{sha256(place.encode()).hexdigest()[:16]}"
