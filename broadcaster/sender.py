"""What is posted to an endpoint, how that is done, and the outcome: the same for every kind."""

from __future__ import annotations

import enum
import hashlib
from typing import NamedTuple, Protocol

from rtdts.runtime.deadline import Deadline
from rtdts.tracking.deliveries import DeliveryEvent
from rtdts.tracking.positions import ShownPoint


class Payload(NamedTuple):
    """A message and its hash, which is computed once, however many viewers get the message."""

    data: bytes
    sha256_hex: str
    """SHA-256 of `data` in hex, for the signature of the request."""
    about: ShownPoint | DeliveryEvent | None = None
    """The point or event that the message shows, for following a point through the logs."""

    @classmethod
    def of(cls, data: bytes, about: ShownPoint | DeliveryEvent | None = None) -> Payload:
        """The payload of an encoded message."""
        return cls(data, hashlib.sha256(data).hexdigest(), about)


class PostOutcome(enum.Enum):
    """The outcome of a post."""

    DELIVERED = "delivered"
    GONE = "gone"
    """The endpoint no longer exists: remove its subscription."""
    THROTTLED = "throttled"
    """The endpoint gets more than it accepts: back off, for this endpoint."""
    OVER_QUOTA = "over_quota"
    """The account sends more than its quota: post more slowly, to all endpoints of this kind."""
    HUNG = "hung"
    """No response within the time limit."""
    FAILED = "failed"
    """It is not known whether the message arrived; the next message makes up for it."""
    TOO_LATE = "too_late"
    """Not sent: there was no connection before the right was too old."""


class Sender(Protocol):
    """Posts to the endpoints of one kind, and ends them: the only part that knows the kind.

    Neither method raises because of an endpoint or the network.
    """

    async def post(self, name: str, payload: Payload, write_by: Deadline, /) -> PostOutcome:
        """Posts one message; does not begin to write it after `write_by`.

        Args:
            name: The endpoint, without its kind.
            payload: The message.
            write_by: After this, the right to see the message is too old.
        """

    async def end(self, name: str, /) -> PostOutcome:
        """Ends an endpoint; `DELIVERED` if this call ended it, `GONE` if it had ended before."""
