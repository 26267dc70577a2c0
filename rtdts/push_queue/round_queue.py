"""The queue of rounds: FIFO, one message group per bucket, each bucket of a round once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.fifo_queue import MAX_BATCH, FifoQueue, Incoming, MessagesNotSent, Outgoing
from rtdts.runtime.logs import Logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

VISIBILITY_TIMEOUT_S: Final = 10
"""Extended while a bucket is held. After a broadcaster died, the others receive its bucket this
much later: with a round every 60 s its viewers have waited for 75 s at most."""

ReceivedBucket = Incoming[DueBucket]
"""A bucket that only this process holds until it is deleted, released, or timed out."""

_decoder = msgspec.json.Decoder(DueBucket)


class RoundQueue:
    """Sends, receives and keeps the buckets of rounds.

    Args:
        polling: The client for receiving, whose responses take as long as a poll; None for the
            same.
        log: Where a message that is not a bucket is reported.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        *,
        polling: SQSClient | None = None,
        log: Logger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._queue: FifoQueue[DueBucket] = FifoQueue(
            client,
            queue_url,
            polling=polling,
            decode=decode_due_bucket,
            malformed="malformed_due_bucket",
            log=log,
            sleep=sleep,
        )

    def send_buckets(self, due: Sequence[DueBucket]) -> None:
        """Sends all, ten per request, in order; SQS drops what was sent within five minutes.

        Raises:
            MessagesNotSent: Some were finally rejected, after all others were sent.
            botocore.exceptions.ClientError: SQS rejected a request; the rest was not sent.
        """
        rejected = self._queue.send_many([outgoing(one) for one in due])
        if rejected:
            raise MessagesNotSent(
                [due[index] for index, _ in rejected], [code for _, code in rejected]
            )

    def receive(self, max_messages: int = MAX_BATCH, wait_s: int = 20) -> list[ReceivedBucket]:
        """Waits up to `wait_s` seconds for buckets; returns an empty list when none came.

        Each is invisible to other receivers for `VISIBILITY_TIMEOUT_S`. A message that is
        not a bucket is deleted and reported as an error.
        """
        return self._queue.receive(max_messages, wait_s)

    def extend(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Keeps buckets invisible to others for another `VISIBILITY_TIMEOUT_S` from now.

        Returns:
            SQS's codes for those that it did not extend: another process may hold them already.
        """
        return self._queue.hide_many(_handles(received), VISIBILITY_TIMEOUT_S)

    def release(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Lets others receive the buckets at once; returns the same as `extend`."""
        return self._queue.hide_many(_handles(received), 0)

    def delete(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Deletes buckets, which are then done.

        Returns:
            SQS's codes for those that it did not delete: they may be received again.
        """
        return self._queue.delete_many(_handles(received))


def outgoing(due: DueBucket) -> Outgoing:
    """Returns the message that carries a bucket."""
    return Outgoing(
        body=encode_due_bucket(due),
        group_id=due.group_id,
        deduplication_id=due.deduplication_id,
    )


def encode_due_bucket(due: DueBucket) -> str:
    """Encodes a bucket as a message's body."""
    return msgspec.json.encode(due).decode()


def decode_due_bucket(body: str) -> DueBucket:
    """Decodes a message's body.

    Raises:
        msgspec.DecodeError: It is not a bucket.
    """
    return _decoder.decode(body)


def _handles(received: Sequence[ReceivedBucket]) -> list[str]:
    return [one.receipt_handle for one in received]
