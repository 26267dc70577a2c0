"""What a message is: points of a truck, or nothing that can be used. Decides only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

from mqtt_bridge.topics import truck_of
from rtdts.ingest.intake import JudgedBody
from rtdts.ingest.messages import Fault, foreign_topic, judge_message


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
        return Judgement(None, foreign_topic(message.topic))
    verdict = judge_message(
        message.payload,
        truck_id=truck_id,
        content_type=message.content_type,
        received_at_ms=received_at_ms,
        zone=zone,
        max_body_bytes=max_body_bytes,
        is_revoked=is_revoked,
    )
    return Judgement(truck_id, verdict)
