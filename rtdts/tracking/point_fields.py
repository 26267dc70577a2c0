"""The fields that a truck may send, their ranges, and what exactly is wrong with a bad one.

msgspec checks a good point in one go; only for a bad one is each field judged by itself, so that
the answer names it and says what is wrong in a code that a program can act on.
"""

from __future__ import annotations

import enum
import math
import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Identifier = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]
"""An id, of whatever thing."""


class Reason(enum.StrEnum):
    """Why a point is rejected for ever."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    """A number outside its range, not finite, or a text that is not of the wanted form."""
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


class TelemetryPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point as a truck sends it (telemetry, version 1).

    The ranges keep out what cannot be, generously: whether a possible fix is believable is judged
    later, by the quality rules. ``null`` is as good as leaving an optional field out.
    """

    # A factory's value is never taken for the default, so that `v` is always written.
    v: Literal[1] = msgspec.field(default_factory=lambda: 1)
    truck_id: Identifier
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    recorded_at: str
    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon: Annotated[float, Meta(ge=-180.0, le=180.0)]
    accuracy_m: Annotated[float, Meta(ge=0.0, le=1e7)] | None = None
    speed_mps: Annotated[float, Meta(ge=0.0, le=1_000.0)] | None = None
    heading_deg: Annotated[float, Meta(ge=0.0, le=360.0)] | None = None
    altitude_m: Annotated[float, Meta(ge=-12_000.0, le=100_000.0)] | None = None
    satellites: Annotated[int, Meta(ge=0, le=1_000)] | None = None
    hdop: Annotated[float, Meta(ge=0.0, le=1_000.0)] | None = None
    ignition: bool | None = None
    battery_pct: Annotated[float, Meta(ge=0.0, le=100.0)] | None = None
    odometer_m: Annotated[float, Meta(ge=0.0, le=1e11)] | None = None


def first_fault(value: object, of: type[msgspec.Struct]) -> tuple[str, Reason]:
    """The first bad field, in the order of declaration, of what msgspec would not take.

    Args:
        value: What stands for the point in the JSON document.
        of: What it should have been.
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
    return "", Reason.NOT_JSON


def _fault(value: object, kind: Any, whole: Any) -> Reason | None:
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, OverflowError):
        return Reason.WRONG_TYPE
    if isinstance(value, float) and not math.isfinite(value):
        return Reason.OUT_OF_RANGE
    try:
        msgspec.convert(value, whole)
    except (msgspec.ValidationError, OverflowError):
        return Reason.OUT_OF_RANGE
    return None


@lru_cache
def _fields_of(of: type[msgspec.Struct]) -> tuple[tuple[str, bool, Any, Any], ...]:
    """Name, whether required, type without its range, type with it, of each field."""
    return tuple(
        (field.encode_name, field.required, _without_ranges(field.type), field.type)
        for field in msgspec.structs.fields(of)
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
        return typing.Union[tuple(_alternatives(alternatives))]  # noqa: UP007 - made at run time
    return kind


def _alternatives(kinds: tuple[Any, ...]) -> Iterator[Any]:
    for kind in kinds:
        yield _without_ranges(kind)
