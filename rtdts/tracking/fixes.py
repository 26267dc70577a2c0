"""A fix: a point in its truck's recent window, with what was derived from those before it.

Flat, because a window of them is stored after every batch, field by field; the values that the
device sent stay apart from the derived ones, so that a fix can be derived anew when a late point
turns up before it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Clock, DeliveryProgress, EnrichedPoint, Point


class Fix(msgspec.Struct, frozen=True, array_like=True):
    """One point as the rules see it.

    New fields go to the end, each with a default: windows are stored.
    """

    event_at_ms: int
    point_id: str
    lat: float
    lon: float
    recorded_at_ms: int
    received_at_ms: int
    clock: Clock
    source: Literal["http", "mqtt"]
    seq: int | None
    accuracy_m: float | None
    sent_speed_mps: float | None
    sent_heading_deg: float | None
    altitude_m: float | None
    satellites: int | None
    hdop: float | None
    ignition: bool | None
    battery_pct: float | None
    odometer_m: float | None
    distance_m: float | None = None
    implied_speed_mps: float | None = None
    track_heading_deg: float | None = None
    """Direction of the last step long enough to have one."""
    moving: bool = False
    quality: tuple[str, ...] = ()
    track_speed_mps: float | None = None
    """Since the last good fix; of a bad one, what the one before it had."""

    @property
    def order(self) -> tuple[int, str]:
        """What fixes are sorted by: ``event_at``, then identity, so that ties have one order."""
        return self.event_at_ms, self.point_id

    @property
    def is_good(self) -> bool:
        """Whether no quality rule found fault with it."""
        return not self.quality


def fix_of(point: Point) -> Fix:
    """A point before anything is derived."""
    return Fix(
        point.event_at_ms,
        point_id(point),
        point.lat,
        point.lon,
        point.recorded_at_ms,
        point.received_at_ms,
        point.clock,
        point.source,
        point.seq,
        point.accuracy_m,
        point.speed_mps,
        point.heading_deg,
        point.altitude_m,
        point.satellites,
        point.hdop,
        point.ignition,
        point.battery_pct,
        point.odometer_m,
    )


def enriched_point(
    truck_id: str, fix: Fix, progress: tuple[DeliveryProgress, ...] = ()
) -> EnrichedPoint:
    """A fix as what is indexed: the device's speed and heading, or the derived ones."""
    return EnrichedPoint(
        point=Point(
            truck_id=truck_id,
            recorded_at_ms=fix.recorded_at_ms,
            lat=fix.lat,
            lon=fix.lon,
            event_at_ms=fix.event_at_ms,
            received_at_ms=fix.received_at_ms,
            clock=fix.clock,
            clock_offset_ms=fix.event_at_ms - fix.recorded_at_ms,
            source=fix.source,
            seq=fix.seq,
            accuracy_m=fix.accuracy_m,
            speed_mps=fix.track_speed_mps if fix.sent_speed_mps is None else fix.sent_speed_mps,
            heading_deg=(
                fix.track_heading_deg if fix.sent_heading_deg is None else fix.sent_heading_deg
            ),
            altitude_m=fix.altitude_m,
            satellites=fix.satellites,
            hdop=fix.hdop,
            ignition=fix.ignition,
            battery_pct=fix.battery_pct,
            odometer_m=fix.odometer_m,
        ),
        distance_m=fix.distance_m,
        implied_speed_mps=fix.implied_speed_mps,
        moving=fix.moving,
        quality=fix.quality,
        deliveries=progress,
    )
