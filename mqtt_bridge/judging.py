"""What a message is: points of a truck, or nothing that can be used. Decides only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

from mqtt_bridge.topics import phone_truck_of, result_topic, truck_of
from rtdts.ingest.intake import JudgedBody
from rtdts.ingest.messages import Fault, foreign_topic, judge_message, judge_owntracks


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
class Judgement:
    """What a message is.

    Attributes:
        truck_id: By its topic; None when that is not a truck's.
        verdict: Its points, judged and stamped; or why there are none. None for a phone's message
            that is about no position.
        result_topic: Where its result goes; None when its sender listens to none.
    """

    truck_id: str | None
    verdict: JudgedBody | Fault | None
    result_topic: str | None = None


def judge(
    message: Message,
    *,
    received_at_ms: int,
    zone: tzinfo,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> Judgement:
    """Judge one message; never raises, whatever is in it.

    The broker lets a truck publish on its own topics only, and a phone as the truck whose
    credential it has: so the topic says which truck it is.

    Args:
        message: What came.
        received_at_ms: When.
        zone: The zone of first-generation trucks' clocks.
        max_body_bytes: How large it may be, unpacked.
        is_revoked: Whether an operator has blocked a truck.
    """
    if (truck_id := truck_of(message.topic)) is not None:
        verdict = judge_message(
            message.payload,
            truck_id=truck_id,
            content_type=message.content_type,
            received_at_ms=received_at_ms,
            zone=zone,
            max_body_bytes=max_body_bytes,
            is_revoked=is_revoked,
        )
        return Judgement(truck_id, verdict, result_topic(truck_id))
    if (truck_id := phone_truck_of(message.topic)) is not None:
        of_phone = judge_owntracks(
            message.payload,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            zone=zone,
            max_body_bytes=max_body_bytes,
            is_revoked=is_revoked,
        )
        return Judgement(truck_id, of_phone)  # the app subscribes to no result
    return Judgement(None, foreign_topic(message.topic))
