"""What a frame changes for a viewer, by the rules of the client library; kept as evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rtdts_client import messages, view
from rtdts_client.view import DeliveryView

_PROMISED: Final = frozenset({"snapshot", "position", "status", "ended", "error", "pong"})
"""Message types whose format this version of the service guarantees."""


@dataclass(frozen=True)
class Received:
    """A message as received.

    Attributes:
        message: The whole message.
        received_at_ms: When it was received.
        new_version: Whether its version of the delivery is later than the known one.
        new_position: Whether its position is later than the known one.
        stale: Whether everything in it was already superseded.
        problem: How it violates the service's contract, if it does.
    """

    message: Mapping[str, Any]
    received_at_ms: int
    new_version: bool = False
    new_position: bool = False
    stale: bool = False
    problem: str | None = None


class Receiver:
    """Reads the frames of one viewer.

    Attributes:
        views: What is known about each delivery that appeared in a message.
    """

    def __init__(self) -> None:
        self.views: dict[str, DeliveryView] = {}

    def receive(self, frame: str | bytes, received_at_ms: int) -> Received:
        """Applies a frame; messages without ``type`` are the gateway's own."""
        try:
            raw = json.loads(frame)
        except ValueError:
            raw = None
        if not isinstance(raw, dict):
            return Received({}, received_at_ms, problem=f"not an object: {frame[:80]!r}")
        message = messages.parse_message(frame if isinstance(frame, str) else frame.decode())
        if message is None:
            is_broken = raw.get("type") in _PROMISED
            problem = f"not of its form: {frame[:200]!r}" if is_broken else None
            return Received(raw, received_at_ms, problem=problem)
        if isinstance(message, messages.ServiceError | messages.Pong):
            return Received(raw, received_at_ms)
        delivery_id = message.delivery_id
        applied = view.apply_message(
            self.views.get(delivery_id, DeliveryView(delivery_id)), message
        )
        self.views[delivery_id] = applied.view
        return Received(
            raw,
            received_at_ms,
            new_version=applied.new_version,
            new_position=applied.new_position and applied.view.position is not None,
            stale=applied.stale,
        )
