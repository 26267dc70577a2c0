"""Positions as OpenSearch documents, and back.

The decoding functions raise ``msgspec.ValidationError`` for any other document.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from rtdts.position_store.index_definitions import POSITIONS_PREFIX
from rtdts.tracking.current_delivery import CurrentDelivery
from rtdts.tracking.deliveries import Status
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.fleet_messages import FleetTruck
from rtdts.tracking.instants import format_instant, parse_instant
from rtdts.tracking.point_identity import identity_of
from rtdts.tracking.positions import (
    Clock,
    DeliveryProgress,
    ShownLatest,
    ShownPoint,
    TrackPoint,
)
from rtdts.tracking.reading import Reading, measured

REVISIONS = 1_000
"""How many revisions of one point an external version can count."""


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


class _PointDocument(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A fix; its speed and heading are the device's or, where `derived` names them, derived."""

    # With a factory the value never counts as the default, so these are always written.
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
    distance_m: float | None = None
    implied_speed_mps: float | None = None
    track_speed_mps: float | None = None
    track_heading_deg: float | None = None
    derived: tuple[Literal["speed_mps", "heading_deg"], ...] = ()
    moving: bool
    quality: tuple[str, ...]
    counts_at: str | None = None
    deliveries: tuple[_Progress, ...] = ()


class _HistoryDocument(_PointDocument, frozen=True, kw_only=True, omit_defaults=True):
    n: int = 0
    beyond: bool = False


class _FleetDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    location: _Location
    at: int
    """When the truck was at this location, by our clock."""
    received_at: int
    """When its newest point was received."""
    heading_deg: float | None = None
    speed_mps: float | None = None
    delivery_id: str | None = None
    status: Status | None = None
    late_from: int | None = None


class _FleetSource(msgspec.Struct, frozen=True):
    fleet: _FleetDocument


class _ShownDocument(msgspec.Struct, frozen=True, kw_only=True):
    truck_id: str
    recorded_at: str
    event_at: str
    location: _Location
    seq: int | None = None
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    counts_at: str | None = None
    deliveries: tuple[_Progress, ...] = ()


class _ShownLatestDocument(msgspec.Struct, frozen=True, kw_only=True):
    is_shown: bool = False
    shown: _ShownDocument | None = None
    stale_since: str | None = None


class _TrackDocument(msgspec.Struct, frozen=True):
    location: _Location
    event_at: str
    counts_at: str | None = None


CURRENT_FIELDS = ("delivery_id", "status", "late_from")
"""The `fleet` object's fields that depend on the truck's deliveries, not on its points."""

D = TypeVar("D", bound=_PointDocument)

_ENCODER = msgspec.json.Encoder()

SHOWN_FIELDS = _ShownDocument.__struct_fields__
"""The fields that `decode_shown_point` reads."""
SHOWN_LATEST_FIELDS = (
    "is_shown",
    "stale_since",
    *SHOWN_FIELDS,
    *(f"shown.{name}" for name in SHOWN_FIELDS),
)
"""The fields that `decode_shown_latest` reads."""
TRACK_FIELDS = _TrackDocument.__struct_fields__
"""The fields that `decode_track_point` reads."""


class StoredFix(NamedTuple):
    """A document of the history."""

    fix: Fix
    deliveries: tuple[DeliveryProgress, ...] = ()
    """The progress of the truck's open deliveries with this fix."""
    beyond: bool = False
    """Whether the point was too late to be folded."""


def index_of(event_at_ms: int) -> str:
    """Returns the daily index of an instant: ``truck-positions-2026.11.24``."""
    return POSITIONS_PREFIX + format_instant(event_at_ms)[:10].replace("-", ".")


def encode_position(stored: StoredFix) -> bytes:
    """Encodes a document of the history; it has no ETA."""
    progress = tuple(
        _Progress(delivery_id=one.delivery_id, distance_remaining_m=one.distance_remaining_m)
        for one in stored.deliveries
    )
    return _ENCODER.encode(
        _document(_HistoryDocument, stored.fix, progress, n=stored.fix.n, beyond=stored.beyond)
    )


def encode_latest(latest: LatestPosition) -> bytes:
    """Encodes a document of ``truck-latest``.

    The shown point is nearly always the newest point: then `is_shown` is set, and the point is
    stored once. A second copy would be a third of what a point costs the node's log on disk.
    """
    newest, shown = latest.newest, latest.shown
    text = _encoded(newest, latest.deliveries)
    more = b""
    if shown is newest and latest.shown_deliveries == latest.deliveries:
        more = b',"is_shown":true'
    elif shown is not None:
        more = b',"shown":' + _encoded(shown, latest.shown_deliveries)
    if shown is not None:
        more += b',"fleet":' + _ENCODER.encode(_fleet_document(latest, shown))
    if latest.stale_since_ms is not None:
        more += b',"stale_since":"%b"' % format_instant(latest.stale_since_ms).encode()
    return b"%b%b}" % (text[:-1], more)


def encode_current(source: dict[str, Any], current: CurrentDelivery | None) -> bytes | None:
    """Encodes a document of ``truck-latest`` as it was read, with another current delivery.

    Returns:
        None when the document already has this delivery.
    """
    fleet = {name: value for name, value in source["fleet"].items() if name not in CURRENT_FIELDS}
    fleet |= _current_fields(current)
    return None if fleet == source["fleet"] else _ENCODER.encode({**source, "fleet": fleet})


def eta_earliest_ms(source: dict[str, Any], delivery_id: str) -> int | None:
    """Returns the early end of a delivery's ETA in a document of ``truck-latest``."""
    shown = decode_shown_latest(source)
    deliveries = () if shown is None else shown.deliveries
    return next((one.eta_earliest_ms for one in deliveries if one.delivery_id == delivery_id), None)


def _fleet_document(latest: LatestPosition, shown: Fix) -> _FleetDocument:
    return _FleetDocument(
        location=_Location(shown.lat, shown.lon),
        at=shown.counts_at_ms,
        received_at=latest.newest.received_at_ms,
        heading_deg=shown.shown_heading_deg,
        speed_mps=shown.shown_speed_mps,
        **_current_fields(latest.current),
    )


def _current_fields(current: CurrentDelivery | None) -> dict[str, Any]:
    if current is None:
        return {}
    fields = {"delivery_id": current.delivery_id, "status": current.status}
    return fields if current.late_from_ms is None else {**fields, "late_from": current.late_from_ms}


def _encoded(fix: Fix, deliveries: Iterable[DeliveryProgress]) -> bytes:
    return _ENCODER.encode(_document(_PointDocument, fix, _with_eta(deliveries)))


def external_version(latest: LatestPosition) -> int:
    """Returns a version that grows with ``event_at``, then revision, so older writes are rejected.

    ``event_at`` is never negative: ingest rejects points that are more than some days old.
    """
    return latest.newest.event_at_ms * REVISIONS + min(latest.revision, REVISIONS - 1)


def decode_stored_fix(source: Any) -> StoredFix:
    """Decodes a document of the history: exactly what was encoded, except for an ETA."""
    document = msgspec.convert(source, _HistoryDocument)
    fix = msgspec.structs.replace(_fix(document), n=document.n)
    return StoredFix(fix, _progress(document.deliveries), beyond=document.beyond)


def decode_fleet_truck(truck_id: str, source: Any) -> FleetTruck:
    """Decodes what a view of the fleet shows of a document of ``truck-latest``.

    Raises:
        msgspec.ValidationError: It is another document, or it shows nothing.
    """
    fleet = msgspec.convert(source, _FleetSource).fleet
    return FleetTruck(
        truck_id=truck_id,
        lat=fleet.location.lat,
        lon=fleet.location.lon,
        at_ms=fleet.at,
        received_at_ms=fleet.received_at,
        heading_deg=fleet.heading_deg,
        speed_mps=fleet.speed_mps,
        delivery_id=fleet.delivery_id,
        status=fleet.status,
        late_from_ms=fleet.late_from,
    )


def decode_shown_latest(source: Any) -> ShownLatest | None:
    """Decodes what viewing needs of a ``truck-latest`` document; None when nothing may be shown."""
    document = msgspec.convert(source, _ShownLatestDocument)
    shown = msgspec.convert(source, _ShownDocument) if document.is_shown else document.shown
    return None if shown is None else _shown(shown, _instant(document.stale_since))


def decode_shown_point(source: Any) -> ShownLatest:
    """Decodes what viewing needs of a document of the history, shown as a truck's latest."""
    return _shown(msgspec.convert(source, _ShownDocument), None)


def decode_track_point(source: Any) -> TrackPoint:
    """Decodes place and time of a document of the history.

    Raises:
        msgspec.ValidationError: The document has no place or time.
    """
    document = msgspec.convert(source, _TrackDocument)
    event_at_ms = parse_instant(document.event_at)
    return TrackPoint(
        lat=document.location.lat,
        lon=document.location.lon,
        event_at_ms=event_at_ms,
        clock_lag_ms=_lag_ms(document.counts_at, event_at_ms),
    )


def _document(kind: type[D], fix: Fix, progress: tuple[_Progress, ...], **more: Any) -> D:
    derived: tuple[Literal["speed_mps", "heading_deg"], ...] = ()
    reading: Reading = fix
    if fix.speed_mps is None or fix.heading_deg is None:
        speed_mps, heading_deg = fix.shown_speed_mps, fix.shown_heading_deg
        if speed_mps != fix.speed_mps:
            derived += ("speed_mps",)
        if heading_deg != fix.heading_deg:
            derived += ("heading_deg",)
        reading = msgspec.structs.replace(fix, speed_mps=speed_mps, heading_deg=heading_deg)
    return kind(
        *measured(reading),
        truck_id=fix.truck_id,
        recorded_at=format_instant(fix.recorded_at_ms),
        event_at=format_instant(fix.event_at_ms),
        received_at=format_instant(fix.received_at_ms),
        clock=fix.clock,
        clock_offset_ms=fix.clock_offset_ms,
        source=fix.source,
        location=_Location(fix.lat, fix.lon),
        seq=fix.seq,
        distance_m=fix.distance_m,
        implied_speed_mps=fix.implied_speed_mps,
        track_speed_mps=fix.track_speed_mps,
        track_heading_deg=fix.track_heading_deg,
        derived=derived,
        moving=fix.moving,
        quality=fix.quality,
        counts_at=format_instant(fix.counts_at_ms) if fix.clock_lag_ms else None,
        deliveries=progress,
        **more,
    )


def _with_eta(deliveries: Iterable[DeliveryProgress]) -> tuple[_Progress, ...]:
    return tuple(
        _Progress(
            delivery_id=one.delivery_id,
            distance_remaining_m=one.distance_remaining_m,
            eta=_Eta(_text(one.eta_earliest_ms), _text(one.eta_latest_ms))
            if one.eta_earliest_ms is not None or one.eta_latest_ms is not None
            else None,
        )
        for one in deliveries
    )


def _fix(document: _PointDocument) -> Fix:
    recorded_at_ms = parse_instant(document.recorded_at)
    event_at_ms = parse_instant(document.event_at)
    lat, lon = document.location.lat, document.location.lon
    fix = Fix(
        *measured(document),
        truck_id=document.truck_id,
        recorded_at_ms=recorded_at_ms,
        lat=lat,
        lon=lon,
        event_at_ms=event_at_ms,
        received_at_ms=parse_instant(document.received_at),
        clock=document.clock,
        source=document.source,
        seq=document.seq,
        point_id=identity_of(
            document.truck_id, recorded_at_ms=recorded_at_ms, seq=document.seq, lat=lat, lon=lon
        ),
        distance_m=document.distance_m,
        implied_speed_mps=document.implied_speed_mps,
        track_speed_mps=document.track_speed_mps,
        track_heading_deg=document.track_heading_deg,
        moving=document.moving,
        quality=document.quality,
        clock_lag_ms=_lag_ms(document.counts_at, event_at_ms),
    )
    unsent = dict.fromkeys(document.derived)
    return msgspec.structs.replace(fix, **unsent) if unsent else fix


def _shown(document: _ShownDocument, stale_since_ms: int | None) -> ShownLatest:
    event_at_ms = parse_instant(document.event_at)
    return ShownLatest(
        point=ShownPoint(
            truck_id=document.truck_id,
            recorded_at_ms=parse_instant(document.recorded_at),
            lat=document.location.lat,
            lon=document.location.lon,
            event_at_ms=event_at_ms,
            seq=document.seq,
            accuracy_m=document.accuracy_m,
            speed_mps=document.speed_mps,
            heading_deg=document.heading_deg,
            clock_lag_ms=_lag_ms(document.counts_at, event_at_ms),
        ),
        stale_since_ms=stale_since_ms,
        deliveries=_progress(document.deliveries),
    )


def _progress(deliveries: Iterable[_Progress]) -> tuple[DeliveryProgress, ...]:
    return tuple(
        DeliveryProgress(
            delivery_id=one.delivery_id,
            distance_remaining_m=one.distance_remaining_m,
            eta_earliest_ms=_instant(one.eta.earliest) if one.eta else None,
            eta_latest_ms=_instant(one.eta.latest) if one.eta else None,
        )
        for one in deliveries
    )


def _lag_ms(counts_at: str | None, event_at_ms: int) -> int:
    return 0 if counts_at is None else parse_instant(counts_at) - event_at_ms


def _text(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_instant(at_ms)


def _instant(text: str | None) -> int | None:
    return None if text is None else parse_instant(text)
