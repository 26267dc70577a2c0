"""Every message that a viewer's socket receives, as bytes ready to post.

The contract is docs/asyncapi.yaml. A message is encoded once per delivery and access, however many
viewers receive it. Of an event only its codes, status and time are sent: the point or person that
caused it, the note and the evidence stay in the log.

A client keeps the highest `version`, and the highest `position_at` within the highest `assignment`.
So every message about a delivery carries the fields by which a client can drop it.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from rtdts.tracking.deliveries import (
    UNDER_WAY,
    Cause,
    Delivery,
    DeliveryEvent,
    FailureCode,
    Status,
)
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.instants import format_instant
from rtdts.tracking.positions import TrackPoint
from rtdts.tracking.viewer_scope import ShownPosition
from rtdts.tracking.viewing import EndReason

T = TypeVar("T")

SNAPSHOT_MAX_BYTES: Final = 32_000
"""API Gateway meters in frames of 32 KB, and a phone should not wait for more at once."""

_SAME_PLACE_M: Final = 1.0
"""An ETA was made for another destination if its remaining distance differs by more: both are
rounded to 0.1 m."""

_DEGREE_DECIMALS: Final = 6
"""0.11 m at the equator: finer than any receiver; more digits only make a track longer."""


class ErrorReason(enum.StrEnum):
    """Why a viewer's request was rejected: the code that is sent to clients."""

    NOT_FOUND = "not_found"
    """No such delivery, or not the viewer's: the two must be indistinguishable."""
    BAD_REQUEST = "bad_request"
    TOO_MANY = "too_many"
    FORBIDDEN = "forbidden"
    """The viewer's role is not allowed: no other identity would help."""


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    lat: float
    lon: float
    heading_deg: float | None
    speed_mps: float | None
    accuracy_m: float | None
    recorded_at: str
    age_s: float
    stale_since: str | None


class _Eta(msgspec.Struct, frozen=True, kw_only=True):
    earliest: str
    latest: str


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    v: int = 1
    sent_at: str


class _Position(_Message, frozen=True, kw_only=True, tag="position"):
    delivery_id: str
    status: Status
    version: int
    assignment: int
    position_at: str | None
    position: _Shown | None
    distance_remaining_m: float | None
    eta: _Eta | None
    stops_before: int | None


class _SnapshotEvent(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    status: Status
    effective_at: str
    cause: Cause


class _TrackElement(msgspec.Struct, frozen=True, array_like=True):
    lat: float
    lon: float
    event_ms: int


class _Snapshot(_Position, frozen=True, kw_only=True, tag="snapshot"):
    events: tuple[_SnapshotEvent, ...]
    track: tuple[_TrackElement, ...]
    failure_code: FailureCode | None


class _Status(_Message, frozen=True, kw_only=True, tag="status"):
    delivery_id: str
    status: Status
    version: int
    assignment: int
    effective_at: str
    cause: Cause
    stops_before: int | None
    failure_code: FailureCode | None


class _Ended(_Message, frozen=True, kw_only=True, tag="ended"):
    delivery_id: str
    reason: EndReason


class _Error(_Message, frozen=True, kw_only=True, tag="error"):
    delivery_id: str | msgspec.UnsetType = msgspec.UNSET
    topic: str | msgspec.UnsetType = msgspec.UNSET
    reason: ErrorReason


class _Pong(_Message, frozen=True, kw_only=True, tag="pong"):
    pass


_ENCODER = msgspec.json.Encoder()


def encode_position(
    delivery: Delivery,
    position: ShownPosition | None,
    *,
    sent_at_ms: int,
    stops_before: int | None = None,
) -> bytes:
    """Encodes the `position` message.

    Args:
        delivery: The delivery as read for the right to view.
        position: The result of `position_to_show`; None shows the status alone.
        sent_at_ms: Now; the position's age is relative to it.
        stops_before: How many stops the truck makes first; None when that is not known.
    """
    return _ENCODER.encode(_position(delivery, position, sent_at_ms, stops_before))


def encode_snapshot(
    delivery: Delivery,
    events: Sequence[DeliveryEvent],
    position: ShownPosition | None,
    track: Sequence[TrackPoint],
    *,
    sent_at_ms: int,
    stops_before: int | None = None,
) -> bytes:
    """Encodes the `snapshot` message, at most `SNAPSHOT_MAX_BYTES` long.

    If it is too long, points are removed evenly from within its track, then its oldest events.

    Args:
        delivery: The delivery as read for the right to view.
        events: Its log, or the part of it that is new to the viewer, by version.
        position: The result of `position_to_show`.
        track: The result of `track_to_show`, by time.
        sent_at_ms: Now.
        stops_before: How many stops the truck makes first; None when that is not known.
    """
    progress = msgspec.structs.asdict(_position(delivery, position, sent_at_ms, stops_before))
    failure_code = delivery.failure_code
    # The log may have grown since the delivery was read: the message must be consistent.
    visible = tuple(_snapshot_event(event) for event in events if event.version <= delivery.version)
    shown = tuple(_rounded(point) for point in track)

    while True:
        message = _ENCODER.encode(
            _Snapshot(**progress, events=visible, track=shown, failure_code=failure_code)
        )
        excess_bytes = len(message) - SNAPSHOT_MAX_BYTES
        if excess_bytes <= 0:
            return message
        if len(shown) > 1:
            track_bytes = len(_ENCODER.encode(shown))
            kept = len(shown) * (track_bytes - excess_bytes) // track_bytes
            shown = thinned(shown, max(1, min(kept, len(shown) - 1)))
        else:
            visible = visible[(len(visible) + 1) // 2 :]


def encode_status(
    event: DeliveryEvent, *, sent_at_ms: int, stops_before: int | None = None
) -> bytes:
    """Encodes the `status` message of one event of the log."""
    return _ENCODER.encode(
        _Status(
            sent_at=format_instant(sent_at_ms),
            delivery_id=event.delivery_id,
            status=event.status,
            version=event.version,
            assignment=event.assignment,
            effective_at=format_instant(event.effective_at_ms),
            cause=event.cause,
            stops_before=stops_before,
            failure_code=event.failure_code,
        )
    )


def encode_ended(delivery_id: str, reason: EndReason, *, sent_at_ms: int) -> bytes:
    """Encodes the `ended` message: no more messages of this delivery follow."""
    return _ENCODER.encode(
        _Ended(sent_at=format_instant(sent_at_ms), delivery_id=delivery_id, reason=reason)
    )


def encode_error(
    reason: ErrorReason,
    *,
    sent_at_ms: int,
    delivery_id: str | None = None,
    topic: str | None = None,
) -> bytes:
    """Encodes the `error` message: a viewer's request was rejected.

    Args:
        reason: Why the request was rejected.
        sent_at_ms: Now.
        delivery_id: The delivery of the request, if one could be read.
        topic: The topic of the request, if it was not a delivery.
    """
    return _ENCODER.encode(
        _Error(
            sent_at=format_instant(sent_at_ms),
            delivery_id=msgspec.UNSET if delivery_id is None else delivery_id,
            topic=msgspec.UNSET if topic is None else topic,
            reason=reason,
        )
    )


def encode_pong(*, sent_at_ms: int) -> bytes:
    """Encodes the `pong` message."""
    return _ENCODER.encode(_Pong(sent_at=format_instant(sent_at_ms)))


def thinned(track: Sequence[T], count: int) -> tuple[T, ...]:
    """Returns at most `count` points, evenly by index: always the newest, the oldest if two fit."""
    if count <= 0:
        return ()
    if len(track) <= count:
        return tuple(track)
    if count == 1:
        return (track[-1],)
    last = len(track) - 1
    return tuple(track[index * last // (count - 1)] for index in range(count))


def _position(
    delivery: Delivery,
    position: ShownPosition | None,
    sent_at_ms: int,
    stops_before: int | None,
) -> _Position:
    under_way = position if delivery.status in UNDER_WAY else None
    remaining_m = _distance_remaining_m(delivery, under_way) if under_way else None
    return _Position(
        sent_at=format_instant(sent_at_ms),
        delivery_id=delivery.delivery_id,
        status=delivery.status,
        version=delivery.version,
        assignment=delivery.assignment,
        position_at=None if position is None else format_instant(position.point.event_at_ms),
        position=None if position is None else _shown(position, sent_at_ms),
        distance_remaining_m=remaining_m,
        eta=_eta(delivery, under_way, remaining_m, sent_at_ms),
        stops_before=stops_before,
    )


def _shown(position: ShownPosition, sent_at_ms: int) -> _Shown:
    point = position.point
    stale_since_ms = position.stale_since_ms
    return _Shown(
        lat=round(point.lat, _DEGREE_DECIMALS),
        lon=round(point.lon, _DEGREE_DECIMALS),
        heading_deg=point.heading_deg,
        speed_mps=point.speed_mps,
        accuracy_m=point.accuracy_m,
        recorded_at=format_instant(point.recorded_at_ms),
        # A device's clock may be some seconds ahead; nothing is younger than now.
        age_s=max(0, sent_at_ms - point.event_at_ms) / 1000,
        stale_since=None if stale_since_ms is None else format_instant(stale_since_ms),
    )


def _distance_remaining_m(delivery: Delivery, position: ShownPosition) -> float:
    # From the row's own destination rather than from the indexed document: a plan that has just
    # changed must not be shown with the distance to the old one.
    point, destination = position.point, delivery.destination
    return round(distance_m(point.lat, point.lon, destination.lat, destination.lon), 1)


def _eta(
    delivery: Delivery,
    position: ShownPosition | None,
    remaining_m: float | None,
    sent_at_ms: int,
) -> _Eta | None:
    """Returns the range still ahead; None when it is past, in doubt or of another plan."""
    if position is None or delivery.status is Status.ARRIVED or position.stale_since_ms is not None:
        return None
    if position.eta_earliest_ms is None or position.eta_latest_ms is None:
        return None
    if position.eta_latest_ms < sent_at_ms:
        return None  # it did not come true; no range is better than one in the past
    made_for_m = position.eta_remaining_m
    if made_for_m is None or remaining_m is None or abs(made_for_m - remaining_m) > _SAME_PLACE_M:
        return None  # made for the destination before the plan was changed
    return _Eta(
        earliest=format_instant(max(position.eta_earliest_ms, sent_at_ms)),
        latest=format_instant(position.eta_latest_ms),
    )


def _snapshot_event(event: DeliveryEvent) -> _SnapshotEvent:
    return _SnapshotEvent(
        version=event.version,
        status=event.status,
        effective_at=format_instant(event.effective_at_ms),
        cause=event.cause,
    )


def _rounded(point: TrackPoint) -> _TrackElement:
    return _TrackElement(
        lat=round(point.lat, _DEGREE_DECIMALS),
        lon=round(point.lon, _DEGREE_DECIMALS),
        event_ms=point.event_at_ms,
    )
