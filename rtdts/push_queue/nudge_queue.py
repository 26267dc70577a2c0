"""The queue of nudges: FIFO, each nudge once in five minutes.

The message group is the delivery; for a snapshot it is the delivery and the viewer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from rtdts.push_queue.fifo_queue import MAX_BATCH, FifoQueue, Incoming, MessagesNotSent, Outgoing
from rtdts.push_queue.nudges import Nudge
from rtdts.runtime.logs import Logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ReceivedNudge = Incoming[Nudge]
"""A nudge that stays invisible to other receivers until deleted or timed out."""

_decoder = msgspec.json.Decoder(Nudge)


class NudgeQueue:
    """Sends and receives nudges.

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
        self._queue: FifoQueue[Nudge] = FifoQueue(
            client,
            queue_url,
            dead_letters_url=dead_letters_url,
            decode=decode_nudge,
            malformed="malformed_nudge",
            log=log,
            sleep=sleep,
        )

    def send(self, nudge: Nudge) -> None:
        """Sends one nudge; SQS drops an equal one within five minutes.

        Raises:
            botocore.exceptions.ClientError: SQS did not accept it.
        """
        self._queue.send(outgoing(nudge))

    def send_many(self, nudges: Iterable[Nudge]) -> None:
        """Sends all, ten per request, in order; retries what SQS temporarily failed to accept.

        Raises:
            MessagesNotSent: Some were finally rejected, after all others were sent.
        """
        # SQS would accept an equal nudge only once anyway.
        distinct = list({nudge.deduplication_id: nudge for nudge in nudges}.values())
        rejected = self._queue.send_many([outgoing(nudge) for nudge in distinct])
        if rejected:
            raise MessagesNotSent(
                [distinct[index] for index, _ in rejected], [code for _, code in rejected]
            )

    def receive(self, max_messages: int = MAX_BATCH, wait_s: int = 20) -> list[ReceivedNudge]:
        """Waits up to `wait_s` seconds for nudges; returns an empty list when none came.

        A message that is not a nudge becomes a dead letter and is reported as an error. Otherwise
        it would return, and block its delivery's group.
        """
        return self._queue.receive(max_messages, wait_s)

    def delete(self, received: Sequence[ReceivedNudge]) -> list[str]:
        """Deletes nudges, which are then done, ten per request.

        Returns:
            SQS's codes for those that it did not delete: they may be received again.
        """
        return self._queue.delete_many([one.receipt_handle for one in received])

    def dead_letter(self, received: ReceivedNudge) -> None:
        """Makes a nudge a dead letter at once, which unblocks the next one of its delivery.

        Raises:
            botocore.exceptions.ClientError: SQS did not accept it; the nudge is still in the queue.
        """
        self._queue.dead_letter(outgoing(received.message), received.receipt_handle)


def encode_nudge(nudge: Nudge) -> str:
    """Encodes a nudge as a message's body."""
    return msgspec.json.encode(nudge).decode()


def decode_nudge(body: str) -> Nudge:
    """Decodes a message's body.

    Raises:
        msgspec.DecodeError: It is not a nudge.
    """
    nudge: Nudge = _decoder.decode(body)
    return nudge


def outgoing(nudge: Nudge) -> Outgoing:
    """Returns the message that carries a nudge."""
    return Outgoing(
        body=encode_nudge(nudge),
        group_id=nudge.group_id,
        deduplication_id=nudge.deduplication_id,
    )
