"""The queue of rounds: FIFO, one message group per bucket, each bucket of a round once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.fifo_queue import FifoQueue, Incoming

VISIBILITY_TIMEOUT_S: Final = 10
"""Extended while a bucket is held. If a broadcaster dies, the others receive its bucket after this
time: with a round every 60 s, its viewers wait 75 s at most."""

ReceivedBucket = Incoming[DueBucket]
"""A bucket that only this process holds until it is deleted, released, or timed out."""


class RoundQueue(FifoQueue[DueBucket]):
    """Sends, receives and keeps the buckets of rounds.

    A received bucket is invisible to other receivers for `VISIBILITY_TIMEOUT_S`.
    """

    decoder = msgspec.json.Decoder(DueBucket)
    malformed = "malformed_due_bucket"

    def extend(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Keeps buckets invisible to others for another `VISIBILITY_TIMEOUT_S` from now.

        Returns:
            SQS's codes for those that it did not extend: another process may hold them already.
        """
        return self._hide(received, VISIBILITY_TIMEOUT_S)

    def release(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Lets others receive the buckets at once; returns the same as `extend`."""
        return self._hide(received, 0)
