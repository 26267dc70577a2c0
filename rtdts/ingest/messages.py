"""Validates a truck's message after it was acknowledged: returns its points, or a fault.

An ingest endpoint that has acknowledged can't respond as HTTP does. So an unusable message is
parked, and never raises: an error would recur with each redelivery. This module only decides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import tzinfo
from typing import Final, TypeVar

from rtdts.ingest.intake import ValidatedBody, validate_body
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
"""Used only by ingest endpoints that count messages."""
REJECTED_POINTS: Final = "rejected_points"
"""Reason for parking a message of which some points are invalid."""


@dataclasses.dataclass(frozen=True)
class Fault:
    """Why no part of a message can be used.

    Attributes:
        reason: One of the codes above.
        detail: For the developers of the truck's software.
    """

    reason: str
    detail: str

    @property
    def is_parked(self) -> bool:
        """Whether the message is kept. A revoked truck's are not: their number is unlimited."""
        return self.reason != REVOKED


def foreign_topic(topic: str) -> Fault:
    """Returns the fault of a message on a topic that is not a truck's."""
    return Fault(FOREIGN_TOPIC, f"no truck's topic: {topic[:200]}")


def validate_message(
    payload: bytes,
    *,
    truck_id: str,
    content_type: str,
    received_at_ms: int,
    zone: tzinfo,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> ValidatedBody | Fault:
    """Validates one message; never raises, whatever is in it.

    Args:
        payload: As the truck sent it.
        truck_id: The truck, from the topic, on which no other truck can publish.
        content_type: As the truck declared it; gzip is unpacked.
        received_at_ms: When it was received.
        zone: The zone of first-generation trucks' clocks.
        max_body_bytes: Maximum size of the message, unpacked.
        is_revoked: Whether an operator has blocked a truck.
    """

    def validate() -> ValidatedBody:
        body = unpacked(payload, content_type=content_type, max_bytes=max_body_bytes)
        return validate_body(
            body,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            source="mqtt",
            first_generation_zone=zone,
        )

    return _or_fault(validate, truck_id, max_body_bytes, is_revoked)


def validate_owntracks(
    payload: bytes,
    *,
    truck_id: str,
    received_at_ms: int,
    zone: tzinfo,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> ValidatedBody | Fault | None:
    """Validates one message of the app OwnTracks; never raises, whatever is in it.

    Args:
        payload: As the app sent it; any truck, user or topic that it names is ignored.
        truck_id: As in `validate_message`.
        received_at_ms: As in `validate_message`.
        zone: As in `validate_message`.
        max_body_bytes: As in `validate_message`.
        is_revoked: As in `validate_message`.

    Returns:
        None for a message that is not about a position.
    """

    def validate() -> ValidatedBody | None:
        sent = unpacked(payload, content_type="", max_bytes=max_body_bytes)
        body = owntracks_telemetry(sent, truck_id=truck_id)
        if body is None:
            return None
        return validate_body(
            body,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            source="mqtt",
            first_generation_zone=zone,
        )

    return _or_fault(validate, truck_id, max_body_bytes, is_revoked)


def _or_fault(
    validate: Callable[[], T],
    truck_id: str,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> T | Fault:
    if is_revoked(truck_id):
        return Fault(REVOKED, "this truck's tokens were revoked")
    try:
        return validate()
    except ForeignTruckError as error:
        detail = f"point {error.index} belongs to another truck; no point was accepted"
        return Fault(FOREIGN_TRUCK, detail)
    except BodyTooLargeError:
        detail = f"the message is larger than {max_body_bytes} bytes, unpacked"
        return Fault(TOO_LARGE, detail)
    except TooManyPointsError:
        detail = f"more than {MAX_POINTS} points; send them in several messages"
        return Fault(TOO_MANY_POINTS, detail)
    except (NotUnpackableError, UnreadableBodyError) as error:
        return Fault(UNREADABLE, f"the message can't be used: {error}")
    except Exception as error:  # a bug here must not recur with each redelivery
        return Fault(UNJUDGED, repr(error))
