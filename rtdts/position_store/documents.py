"""Positions as OpenSearch documents, and back."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from rtdts.position_store.index_definitions import POSITIONS_PREFIX
from rtdts.tracking.instants import format_instant, parse_instant
from rtdts.tracking.positions import (
    Clock,
    DeliveryProgress,
    EnrichedPoint,
    LatestPosition,
    Point,
    TrackPoint,
)

REVISIONS = 1_000
"""Room for revisions of one point in an external version."""


class _Location(msgspec.Struct, frozen=True):
    lat: float
    lon: float


class _Eta(msgspec.Struct, frozen=True, omit_defaults=True):
    earliest: str | None = None
    latest: str | None = None


class _Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    delivery_id: str
    distance_remaining_m: float | None = None
    eta: _Eta | None = None


class _PointDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    # A factory's value is never taken for the default, so that these are always written.
    v: int = msgspec.field(default_factory=lambda: 1)
    truck_id: str
    recorded_at: str
    event_at: str
    received_at: str
    clock: Clock
    clock_offset_ms: int
    source: Literal["http", "mqtt"]
    location: _Location
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
    distance_m: float | None = None
    implied_speed_mps: float | None = None
    moving: bool
    quality: list[str]
    deliveries: list[_Progress] = []


class _LatestDocument(_PointDocument, frozen=True, kw_only=True, omit_defaults=True):
    shown: _PointDocument | None = None
    stale_since: str | None = None


class _TrackDocument(msgspec.Struct, frozen=True):
    location: _Location
    event_at: str


_ENCODER = msgspec.json.Encoder()


def index_of(event_at_ms: int) -> str:
    """The daily index of an instant: ``truck-positions-2026.11.24``."""
    return POSITIONS_PREFIX + format_instant(event_at_ms)[:10].replace("-", ".")


def encode_position(enriched: EnrichedPoint) -> bytes:
    """The document of the history."""
    return _ENCODER.encode(
        _PointDocument(
            **_fields_of(enriched),
            deliveries=[
                _Progress(delivery_id=p.delivery_id, distance_remaining_m=p.distance_remaining_m)
                for p in enriched.deliveries
            ],
        )
    )


def encode_latest(latest: LatestPosition) -> bytes:
    """The document of ``truck-latest``."""
    shown = latest.shown
    return _ENCODER.encode(
        _LatestDocument(
            **_fields_of(latest.newest),
            deliveries=_with_eta(latest.newest),
            shown=_PointDocument(**_fields_of(shown), deliveries=_with_eta(shown))
            if shown
            else None,
            stale_since=_text(latest.stale_since_ms),
        )
    )


def external_version(latest: LatestPosition) -> int:
    """What keeps an older point from overwriting a newer: grows with ``event_at``, then revision.

    A point of the stream has no negative ``event_at`` that matters here: ingest refuses points
    older than days.
    """
    return latest.newest.point.event_at_ms * REVISIONS + min(latest.revision, REVISIONS - 1)


def decode_position(source: Any) -> EnrichedPoint:
    """A document of the history.

    Raises:
        msgspec.ValidationError: It isn't one.
    """
    return _enriched(msgspec.convert(source, _PointDocument))


def decode_latest(source: Any, version: int) -> LatestPosition:
    """A document of ``truck-latest``, with its external version.

    Raises:
        msgspec.ValidationError: It isn't one.
    """
    document = msgspec.convert(source, _LatestDocument)
    return LatestPosition(
        newest=_enriched(document),
        shown=_enriched(document.shown) if document.shown else None,
        stale_since_ms=_instant(document.stale_since),
        revision=version % REVISIONS,
    )


def decode_track_point(source: Any) -> TrackPoint:
    """Place and time of a document of the history.

    Raises:
        msgspec.ValidationError: It has none.
    """
    document = msgspec.convert(source, _TrackDocument)
    return TrackPoint(
        lat=document.location.lat,
        lon=document.location.lon,
        event_at_ms=parse_instant(document.event_at),
    )


def _fields_of(enriched: EnrichedPoint) -> dict[str, Any]:
    point = enriched.point
    return {
        "truck_id": point.truck_id,
        "recorded_at": format_instant(point.recorded_at_ms),
        "event_at": format_instant(point.event_at_ms),
        "received_at": format_instant(point.received_at_ms),
        "clock": point.clock,
        "clock_offset_ms": point.clock_offset_ms,
        "source": point.source,
        "location": _Location(lat=point.lat, lon=point.lon),
        "seq": point.seq,
        "accuracy_m": point.accuracy_m,
        "speed_mps": point.speed_mps,
        "heading_deg": point.heading_deg,
        "altitude_m": point.altitude_m,
        "satellites": point.satellites,
        "hdop": point.hdop,
        "ignition": point.ignition,
        "battery_pct": point.battery_pct,
        "odometer_m": point.odometer_m,
        "distance_m": enriched.distance_m,
        "implied_speed_mps": enriched.implied_speed_mps,
        "moving": enriched.moving,
        "quality": list(enriched.quality),
    }


def _with_eta(enriched: EnrichedPoint) -> list[_Progress]:
    return [
        _Progress(
            delivery_id=progress.delivery_id,
            distance_remaining_m=progress.distance_remaining_m,
            eta=_Eta(_text(progress.eta_earliest_ms), _text(progress.eta_latest_ms))
            if progress.eta_earliest_ms is not None or progress.eta_latest_ms is not None
            else None,
        )
        for progress in enriched.deliveries
    ]


def _enriched(document: _PointDocument) -> EnrichedPoint:
    return EnrichedPoint(
        point=Point(
            truck_id=document.truck_id,
            recorded_at_ms=parse_instant(document.recorded_at),
            lat=document.location.lat,
            lon=document.location.lon,
            event_at_ms=parse_instant(document.event_at),
            received_at_ms=parse_instant(document.received_at),
            clock=document.clock,
            clock_offset_ms=document.clock_offset_ms,
            source=document.source,
            seq=document.seq,
            accuracy_m=document.accuracy_m,
            speed_mps=document.speed_mps,
            heading_deg=document.heading_deg,
            altitude_m=document.altitude_m,
            satellites=document.satellites,
            hdop=document.hdop,
            ignition=document.ignition,
            battery_pct=document.battery_pct,
            odometer_m=document.odometer_m,
        ),
        distance_m=document.distance_m,
        implied_speed_mps=document.implied_speed_mps,
        moving=document.moving,
        quality=tuple(document.quality),
        deliveries=tuple(
            DeliveryProgress(
                delivery_id=progress.delivery_id,
                distance_remaining_m=progress.distance_remaining_m,
                eta_earliest_ms=_instant(progress.eta.earliest) if progress.eta else None,
                eta_latest_ms=_instant(progress.eta.latest) if progress.eta else None,
            )
            for progress in document.deliveries
        ),
    )


def _text(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_instant(at_ms)


def _instant(text: str | None) -> int | None:
    return None if text is None else parse_instant(text)
