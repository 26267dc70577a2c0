"""The messages of the fleet's topic, as bytes ready to post: each frame holds a whole view.

The contract is docs/asyncapi.yaml. Trucks are rows without field names, as a track's points are:
with names, half as many would fit a frame. The rows are encoded once per view, however many
dispatchers have it open; the parts that differ are put before the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from rtdts.tracking.deliveries import Status
from rtdts.tracking.fleet_view import MAX_CLUSTERS
from rtdts.tracking.instants import format_instant
from rtdts.tracking.viewing import EndReason

FRAME_MAX_BYTES: Final = 32_000
"""API Gateway meters in frames of 32 KB."""

_HEAD_MAX_BYTES: Final = 400
"""Bytes around the rows: 250 with the longest name of a view."""

ROWS_MAX_BYTES: Final = FRAME_MAX_BYTES - _HEAD_MAX_BYTES

LATE: Final = 1
STALE: Final = 2
OFFLINE: Final = 4

_DECIMALS: Final = 5
"""Decimals of degrees: a metre, less than a marker's own error."""


class FleetTruck(msgspec.Struct, frozen=True, kw_only=True):
    """A truck in view, as the index holds it.

    Attributes:
        at_ms: When it was at its last good position.
        received_at_ms: When its newest point was received.
        late_from_ms: See `rtdts.tracking.current_delivery.CurrentDelivery`.
    """

    truck_id: str
    lat: float
    lon: float
    at_ms: int
    received_at_ms: int
    heading_deg: float | None = None
    speed_mps: float | None = None
    delivery_id: str | None = None
    status: Status | None = None
    late_from_ms: int | None = None


class FleetCluster(msgspec.Struct, frozen=True, array_like=True):
    """The trucks of one map tile: their centre, their number, and the number with each flag."""

    tile: str
    lat: float
    lon: float
    trucks: int
    late: int
    stale: int
    offline: int


class Ages(msgspec.Struct, frozen=True, kw_only=True):
    """The ages from which a truck is stale, or offline."""

    stale_after_ms: int
    offline_after_ms: int

    def flags(self, truck: FleetTruck, as_of_ms: int) -> int:
        """Returns the sum of `LATE`, `STALE` and `OFFLINE` for a truck at that moment.

        The bounds are those of the index's filters: a truck that a filter finds shows the flag.
        """
        late_from_ms = truck.late_from_ms
        flags = LATE if late_from_ms is not None and late_from_ms <= as_of_ms else 0
        if truck.at_ms < as_of_ms - self.stale_after_ms:
            flags += STALE
        if truck.received_at_ms < as_of_ms - self.offline_after_ms:
            flags += OFFLINE
        return flags


class _TruckRow(msgspec.Struct, frozen=True, array_like=True):
    truck_id: str
    lat: float
    lon: float
    heading_deg: int | None
    speed_mps: float | None
    at_ms: int
    status: Status | None
    delivery_id: str | None
    flags: int


class _FleetEnded(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="fleet_ended"):
    v: int = 1
    sent_at: str
    reason: EndReason


_ENCODER: Final = msgspec.json.Encoder()


def truck_rows(trucks: Sequence[FleetTruck], ages: Ages, *, as_of_ms: int) -> bytes | None:
    """Encodes the rows of `trucks`, by id; None when they don't fit a frame."""
    ordered = sorted(trucks, key=lambda truck: truck.truck_id)
    rows = _ENCODER.encode([_row(truck, ages.flags(truck, as_of_ms)) for truck in ordered])
    return rows if len(rows) <= ROWS_MAX_BYTES else None


def cluster_rows(clusters: Sequence[FleetCluster]) -> bytes:
    """Encodes the rows of `clusters`, as many as `FleetView.precision` in `fleet_view` allows."""
    rounded = [
        msgspec.structs.replace(one, lat=round(one.lat, _DECIMALS), lon=round(one.lon, _DECIMALS))
        for one in clusters[:MAX_CLUSTERS]
    ]
    return _ENCODER.encode(rounded)


class FleetSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The result for a view, with encoded rows: either `trucks` or `clusters` is empty."""

    as_of_ms: int
    total: int
    trucks: bytes = b"[]"
    clusters: bytes = b"[]"

    def shows_the_same_as(self, other: FleetSnapshot) -> bool:
        """Returns whether nothing but the time differs."""
        return (self.total, self.trucks, self.clusters) == (
            other.total,
            other.trucks,
            other.clusters,
        )


def encode_fleet(snapshot: FleetSnapshot, *, view: str | None, sent_at_ms: int) -> bytes:
    """Encodes the `fleet` message, at most `FRAME_MAX_BYTES` long.

    Args:
        snapshot: What is in view.
        view: The client's name for the view.
        sent_at_ms: Now.
    """
    return (
        b'{"v":1,"type":"fleet","sent_at":"%b","view":%b,"as_of":"%b","total":%d,"trucks":%b,'
        b'"clusters":%b}'
    ) % (
        format_instant(sent_at_ms).encode(),
        _ENCODER.encode(view),
        format_instant(snapshot.as_of_ms).encode(),
        snapshot.total,
        snapshot.trucks,
        snapshot.clusters,
    )


def encode_fleet_ended(reason: EndReason, *, sent_at_ms: int) -> bytes:
    """Encodes the `fleet_ended` message: no more messages of the fleet follow."""
    return _ENCODER.encode(_FleetEnded(sent_at=format_instant(sent_at_ms), reason=reason))


def _row(truck: FleetTruck, flags: int) -> _TruckRow:
    heading_deg, speed_mps = truck.heading_deg, truck.speed_mps
    return _TruckRow(
        truck.truck_id,
        round(truck.lat, _DECIMALS),
        round(truck.lon, _DECIMALS),
        None if heading_deg is None else round(heading_deg),
        None if speed_mps is None else round(speed_mps, 1),
        truck.at_ms,
        truck.status,
        truck.delivery_id,
        flags,
    )
