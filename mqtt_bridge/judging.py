"""What a message is: points of a truck, or nothing that can be used. Decides only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import tzinfo
from typing import Final, NamedTuple

from mqtt_bridge.topics import truck_of
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


class Message(NamedTuple):
    """A message as the broker hands it over."""

    topic: str
    payload: bytes
    packet_id: int
    """Of this connection; what is acknowledged."""
    content_type: str = ""
    correlation: bytes | None = None
    """What the truck wants its result to be marked with; None when it asks for none."""


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


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What a message is.

    Attributes:
        truck_id: By its topic; None when that is not a truck's.
        verdict: Its points, judged and stamped; or why there are none.
    """

    truck_id: str | None
    verdict: JudgedBody | Fault


def judge(
    message: Message,
    *,
    received_at_ms: int,
    zone: tzinfo,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> Judgement:
    """Judge one message; never raises, whatever is in it.

    The broker lets a truck publish on its own topic only: so the topic says which truck it is.

    Args:
        message: What came.
        received_at_ms: When.
        zone: The zone of first-generation trucks' clocks.
        max_body_bytes: How large it may be, unpacked.
        is_revoked: Whether an operator has blocked a truck.
    """
    truck_id = truck_of(message.topic)
    if truck_id is None:
        return Judgement(None, Fault(FOREIGN_TOPIC, f"no truck's topic: {message.topic[:200]}"))
    if is_revoked(truck_id):
        return Judgement(truck_id, Fault(REVOKED, "this truck's tokens were revoked"))
    try:
        body = unpacked(
            message.payload, content_type=message.content_type, max_bytes=max_body_bytes
        )
        judged = judge_body(
            body,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            source="mqtt",
            first_generation_zone=zone,
        )
    except ForeignTruckError as error:
        detail = f"point {error.index} is of another truck; none was taken"
        return Judgement(truck_id, Fault(FOREIGN_TRUCK, detail))
    except BodyTooLargeError:
        detail = f"the message is larger than {max_body_bytes} bytes, unpacked"
        return Judgement(truck_id, Fault(TOO_LARGE, detail))
    except TooManyPointsError:
        detail = f"more than {MAX_POINTS} points; send them in several messages"
        return Judgement(truck_id, Fault(TOO_MANY_POINTS, detail))
    except (NotUnpackableError, UnreadableBodyError) as error:
        return Judgement(truck_id, Fault(UNREADABLE, f"the message can't be used: {error}"))
    except Exception as error:  # an error of ours must not come again with each redelivery
        return Judgement(truck_id, Fault(UNJUDGED, repr(error)))
    return Judgement(truck_id, judged)
