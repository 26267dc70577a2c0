"""All SQS queues as data: the local cloud and Terraform create them."""

from __future__ import annotations

import dataclasses
import json

from rtdts.push_queue.round_queue import VISIBILITY_TIMEOUT_S


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueDefinition:
    """A FIFO queue and, for most, its dead-letter queue."""

    logical_name: str
    visibility_timeout_s: int
    retention_s: int
    max_receive_count: int | None
    """Deliveries of a message after which it goes to the dead-letter queue. None when there is no
    such queue, because a message that was not received in time is of no use."""
    dead_letter_retention_s: int = 14 * 24 * 3600

    @property
    def queue_suffix(self) -> str:
        """How the queue's name ends, after the environment's prefix."""
        return f"{self.logical_name}.fifo"

    @property
    def has_dead_letters(self) -> bool:
        """Whether there is a dead-letter queue."""
        return self.max_receive_count is not None

    @property
    def dead_letter_suffix(self) -> str:
        """How the dead-letter queue's name ends."""
        return f"{self.logical_name}-dead.fifo"

    def attributes(self, dead_letter_arn: str | None) -> dict[str, str]:
        """Returns the queue's attributes, as SQS's CreateQueue expects them.

        Args:
            dead_letter_arn: ARN of its dead-letter queue; None without one.
        """
        attributes = {
            **_FIFO,
            "VisibilityTimeout": str(self.visibility_timeout_s),
            "MessageRetentionPeriod": str(self.retention_s),
        }
        if dead_letter_arn is not None:
            policy = {
                "deadLetterTargetArn": dead_letter_arn,
                "maxReceiveCount": self.max_receive_count,
            }
            attributes["RedrivePolicy"] = json.dumps(policy)
        return attributes

    def dead_letter_attributes(self) -> dict[str, str]:
        """The dead-letter queue's attributes."""
        return {**_FIFO, "MessageRetentionPeriod": str(self.dead_letter_retention_s)}


_FIFO = {
    "FifoQueue": "true",
    # Deduplication and throughput per message group instead of per queue: otherwise SQS would
    # accept only 300 sends per second.
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
}

NUDGES = QueueDefinition(
    logical_name="nudges",
    # The handler waits for no slow post, and a position waits 3 s at most for the account's rate.
    # A broadcaster that died holds a delivery's group no longer than this.
    visibility_timeout_s=5,
    # A nudge is useful for a minute; by then the round has pushed the same. It is kept ten times as
    # long, so that a long outage shows in the age of the oldest message before messages expire.
    retention_s=600,
    max_receive_count=5,
)

SNAPSHOTS = QueueDefinition(
    logical_name="snapshots",
    # As for nudges, because these are nudges.
    visibility_timeout_s=NUDGES.visibility_timeout_s,
    retention_s=NUDGES.retention_s,
    max_receive_count=NUDGES.max_receive_count,
)

ROUNDS = QueueDefinition(
    logical_name="rounds",
    visibility_timeout_s=VISIBILITY_TIMEOUT_S,
    # A message that is an interval old is deleted unread and counted, so messages must outlive the
    # longest interval, 60 s. SQS keeps deduplication ids for 300 s, which is long enough.
    retention_s=300,
    # The age is the limit: a bucket that never runs is dropped when the next round is due, and
    # counted as left out. As a dead letter it would be of no use.
    max_receive_count=None,
)

QUEUES = (NUDGES, SNAPSHOTS, ROUNDS)
