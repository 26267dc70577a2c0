"""Every SQS queue of ours as data: what the local cloud creates and Terraform is held to."""

from __future__ import annotations

import dataclasses
import json


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueDefinition:
    """A FIFO queue and, for most, its dead-letter queue."""

    logical_name: str
    visibility_timeout_s: int
    retention_s: int
    max_receive_count: int | None
    """Deliveries of a message after which it goes to the dead-letter queue; None when there is no
    such queue, because a message that nobody took in time is of no use to anybody."""
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
        """The queue's attributes, as SQS's CreateQueue takes them.

        Args:
            dead_letter_arn: Of its dead-letter queue; None without one.
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
    # Deduplication and throughput a message group instead of a queue: 300 sends a second
    # would otherwise be all that SQS takes.
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
}

NUDGES = QueueDefinition(
    logical_name="nudges",
    # The handler waits for no slow post, and with a position 3 s at most for the account's rate; a
    # broadcaster that died holds a delivery's group no longer than this.
    visibility_timeout_s=5,
    # A nudge is news for a minute: then the round has told the same. Ten times that, so that a
    # long outage shows in the age of the oldest message before the messages are gone.
    retention_s=600,
    max_receive_count=5,
)

SNAPSHOTS = QueueDefinition(
    logical_name="snapshots",
    # As of nudges, which these are.
    visibility_timeout_s=NUDGES.visibility_timeout_s,
    retention_s=NUDGES.retention_s,
    max_receive_count=NUDGES.max_receive_count,
)

ROUNDS = QueueDefinition(
    logical_name="rounds",
    # Extended while a bucket is held. Of a broadcaster that died the others take a bucket so much
    # later: with a round each 60 s its viewers have waited for 75 at most.
    visibility_timeout_s=10,
    # A message that is an interval old is deleted unread and counted: so it must outlive the
    # longest interval, 60 s. As long as SQS knows its deduplication id is long enough.
    retention_s=300,
    # The age is the limit: a bucket that nobody can hold is given up when the next round is due,
    # and shows in what a round left out. What would lie among dead letters nobody could use.
    max_receive_count=None,
)

QUEUES = (NUDGES, SNAPSHOTS, ROUNDS)
