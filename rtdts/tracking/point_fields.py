"""The fields that a truck may send, their ranges, and what exactly is wrong with a bad one.

msgspec checks a good point in one go; only for a bad one is each field judged by itself, so that
the answer names it and says what is wrong in a code that a program can act on.
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
    """Why a point is rejected for ever."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    """A number that cannot be, or is not finite."""
    MALFORMED = "malformed"
    """A text that is not of the wanted form."""
    UNSUPPORTED = "unsupported"
    NO_ZONE = "no_zone"
    NOT_AN_INSTANT = "not_an_instant"
    TOO_OLD = "too_old"
    INCONSISTENT = "inconsistent"


class InvalidPoint(ValueError):  # noqa: N818 - what it is, not an error of ours
    """A point that no repetition makes good.

    Attributes:
        field: The first bad field; empty when it is the whole.
        reason: A code.
    """

    def __init__(self, field: str, reason: Reason) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}" if field else str(reason))


class TelemetryPoint(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A point as a truck sends it (telemetry, version 1).

    ``null`` is as good as leaving an optional field out.
    """

    # A factory's value is never taken for the default, so that `v` is always written.
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
    """Digits ``YYYYMMDDhhmmss`` of a wall clock, of which a setting says the zone."""
    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon: Annotated[float, Meta(ge=-180.0, le=180.0)]


def read_instant(field: str, text: str) -> int:
    """``parse_instant`` of a point's field.

    Raises:
        InvalidPoint: It names no instant.
    """
    try:
        return parse_instant(text)
    except NoZoneError as error:
        raise InvalidPoint(field, Reason.NO_ZONE) from error
    except ValueError as error:
        raise InvalidPoint(field, Reason.NOT_AN_INSTANT) from error


def first_fault(value: object, of: type[msgspec.Struct]) -> tuple[str, Reason] | None:
    """The first bad field, or None when nothing is wrong.

    In the order of declaration, but what point it is before what was measured.

    Args:
        value: What stands for the point in the JSON document; numbers that are not finite may be
            in it (msgspec by itself takes them for being within any range).
        of: What it should be.
    """
    if not isinstance(value, dict):
        return "", Reason.NOT_AN_OBJECT
    for name, required, kind, whole in _fields_of(of):
        if name not in value:
            if required:
                return name, Reason.MISSING
            continue
        reason = _fault(value[name], kind, whole)
        if reason is not None:
            return name, reason
    return None


def known_fields(value: dict[Any, Any], of: type[msgspec.Struct]) -> dict[str, Any]:
    """Without the fields that nobody knows, whatever their names and values are."""
    return {name: value[name] for name, *_ in _fields_of(of) if name in value}


def field_is_good(value: dict[Any, Any], name: str, of: type[msgspec.Struct]) -> bool:
    """Whether a required field is there and as it should be, whatever the others are."""
    return any(
        name == each and name in value and _fault(value[name], kind, whole) is None
        for each, _, kind, whole in _fields_of(of)
    )


def _fault(value: object, kind: Any, whole: Any) -> Reason | None:
    try:
        msgspec.convert(value, kind)
    except OverflowError:
        return Reason.OUT_OF_RANGE
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: half a surrogate pair
        return Reason.WRONG_TYPE
    if isinstance(value, float) and not math.isfinite(value):
        return Reason.OUT_OF_RANGE
    try:
        msgspec.convert(value, whole)
    except msgspec.ValidationError:
        if typing.get_origin(whole) is Literal:
            return Reason.UNSUPPORTED
        return Reason.MALFORMED if isinstance(value, str) else Reason.OUT_OF_RANGE
    return None


@functools.lru_cache
def _fields_of(of: type[msgspec.Struct]) -> tuple[tuple[str, bool, Any, Any], ...]:
    """Name, whether required, type without its range, type with it, of each field."""
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
