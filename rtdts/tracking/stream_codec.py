"""A point in the stream: one user record, one line of JSON.

It is the point as the truck sent it, normalised, with the stamps of ingest. Other programs may
write to the stream, so every reader validates the point again.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_fields import (
    InvalidPoint,
    Reason,
    TelemetryPoint,
    first_fault,
    read_instant,
)
from rtdts.tracking.positions import Clock, Point
from rtdts.tracking.reading import measured
from rtdts.tracking.stamping import MAX_AGE_MS, MAX_AHEAD_MS, stamped_point

__all__ = ["InvalidPoint", "Reason", "decode_point", "encode_point"]


class _StreamPoint(TelemetryPoint, frozen=True, kw_only=True, omit_defaults=True):
    event_at: str
    received_at: str
    clock: Clock
    clock_offset_ms: int
    source: Literal["http", "mqtt"]


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_StreamPoint)


def encode_point(point: Point) -> bytes:
    """Encodes a point for the stream; fields that the truck did not send are left out."""
    return _ENCODER.encode(
        _StreamPoint(
            *measured(point),
            truck_id=point.truck_id,
            seq=point.seq,
            recorded_at=format_instant(point.recorded_at_ms),
            lat=point.lat,
            lon=point.lon,
            event_at=format_instant(point.event_at_ms),
            received_at=format_instant(point.received_at_ms),
            clock=point.clock,
            clock_offset_ms=point.clock_offset_ms,
            source=point.source,
        )
    )


def decode_point(data: bytes) -> Point:
    """Decodes a point of the stream.

    Raises:
        InvalidPoint: It isn't a point, or its stamps contradict each other: an offset that is not
            ``event_at - recorded_at``, a shifted clock without an offset, or an ``event_at`` that
            no stamping gives (it names the daily index, so a wrong value would create a new one).
    """
    try:
        read = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidPoint(*_explain(data)) from error
    recorded_at_ms = read_instant("recorded_at", read.recorded_at)
    event_at_ms = read_instant("event_at", read.event_at)
    received_at_ms = read_instant("received_at", read.received_at)
    if not received_at_ms - MAX_AGE_MS <= event_at_ms <= received_at_ms + MAX_AHEAD_MS:
        raise InvalidPoint("event_at", Reason.OUT_OF_RANGE)
    offset_ms = event_at_ms - recorded_at_ms
    if read.clock_offset_ms != offset_ms:
        raise InvalidPoint("clock_offset_ms", Reason.INCONSISTENT)
    if (read.clock is Clock.SHIFTED) != (offset_ms != 0):
        raise InvalidPoint("clock", Reason.INCONSISTENT)
    return stamped_point(
        read,
        recorded_at_ms=recorded_at_ms,
        received_at_ms=received_at_ms,
        offset_ms=offset_ms,
        source=read.source,
    )


def _explain(data: bytes) -> tuple[str, Reason]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", Reason.NOT_JSON
    return first_fault(value, _StreamPoint) or ("", Reason.NOT_JSON)
