"""What a message from a truck is, for the doors that have acknowledged it: its points, or a fault.

Such a door can't answer as HTTP does. So what can't be used is parked, and never raises: an error
would come again with each redelivery. Decides only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import tzinfo
from typing import Final

from rtdts.ingest.intake import JudgedBody, judge_body
from rtdts.ingest.packed_bodies import BodyTooLargeError, NotUnpackableError, unpacked
from rtdts.tracking.telemetry import (
    MAX_POINTS,
    ForeignTruckError,
    TooManyPointsError,
    UnreadableBodyError,
)

FOREIGN_TOPIC: Final = "foreign_topic"
FOREIGN_TRUCK: Final = "foreign_truck"
TOO_LARGE: Final = "too_large"
TOO_MANY_POINTS: Final = "too_many_points"
UNREADABLE: Final = "unreadable"
UNJUDGED: Final = "unjudged"
REVOKED: Final = "revoked"
REASONS: Final = (
    FOREIGN_TOPIC,
    FOREIGN_TRUCK,
    TOO_LARGE,
    TOO_MANY_POINTS,
    UNREADABLE,
    UNJUDGED,
    REVOKED,
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
    if is_revoked(truck_id):
        return Fault(REVOKED, "this truck's tokens were revoked")
    try:
        body = unpacked(payload, content_type=content_type, max_bytes=max_body_bytes)
        return judge_body(
            body,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            source="mqtt",
            first_generation_zone=zone,
        )
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
