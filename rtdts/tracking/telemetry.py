"""The body of a telemetry request: one point, or ``{"positions": [...]}`` of up to 500.

Each point is validated by itself: an invalid one does not affect the others. Nearly all bodies are
valid throughout, so a body is first decoded as a whole, and point by point only when that fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

import msgspec

from rtdts.tracking.instants import format_instant, instant_of
from rtdts.tracking.point_fields import (
    FirstGenerationPoint,
    InvalidPoint,
    Reason,
    TelemetryPoint,
    field_is_good,
    first_fault,
    known_fields,
    read_instant,
)

MAX_POINTS = 500
"""Points per request."""


class UnreadableBodyError(Exception):
    """The body as a whole is invalid; the message says why."""


class TooManyPointsError(Exception):
    """More than ``MAX_POINTS`` points in one request."""


class ForeignTruckError(Exception):
    """A point names another truck than the sender.

    Attributes:
        index: Index of the first such point.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__(f"point {index} belongs to another truck")


class Rejection(msgspec.Struct, frozen=True):
    """A point that stays invalid however often it is sent."""

    index: int
    field: str
    """The field's name in the request; empty when the point is not an object."""
    reason: Reason


class SentPoint(msgspec.Struct, frozen=True):
    """A valid point, not yet stamped."""

    index: int
    """Its index in the request."""
    recorded_at_ms: int
    point: TelemetryPoint
    time_field: str
    """Name of the field that contained its time."""


class DecodedBody(NamedTuple):
    """The points of a body, in their order, each in one of the two lists."""

    sent: list[SentPoint]
    rejected: list[Rejection]


class _BadPoint(msgspec.Struct, frozen=True):
    truck_id: str | None
    field: str
    reason: Reason


_Candidate = TelemetryPoint | FirstGenerationPoint | _BadPoint


class _Envelope(msgspec.Struct):
    positions: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_POINTS = msgspec.json.Decoder(list[TelemetryPoint])
_FIRST_GENERATION_POINTS = msgspec.json.Decoder(list[FirstGenerationPoint])
# What msgspec raises for an unreadable body: malformed, not UTF-8, nested too deeply.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# The longest integer that `int` parses by default; a longer one is out of any range.
_MAX_INTEGER_DIGITS = 4_300


def decode_body(body: bytes, *, truck_id: str, first_generation_zone: tzinfo) -> DecodedBody:
    """Decodes and validates a request's points, in either payload form.

    Args:
        body: The JSON document, unpacked.
        truck_id: The sending truck.
        first_generation_zone: The zone of first-generation trucks' clocks.

    Raises:
        UnreadableBodyError: It is not JSON, or holds no point.
        TooManyPointsError: It holds too many points.
        ForeignTruckError: A point, valid or not, belongs to another truck.
    """
    candidates = _read_candidates(body)
    decoded = DecodedBody([], [])
    for index, candidate in enumerate(candidates):
        owner = candidate.truck_id
        if owner != truck_id and owner is not None and str(owner) != truck_id:
            raise ForeignTruckError(index)
        try:
            decoded.sent.append(_sent_point(index, candidate, first_generation_zone))
        except InvalidPoint as fault:
            decoded.rejected.append(Rejection(index, fault.field, fault.reason))
    return decoded


def _read_candidates(body: bytes) -> Sequence[_Candidate]:
    try:
        points = _decode_all_good(body)
    except _UNREADABLE:
        values = _values(body)
        _check_count(values)
        return [_validate(value) for value in values]
    _check_count(points)
    return points


def _decode_all_good(body: bytes) -> Sequence[_Candidate]:
    positions = _ENVELOPE.decode(body).positions
    points = b"[%b]" % body if positions is msgspec.UNSET else bytes(positions)
    try:
        return _POINTS.decode(points)
    except msgspec.ValidationError:
        return _FIRST_GENERATION_POINTS.decode(points)


def _check_count(points: Sequence[object]) -> None:
    if not points:
        raise UnreadableBodyError("it holds no point")
    if len(points) > MAX_POINTS:
        raise TooManyPointsError(f"{len(points)} points, of at most {MAX_POINTS}")


def _values(body: bytes) -> list[object]:
    """Returns each point's value, from a body in which not every point is valid.

    It uses the standard library's decoder, because that continues where others stop: after ``NaN``,
    ``1e999`` and text that is not UTF-8, which then only affect the point that contains them.
    """
    try:
        document = json.loads(body.decode(errors="replace"), parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise UnreadableBodyError("it is not JSON") from error
    if not isinstance(document, dict):
        raise UnreadableBodyError("it is not a JSON object")
    values = document.get("positions", [document])
    if not isinstance(values, list):
        raise UnreadableBodyError("`positions` is not an array")
    return values


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else float("inf")


def _validate(value: Any) -> _Candidate:
    of = FirstGenerationPoint if _is_first_generation(value) else TelemetryPoint
    fault = first_fault(value, of)
    if fault is not None:
        return _BadPoint(_owner(value), *fault)
    known = known_fields(value, of)
    if of is FirstGenerationPoint:
        return msgspec.convert(known, FirstGenerationPoint)
    return msgspec.convert(known, TelemetryPoint)


def _is_first_generation(value: object) -> bool:
    return isinstance(value, dict) and "truckId" in value and "truck_id" not in value


def _owner(value: object) -> str | None:
    """Returns the truck of an invalid point, if it can be read."""
    if not isinstance(value, dict):
        return None
    first_generation = _is_first_generation(value)
    of = FirstGenerationPoint if first_generation else TelemetryPoint
    name = "truckId" if first_generation else "truck_id"
    return str(value[name]) if field_is_good(value, name, of) else None


def _sent_point(index: int, candidate: _Candidate, first_generation_zone: tzinfo) -> SentPoint:
    if isinstance(candidate, TelemetryPoint):
        at_ms = read_instant("recorded_at", candidate.recorded_at)
        return SentPoint(index, at_ms, candidate, "recorded_at")
    if isinstance(candidate, _BadPoint):
        raise InvalidPoint(candidate.field, candidate.reason)
    at_ms = _first_generation_instant(candidate.timestamp, first_generation_zone)
    point = TelemetryPoint(
        truck_id=str(candidate.truck_id),
        recorded_at=format_instant(at_ms),
        lat=candidate.lat,
        lon=candidate.lon,
    )
    return SentPoint(index, at_ms, point, "timestamp")


def _first_generation_instant(timestamp: int, zone: tzinfo) -> int:
    try:
        local = datetime.strptime(str(timestamp), "%Y%m%d%H%M%S").replace(tzinfo=zone)
        return instant_of(local)
    except (ValueError, OverflowError) as error:
        raise InvalidPoint("timestamp", Reason.NOT_AN_INSTANT) from error
