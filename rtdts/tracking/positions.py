"""A truck's position: as it travels in the stream, as it is indexed, as it is shown."""

from __future__ import annotations

import enum
from typing import Literal

import msgspec


class Clock(enum.StrEnum):
    """Whose time ``event_at`` is."""

    DEVICE = "device"
    SHIFTED = "shifted"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One stamped point of a truck, as everything after ingest knows it.

    Units: degrees (WGS 84), metres, metres a second, degrees clockwise from north,
    milliseconds since the Unix epoch.
    """

    truck_id: str
    recorded_at_ms: int
    """The device's own time, uncorrected: part of the point's identity."""
    lat: float
    lon: float
    event_at_ms: int
    """The time that everything after ingest uses."""
    received_at_ms: int
    clock: Clock = Clock.DEVICE
    clock_offset_ms: int = 0
    """``event_at - recorded_at``."""
    source: Literal["http", "mqtt"] = "http"
    seq: int | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    altitude_m: float | None = None
    satellites: int | None = None
    hdop: float | None = None
    ignition: bool | None = None
    battery_pct: float | None = None
    odometer_m: float | None = None

    # `point_id(point)` lives in rtdts.tracking.point_identity.


class DeliveryProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one of a truck's open deliveries has come, as of a point."""

    delivery_id: str
    distance_remaining_m: float | None
    """Great circle to the destination; None before the cargo is in transit."""
    eta_earliest_ms: int | None = None
    eta_latest_ms: int | None = None


class EnrichedPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point with what the consumer adds: a document of ``truck-positions-YYYY.MM.DD``."""

    point: Point
    """``speed_mps`` and ``heading_deg`` are filled in here when the device sent none."""
    distance_m: float | None
    """Great circle from the previous point; None for a truck's first."""
    implied_speed_mps: float | None
    moving: bool
    quality: tuple[str, ...] = ()
    """Keywords of what is wrong with the fix; empty when good."""
    deliveries: tuple[DeliveryProgress, ...] = ()


class LatestPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A truck's newest point and what may be shown of it: the document of ``truck-latest``."""

    newest: EnrichedPoint
    """The newest point by ``event_at``, whatever its quality."""
    shown: EnrichedPoint | None
    """The last good one: what viewers see."""
    stale_since_ms: int | None = None
    """``event_at`` of the first of the bad points that came after ``shown``; None when fresh."""
    revision: int = 0
    """Grows each time the same point is enriched anew; the external version is
    ``event_at_ms * 1000 + revision``."""


class TruckInterval(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a truck's time: from `start_ms` to before `end_ms`, by ``event_at``."""

    truck_id: str
    start_ms: int
    end_ms: int


class TrackPoint(msgspec.Struct, frozen=True, array_like=True):
    """One element of a snapshot's track: ``[lat, lon, event_ms]``."""

    lat: float
    lon: float
    event_at_ms: int
