"""Every SQS queue of ours as data: what the local cloud creates and Terraform is held to."""

from __future__ import annotations

import dataclasses
import json


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueDefinition:
    """A FIFO queue and its dead-letter queue."""

    logical_name: str
    visibility_timeout_s: int
    retention_s: int
    max_receive_count: int
    """Deliveries of a message after which it goes to the dead-letter queue."""
    dead_letter_retention_s: int = 14 * 24 * 3600

    @property
    def queue_suffix(self) -> str:
        """How the queue's name ends, after the environment's prefix."""
        return f"{self.logical_name}.fifo"

    @property
    def dead_letter_suffix(self) -> str:
        """How the dead-letter queue's name ends."""
        return f"{self.logical_name}-dead.fifo"

    def attributes(self, dead_letter_arn: str) -> dict[str, str]:
        """The queue's attributes, as SQS's CreateQueue takes them."""
        return {
            **_FIFO,
            "VisibilityTimeout": str(self.visibility_timeout_s),
            "MessageRetentionPeriod": str(self.retention_s),
            "RedrivePolicy": json.dumps(
                {
                    "deadLetterTargetArn": dead_letter_arn,
                    "maxReceiveCount": self.max_receive_count,
                }
            ),
        }

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
    # The handler never waits on a slow post; a broadcaster that died holds a delivery's group
    # no longer than this.
    visibility_timeout_s=5,
    # A nudge is news for a minute: then the round has told the same. Ten times that, so that a
    # long outage shows in the age of the oldest message before the messages are gone.
    retention_s=600,
    max_receive_count=5,
)

QUEUES = (NUDGES,)
