"""The queue of snapshots: nudges for viewers that have just begun to track, kept separate.

They have a queue of their own, because a message can't overtake others in its queue: behind a flood
of positions a snapshot would wait for all messages that were sent before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rtdts.push_queue.fifo_queue import MAX_BATCH
from rtdts.push_queue.nudge_queue import NudgeQueue, ReceivedNudge
from rtdts.push_queue.nudges import SnapshotNudge
from rtdts.runtime.logs import Logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SnapshotQueue:
    """Sends and receives nudges for snapshots; differs from `NudgeQueue` only in its messages.

    Args:
        dead_letters_url: Its dead-letter queue, for a receiver; None for one that only sends.
        log: Where a message that is not a nudge is reported.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        *,
        dead_letters_url: str | None = None,
        log: Logger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._nudges = NudgeQueue(
            client, queue_url, dead_letters_url=dead_letters_url, log=log, sleep=sleep
        )

    def send(self, nudge: SnapshotNudge) -> None:
        """Sends one nudge; SQS drops an equal one within five minutes.

        Raises:
            botocore.exceptions.ClientError: SQS did not accept it.
        """
        self._nudges.send(nudge)

    def receive(self, max_messages: int = MAX_BATCH, wait_s: int = 20) -> Sequence[ReceivedNudge]:
        """Waits up to `wait_s` seconds for nudges; returns an empty list when none came."""
        return self._nudges.receive(max_messages, wait_s)

    def delete(self, received: Sequence[ReceivedNudge]) -> list[str]:
        """Deletes nudges; returns SQS's codes for those that it did not delete."""
        return self._nudges.delete(received)

    def dead_letter(self, received: ReceivedNudge) -> None:
        """Makes a nudge a dead letter at once.

        Raises:
            botocore.exceptions.ClientError: SQS did not accept it; it is still in the queue.
        """
        self._nudges.dead_letter(received)
