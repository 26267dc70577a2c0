"""Decides what a message of the device stream is: points of a truck, over quota, or unusable."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Final, NamedTuple

from rtdts.ingest.device_messages import BrokenRecordError, decode_message
from rtdts.ingest.intake import ValidatedBody
from rtdts.ingest.messages import (
    OVER_QUOTA,
    REJECTED_POINTS,
    UNREADABLE,
    Fault,
    foreign_topic,
    validate_message,
)
from rtdts.runtime.rate_limits import RateLimits
from rtdts.tracking.blocks import Blocks
from rtdts.tracking.identifiers import is_identifier
from rtdts.tracking.roles import TRUCK

FRESH_MS: Final = 60_000
"""A message that arrived in the stream longer than this after it was received is an operator's
replay. It is not counted."""


class Record(NamedTuple):
    """A record of the device stream."""

    sequence_number: str
    data: bytes
    arrived_at_ms: int


@dataclasses.dataclass(frozen=True)
class ClassifiedMessage:
    """A message and the verdict on it."""

    payload: bytes
    """The payload as the truck sent it; the record when it can't be read."""
    truck_id: str | None
    verdict: ValidatedBody | Fault
    received_at_ms: int | None = None
    """When the message was received; None when it does not count towards the truck's quota."""

    @property
    def points(self) -> int:
        """How many points it counts for; at least one."""
        verdict = self.verdict
        if isinstance(verdict, Fault):
            return 1
        return max(1, len(verdict.payloads) + len(verdict.rejected))

    @property
    def is_over_quota(self) -> bool:
        """Whether the truck had used up its quota before this message."""
        return isinstance(self.verdict, Fault) and self.verdict.reason == OVER_QUOTA

    @property
    def to_park(self) -> tuple[str, str] | None:
        """Reason and detail if the message must be parked separately, else None."""
        verdict = self.verdict
        if self.is_over_quota:
            return None
        if isinstance(verdict, Fault):
            return (verdict.reason, verdict.detail) if verdict.is_parked else None
        if not verdict.rejected:
            return None
        reasons = Counter(f"{each.field}:{each.reason}" for each in verdict.rejected)
        return REJECTED_POINTS, str(dict(reasons))


class MessageClassifier:
    """Classifies batches, and counts the points that each truck sends.

    Args:
        quota: The quota of points per truck; counted by this process alone.
        blocks: Returns what is blocked now.
        zone: The time zone of first-generation trucks' clocks.
        max_body_bytes: Maximum size of a message, decompressed.
    """

    def __init__(
        self,
        *,
        quota: RateLimits,
        blocks: Callable[[], Blocks],
        zone: tzinfo,
        max_body_bytes: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._quota = quota
        self._blocks = blocks
        self._zone = zone
        self._max_body_bytes = max_body_bytes
        self._now_ms = now_ms

    def classify(self, records: Sequence[Record]) -> list[ClassifiedMessage]:
        """Classifies each message, those of one truck in order.

        The counts made here apply to this batch only: messages that are retried must not count
        twice.
        """
        blocks, now_ms, quota = self._blocks(), self._now_ms(), self._quota.copy()

        def is_revoked(truck_id: str) -> bool:
            return blocks.is_revoked(TRUCK, truck_id, now_ms)

        def is_over_quota(truck_id: str, at_ms: int) -> bool:
            return (
                blocks.was_over_quota(TRUCK, truck_id, at_ms) or quota.wait_ms(truck_id, at_ms) > 0
            )

        messages = []
        for record in records:
            message = self._classified(record, is_revoked, is_over_quota)
            _count(message, quota)
            messages.append(message)
        return messages

    def done(self, messages: Sequence[ClassifiedMessage]) -> None:
        """Counts messages that are done towards the quota."""
        for message in messages:
            _count(message, self._quota)

    def _classified(
        self,
        record: Record,
        is_revoked: Callable[[str], bool],
        is_over_quota: Callable[[str, int], bool],
    ) -> ClassifiedMessage:
        data = record.data
        try:
            message = decode_message(data)
        except BrokenRecordError as error:
            return ClassifiedMessage(
                data, None, Fault(UNREADABLE, f"not as the rule writes it: {error}")
            )
        truck_id = message.truck_id
        if not is_identifier(truck_id):
            return ClassifiedMessage(message.payload, None, foreign_topic(truck_id))
        at_ms = message.received_at_ms
        is_fresh = abs(record.arrived_at_ms - at_ms) <= FRESH_MS
        if is_fresh and not is_revoked(truck_id) and is_over_quota(truck_id, at_ms):
            return ClassifiedMessage(message.payload, truck_id, Fault(OVER_QUOTA, "set aside"))
        verdict = validate_message(
            message.payload,
            truck_id=truck_id,
            content_type=message.content_type,
            received_at_ms=message.received_at_ms,
            zone=self._zone,
            max_body_bytes=self._max_body_bytes,
            is_revoked=is_revoked,
        )
        return ClassifiedMessage(message.payload, truck_id, verdict, at_ms if is_fresh else None)


def _count(message: ClassifiedMessage, quota: RateLimits) -> None:
    """Counts a message, unless the truck was over its quota or an operator replays it."""
    if message.truck_id is not None and message.received_at_ms is not None:
        quota.spend(message.truck_id, message.points, message.received_at_ms)
