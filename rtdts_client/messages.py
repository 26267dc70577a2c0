"""The messages of the socket (docs/asyncapi.yaml of the service), parsed once at the edge."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeVar

T = TypeVar("T")


class InvalidMessageError(ValueError):
    """A value is not of the form that the service promises."""


class Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""The field is missing from the message; None in a field means that there is no value."""


@dataclass(frozen=True)
class DeliveryEvent:
    """An entry of the delivery's log.

    Attributes:
        version: 1 for the first, without gaps.
        status: One of ``assigned``, ``en_route_to_pickup``, ``at_pickup``, ``in_transit``,
            ``nearby``, ``arrived``, ``delivered``, ``failed``, ``cancelled``.
        effective_at: RFC 3339, UTC.
        cause: The rule that changed the status, or ``declared``.
    """

    version: int
    status: str
    effective_at: str
    cause: str


@dataclass(frozen=True)
class Position:
    """Where the truck was.

    Attributes:
        age_s: How old it was when the message was sent.
        stale_since: Since when the truck has been silent, RFC 3339; None while it is not.
    """

    lat: float
    lon: float
    heading_deg: float | None
    speed_mps: float | None
    accuracy_m: float | None
    recorded_at: str
    age_s: float
    stale_since: str | None


@dataclass(frozen=True)
class Eta:
    """The range of the expected arrival, RFC 3339."""

    earliest: str
    latest: str


@dataclass(frozen=True)
class TrackPoint:
    """A place on the travelled track; ``at_ms`` in epoch milliseconds."""

    lat: float
    lon: float
    at_ms: int


@dataclass(frozen=True)
class _OfDelivery:
    sent_at: str
    delivery_id: str


@dataclass(frozen=True)
class _Numbered(_OfDelivery):
    status: str
    version: int
    assignment: int
    stops_before: int | Absent | None
    failure_code: str | Absent | None


@dataclass(frozen=True)
class _Positioned(_Numbered):
    position: Position | None
    position_at: str | None
    distance_remaining_m: float | None
    eta: Eta | None


@dataclass(frozen=True)
class Snapshot(_Positioned):
    """The response to ``track``: everything, with the events after ``since_version``."""

    events: tuple[DeliveryEvent, ...]
    track: tuple[TrackPoint, ...]


@dataclass(frozen=True)
class PositionUpdate(_Positioned):
    """An update from a round, or about a truck nearby."""


@dataclass(frozen=True)
class StatusChange(_Numbered):
    """One event, as soon as it is known."""

    effective_at: str
    cause: str


@dataclass(frozen=True)
class Ended(_OfDelivery):
    """The delivery is no longer tracked."""

    reason: str


@dataclass(frozen=True)
class ServiceError:
    """A request failed, or the connection must end."""

    reason: str
    delivery_id: str | None


@dataclass(frozen=True)
class Pong:
    """The response to ``ping``."""


DeliveryMessage = Snapshot | PositionUpdate | StatusChange | Ended
Message = DeliveryMessage | ServiceError | Pong


def parse_message(frame: str) -> Message | None:
    """Read a frame.

    Returns:
        The message; None for frames that a receiver ignores: unknown types, the gateway's own
        frames, and frames that are not of the promised form.
    """
    try:
        message = object_of(json.loads(frame))
        read = _READERS.get(text_of(message["type"]))
        return read(message) if read else None
    except (KeyError, ValueError, OverflowError, RecursionError):
        return None


def _snapshot(message: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        **_positioned(message),
        events=list_of(_event)(message["events"]),
        track=list_of(_track_point)(message["track"]),
    )


def _status_change(message: Mapping[str, Any]) -> StatusChange:
    return StatusChange(
        **_numbered(message),
        effective_at=instant_of(message["effective_at"]),
        cause=text_of(message["cause"]),
    )


def _ended(message: Mapping[str, Any]) -> Ended:
    return Ended(**_of_delivery(message), reason=text_of(message["reason"]))


def _error(message: Mapping[str, Any]) -> ServiceError:
    delivery_id = message.get("delivery_id")
    return ServiceError(
        reason=text_of(message["reason"]),
        delivery_id=delivery_id if isinstance(delivery_id, str) else None,
    )


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Message]]] = {
    "snapshot": _snapshot,
    "position": lambda message: PositionUpdate(**_positioned(message)),
    "status": _status_change,
    "ended": _ended,
    "error": _error,
    "pong": lambda _: Pong(),
}


def _of_delivery(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sent_at": instant_of(message["sent_at"]),
        "delivery_id": text_of(message["delivery_id"]),
    }


def _numbered(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_of_delivery(message),
        "status": text_of(message["status"]),
        "version": integer_of(message["version"]),
        "assignment": integer_of(message["assignment"]),
        "stops_before": _if_present(integer_of, message, "stops_before"),
        "failure_code": _if_present(text_of, message, "failure_code"),
    }


def _positioned(message: Mapping[str, Any]) -> dict[str, Any]:
    position = or_none(_position)(message["position"])
    position_at = or_none(instant_of)(message["position_at"])
    if position is not None and position_at is None:
        raise InvalidMessageError("a position without its time")
    return {
        **_numbered(message),
        "position": position,
        "position_at": position_at,
        "distance_remaining_m": or_none(number_of)(message["distance_remaining_m"]),
        "eta": or_none(_eta)(message["eta"]),
    }


def _position(value: object) -> Position:
    position = object_of(value)
    return Position(
        lat=number_of(position["lat"]),
        lon=number_of(position["lon"]),
        heading_deg=or_none(number_of)(position["heading_deg"]),
        speed_mps=or_none(number_of)(position["speed_mps"]),
        accuracy_m=or_none(number_of)(position["accuracy_m"]),
        recorded_at=instant_of(position["recorded_at"]),
        age_s=number_of(position["age_s"]),
        stale_since=or_none(instant_of)(position["stale_since"]),
    )


def _eta(value: object) -> Eta:
    eta = object_of(value)
    return Eta(instant_of(eta["earliest"]), instant_of(eta["latest"]))


def _event(value: object) -> DeliveryEvent:
    event = object_of(value)
    return DeliveryEvent(
        version=integer_of(event["version"]),
        status=text_of(event["status"]),
        effective_at=instant_of(event["effective_at"]),
        cause=text_of(event["cause"]),
    )


def _track_point(value: object) -> TrackPoint:
    if not isinstance(value, list) or len(value) != 3:
        raise InvalidMessageError("not a point of a track")
    lat, lon, at_ms = (number_of(one) for one in value)
    return TrackPoint(lat, lon, round(at_ms))


def object_of(value: object) -> Mapping[str, Any]:
    """The value, if it is a JSON object.

    Like the other readers here, it raises `InvalidMessageError` otherwise.
    """
    if not isinstance(value, dict):
        raise InvalidMessageError("not an object")
    return value


def text_of(value: object) -> str:
    """The value, if it is a string."""
    if not isinstance(value, str):
        raise InvalidMessageError("not a string")
    return value


def number_of(value: object) -> float:
    """The value, if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidMessageError("not a number")
    return float(value)


def integer_of(value: object) -> int:
    """The value, if it is a whole number."""
    number = number_of(value)
    if not number.is_integer():
        raise InvalidMessageError("not a whole number")
    return int(number)


def instant_of(value: object) -> str:
    """The value unchanged, if it is an instant: as text it sorts like the time."""
    if datetime.fromisoformat(text_of(value)).tzinfo is None:
        raise InvalidMessageError("a time without a zone")
    return text_of(value)


def or_none(read: Callable[[object], T]) -> Callable[[object], T | None]:
    """Makes a reader of values that may be null."""
    return lambda value: None if value is None else read(value)


def list_of(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """Makes a reader of lists."""

    def read_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise InvalidMessageError("not a list")
        return tuple(read(one) for one in value)

    return read_all


def _if_present(
    read: Callable[[object], T], message: Mapping[str, Any], name: str
) -> T | Absent | None:
    return or_none(read)(message[name]) if name in message else ABSENT
