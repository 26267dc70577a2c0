"""What a message from a truck is, for the doors that have acknowledged it: its points, or a fault.

Such a door can't answer as HTTP does. So what can't be used is parked, and never raises: an error
would come again with each redelivery. Decides only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import tzinfo
from typing import Final, TypeVar

from rtdts.ingest.intake import JudgedBody, judge_body
from rtdts.ingest.packed_bodies import BodyTooLargeError, NotUnpackableError, unpacked
from rtdts.tracking.owntracks import owntracks_telemetry
from rtdts.tracking.telemetry import (
    MAX_POINTS,
    ForeignTruckError,
    TooManyPointsError,
    UnreadableBodyError,
)

T = TypeVar("T")

FOREIGN_TOPIC: Final = "foreign_topic"
FOREIGN_TRUCK: Final = "foreign_truck"
TOO_LARGE: Final = "too_large"
TOO_MANY_POINTS: Final = "too_many_points"
UNREADABLE: Final = "unreadable"
UNJUDGED: Final = "unjudged"
REVOKED: Final = "revoked"
OVER_QUOTA: Final = "over_quota"
"""Known where messages have been counted: not at each door."""
REASONS: Final = (
    FOREIGN_TOPIC,
    FOREIGN_TRUCK,
    TOO_LARGE,
    TOO_MANY_POINTS,
    UNREADABLE,
    UNJUDGED,
    REVOKED,
    OVER_QUOTA,
)
"""Why a message as a whole can't be used."""
REJECTED_POINTS: Final = "rejected_points"
"""Why a message is parked of which some points are not valid."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """Why nothing of a message can be used.

    Attributes:
        reason: One of `REASONS`.
        detail: For the truck's makers.
    """

    reason: str
    detail: str

    @property
    def is_parked(self) -> bool:
        """Whether the message is kept: not those of a thief, which may be without end."""
        return self.reason != REVOKED


def foreign_topic(topic: str) -> Fault:
    """The fault of a message on a topic that is no truck's."""
    return Fault(FOREIGN_TOPIC, f"no truck's topic: {topic[:200]}")


def judge_message(
    payload: bytes,
    *,
    truck_id: str,
    content_type: str,
    received_at_ms: int,
    zone: tzinfo,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> JudgedBody | Fault:
    """Judge one message; never raises, whatever is in it.

    Args:
        payload: As the truck sent it.
        truck_id: By its topic, on which no other truck can publish.
        content_type: What the truck calls it; gzip is unpacked.
        received_at_ms: When it came.
        zone: The zone of first-generation trucks' clocks.
        max_body_bytes: How large it may be, unpacked.
        is_revoked: Whether an operator has blocked a truck.
    """

    def judged() -> JudgedBody:
        body = unpacked(payload, content_type=content_type, max_bytes=max_body_bytes)
        return judge_body(
            body,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            source="mqtt",
            first_generation_zone=zone,
        )

    if (fault := _revoked(truck_id, is_revoked)) is not None:
        return fault
    return _or_fault(judged, max_body_bytes)


def judge_owntracks(
    payload: bytes,
    *,
    truck_id: str,
    received_at_ms: int,
    zone: tzinfo,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> JudgedBody | Fault | None:
    """Judge one message of the app OwnTracks; never raises, whatever is in it.

    Args:
        payload: As the app sent it; whatever truck, user or topic it names is not looked at.
        truck_id: As of `judge_message`.
        received_at_ms: As of `judge_message`.
        zone: As of `judge_message`.
        max_body_bytes: As of `judge_message`.
        is_revoked: As of `judge_message`.

    Returns:
        None for a message that is not about a position.
    """

    def judged() -> JudgedBody | None:
        sent = unpacked(payload, content_type="", max_bytes=max_body_bytes)
        body = owntracks_telemetry(sent, truck_id=truck_id)
        if body is None:
            return None
        return judge_body(
            body,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            source="mqtt",
            first_generation_zone=zone,
        )

    if (fault := _revoked(truck_id, is_revoked)) is not None:
        return fault
    return _or_fault(judged, max_body_bytes)


def _revoked(truck_id: str, is_revoked: Callable[[str], bool]) -> Fault | None:
    if is_revoked(truck_id):
        return Fault(REVOKED, "this truck's tokens were revoked")
    return None


def _or_fault(judged: Callable[[], T], max_body_bytes: int) -> T | Fault:
    try:
        return judged()
    except ForeignTruckError as error:
        detail = f"point {error.index} is of another truck; none was taken"
        return Fault(FOREIGN_TRUCK, detail)
    except BodyTooLargeError:
        detail = f"the message is larger than {max_body_bytes} bytes, unpacked"
        return Fault(TOO_LARGE, detail)
    except TooManyPointsError:
        detail = f"more than {MAX_POINTS} points; send them in several messages"
        return Fault(TOO_MANY_POINTS, detail)
    except (NotUnpackableError, UnreadableBodyError) as error:
        return Fault(UNREADABLE, f"the message can't be used: {error}")
    except Exception as error:  # an error of ours must not come again with each redelivery
        return Fault(UNJUDGED, repr(error))
