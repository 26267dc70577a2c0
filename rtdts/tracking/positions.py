"""A truck's position: as it is in the stream, as it is indexed, as it is shown."""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

from rtdts.tracking.reading import Reading


class Clock(enum.StrEnum):
    """Whether ``event_at`` is the device's time or a shifted one."""

    DEVICE = "device"
    SHIFTED = "shifted"


class Point(Reading, frozen=True, kw_only=True):
    """One stamped point of a truck, as used by everything after ingest.

    Units: degrees (WGS 84), metres, metres per second, degrees clockwise from north, milliseconds
        since the Unix epoch.
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
    source: Literal["http", "mqtt"] = "http"
    seq: int | None = None

    @property
    def clock_offset_ms(self) -> int:
        """The offset that was added to the device's time."""
        return self.event_at_ms - self.recorded_at_ms

    # `point_id(point)` lives in rtdts.tracking.point_identity.


class DeliveryProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of one of a truck's open deliveries, as of a point."""

    delivery_id: str
    distance_remaining_m: float | None
    """Great circle to the destination; None before the cargo is in transit."""
    eta_earliest_ms: int | None = None
    eta_latest_ms: int | None = None


class ShownPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What viewing needs of a point; its speed and heading are the device's, or derived."""

    truck_id: str
    recorded_at_ms: int
    lat: float
    lon: float
    event_at_ms: int
    seq: int | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    clock_lag_ms: int = 0

    @property
    def counts_at_ms(self) -> int:
        """When it counts as having happened, by our clock."""
        return self.event_at_ms + self.clock_lag_ms


class ShownLatest(msgspec.Struct, frozen=True, kw_only=True):
    """What viewing needs of a truck's latest position: its last good point."""

    point: ShownPoint
    stale_since_ms: int | None = None
    """``event_at`` of the first bad point after it; None when there is none."""
    deliveries: tuple[DeliveryProgress, ...] = ()


class TruckInterval(msgspec.Struct, frozen=True, kw_only=True):
    """An interval of a truck's time: from `start_ms` to before `end_ms`, by our clock."""

    truck_id: str
    start_ms: int
    end_ms: int


class TrackPoint(msgspec.Struct, frozen=True):
    """What viewing needs of a point of a track."""

    lat: float
    lon: float
    event_at_ms: int
    clock_lag_ms: int = 0

    @property
    def counts_at_ms(self) -> int:
        """When it counts as having happened, by our clock."""
        return self.event_at_ms + self.clock_lag_ms
