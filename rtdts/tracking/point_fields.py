"""The fields that a truck may send, their ranges, and the exact fault of an invalid one.

msgspec checks a valid point as a whole. Only for an invalid one is each field checked by itself, so
that the response names the field and gives the fault as a code that a program can act on.
"""

from __future__ import annotations

import enum
import functools
import math
import operator
import typing
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from rtdts.tracking.identifiers import Identifier
from rtdts.tracking.instants import NoZoneError, parse_instant
from rtdts.tracking.reading import Reading


class Reason(enum.StrEnum):
    """Why a point is rejected permanently."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    """A number that is impossible, or not finite."""
    MALFORMED = "malformed"
    """A text that does not have the required form."""
    UNSUPPORTED = "unsupported"
    NO_ZONE = "no_zone"
    NOT_AN_INSTANT = "not_an_instant"
    TOO_OLD = "too_old"
    INCONSISTENT = "inconsistent"


class InvalidPoint(ValueError):  # noqa: N818 - what it is, not an error of ours
    """A point that stays invalid however often it is sent.

    Attributes:
        field: The first invalid field; empty when the point as a whole is invalid.
        reason: A code.
    """

    def __init__(self, field: str, reason: Reason) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}" if field else str(reason))


class TelemetryPoint(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A point as a truck sends it (telemetry, version 1).

    ``null`` means the same as leaving an optional field out.
    """

    # With a factory the value never counts as the default, so `v` is always written.
    v: Literal[1] = msgspec.field(default_factory=lambda: 1)
    truck_id: Identifier
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    recorded_at: str
    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon: Annotated[float, Meta(ge=-180.0, le=180.0)]


class FirstGenerationPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point as the first generation of trucks sends it."""

    truck_id: Annotated[int, Meta(ge=0, le=2**63 - 1)] = msgspec.field(name="truckId")
    timestamp: Annotated[int, Meta(ge=1000_01_01_00_00_00, le=9999_12_31_23_59_59)]
    """Digits ``YYYYMMDDhhmmss`` of a wall clock, whose zone is a setting."""
    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon: Annotated[float, Meta(ge=-180.0, le=180.0)]


def read_instant(field: str, text: str) -> int:
    """Parses a point's field with ``parse_instant``.

    Raises:
        InvalidPoint: It is not an instant.
    """
    try:
        return parse_instant(text)
    except NoZoneError as error:
        raise InvalidPoint(field, Reason.NO_ZONE) from error
    except ValueError as error:
        raise InvalidPoint(field, Reason.NOT_AN_INSTANT) from error


def first_fault(value: object, of: type[msgspec.Struct]) -> tuple[str, Reason] | None:
    """Returns the first invalid field, or None when the point is valid.

    Fields are checked in the order of declaration, but those that identify the point come before
    its readings.

    Args:
        value: The point's value in the JSON document; it may contain numbers that are not finite
            (msgspec by itself accepts them in any range).
        of: The expected type.
    """
    if not isinstance(value, dict):
        return "", Reason.NOT_AN_OBJECT
    for name, required, kind, ranged in _fields_of(of):
        if name not in value:
            if required:
                return name, Reason.MISSING
            continue
        reason = _fault(value[name], kind, ranged)
        if reason is not None:
            return name, reason
    return None


def known_fields(value: dict[Any, Any], of: type[msgspec.Struct]) -> dict[str, Any]:
    """Returns the value without unknown fields, whatever their names and values are."""
    return {name: value[name] for name, *_ in _fields_of(of) if name in value}


def field_is_good(value: dict[Any, Any], name: str, of: type[msgspec.Struct]) -> bool:
    """Returns whether a required field is present and valid, whatever the others are."""
    return any(
        name == each and name in value and _fault(value[name], kind, ranged) is None
        for each, _, kind, ranged in _fields_of(of)
    )


def _fault(value: object, kind: Any, ranged: Any) -> Reason | None:
    try:
        msgspec.convert(value, kind)
    except OverflowError:
        return Reason.OUT_OF_RANGE
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: half a surrogate pair
        return Reason.WRONG_TYPE
    if isinstance(value, float) and not math.isfinite(value):
        return Reason.OUT_OF_RANGE
    try:
        msgspec.convert(value, ranged)
    except msgspec.ValidationError:
        if typing.get_origin(ranged) is Literal:
            return Reason.UNSUPPORTED
        return Reason.MALFORMED if isinstance(value, str) else Reason.OUT_OF_RANGE
    return None


@functools.lru_cache
def _fields_of(of: type[msgspec.Struct]) -> tuple[tuple[str, bool, Any, Any], ...]:
    """Returns for each field: name, whether required, type without its range, type with it."""
    fields = sorted(
        msgspec.structs.fields(of), key=lambda field: field.name in Reading.__struct_fields__
    )
    return tuple(
        (field.encode_name, field.required, _without_ranges(field.type), field.type)
        for field in fields
    )


def _without_ranges(kind: Any) -> Any:
    if typing.get_origin(kind) is Annotated:
        return typing.get_args(kind)[0]
    if typing.get_origin(kind) is Literal:
        return type(typing.get_args(kind)[0])
    if isinstance(kind, type) and issubclass(kind, enum.StrEnum):
        return str
    alternatives = typing.get_args(kind)
    if alternatives:
        return functools.reduce(operator.or_, map(_without_ranges, alternatives))
    return kind
