"""A message of the queue of rounds: this bucket is due in this round."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rtdts.tracking.delivery_buckets import BUCKETS


class DueBucket(msgspec.Struct, frozen=True, kw_only=True):
    """One bucket of one round."""

    bucket: Annotated[int, msgspec.Meta(ge=0, lt=BUCKETS)]
    due_at_ms: int
    """When its round is due: the same from every broadcaster that sends it."""
    later_ms: int = 0
    """Delay after the start of the round, when a round is spread over its interval."""

    @property
    def own_due_at_ms(self) -> int:
        """When the bucket itself is due."""
        return self.due_at_ms + self.later_ms

    @property
    def group_id(self) -> str:
        """The bucket: while one broadcaster holds it, no other receives its next round."""
        return str(self.bucket)

    @property
    def deduplication_id(self) -> str:
        """Bucket and round: SQS keeps one of the copies that several broadcasters send."""
        return f"{self.bucket}:{self.due_at_ms}"
