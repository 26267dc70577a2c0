"""Decides what a message is: points of a truck, or unusable (pure)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple

from mqtt_bridge.topics import phone_truck_of, result_topic, truck_of
from rtdts.ingest.intake import ValidatedBody
from rtdts.ingest.messages import Fault, foreign_topic, validate_message, validate_owntracks


class Message(NamedTuple):
    """A message as the broker delivers it."""

    topic: str
    payload: bytes
    packet_id: int
    """The packet id on this connection; it is what is acknowledged."""
    content_type: str = ""
    correlation: bytes | None = None
    """The MQTT correlation data that the result carries; None when the truck requests no result."""


@dataclasses.dataclass(frozen=True)
class Classification:
    """What a message is.

    Attributes:
        truck_id: The truck, from the topic; None when the topic is not a truck's.
        verdict: Its points, validated and stamped; or why there are none. None for a phone's
            message that has no position.
        result_topic: Where its result goes; None when its sender subscribes to no result.
    """

    truck_id: str | None
    verdict: ValidatedBody | Fault | None
    result_topic: str | None = None


def classify(
    message: Message,
    *,
    received_at_ms: int,
    zone: tzinfo,
    max_body_bytes: int,
    is_revoked: Callable[[str], bool],
) -> Classification:
    """Decide what one message is; never raises, whatever its content.

    The broker lets a truck publish on its own topics only, and a phone only as the truck whose
    credential it has. So the topic identifies the truck.

    Args:
        message: The message.
        received_at_ms: When it was received.
        zone: The time zone of first-generation trucks' clocks.
        max_body_bytes: How large it may be, decompressed.
        is_revoked: Whether an operator has blocked a truck.
    """
    if (truck_id := truck_of(message.topic)) is not None:
        verdict = validate_message(
            message.payload,
            truck_id=truck_id,
            content_type=message.content_type,
            received_at_ms=received_at_ms,
            zone=zone,
            max_body_bytes=max_body_bytes,
            is_revoked=is_revoked,
        )
        return Classification(truck_id, verdict, result_topic(truck_id))
    if (truck_id := phone_truck_of(message.topic)) is not None:
        if message.topic.endswith("/"):  # it names no device
            return Classification(truck_id, foreign_topic(message.topic))
        of_phone = validate_owntracks(
            message.payload,
            truck_id=truck_id,
            received_at_ms=received_at_ms,
            zone=zone,
            max_body_bytes=max_body_bytes,
            is_revoked=is_revoked,
        )
        return Classification(truck_id, of_phone)  # the app subscribes to no result
    return Classification(None, foreign_topic(message.topic))
