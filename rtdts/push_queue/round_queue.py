"""The queue of rounds: FIFO, one message group a bucket, each bucket of a round once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from rtdts.push_queue.definitions import ROUNDS
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.fifo_queue import MAX_BATCH, FifoQueue, Incoming, Outgoing
from rtdts.runtime.logs import Logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ReceivedBucket = Incoming[DueBucket]
"""A bucket that is this process's alone until it is deleted, given back, or its time is up."""

_decoder = msgspec.json.Decoder(DueBucket)


class BucketsNotSent(Exception):  # noqa: N818 - named for what happened
    """SQS refused some buckets for good; the rest was sent.

    Attributes:
        buckets: Those that were not sent.
        codes: SQS's codes, one a bucket.
    """

    def __init__(self, buckets: Sequence[DueBucket], codes: Sequence[str]) -> None:
        self.buckets = tuple(buckets)
        self.codes = tuple(codes)
        super().__init__(f"{len(self.buckets)} buckets were refused: {sorted(set(codes))}")


class RoundQueue:
    """Sends, receives and keeps the buckets of rounds.

    Args:
        client: An SQS client.
        queue_url: The queue.
        polling: The client for receiving, whose answers take as long as a poll; None for the same.
        log: Where a message that is no bucket is reported.
        sleep: Waits between attempts.
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
        """Sends all, ten a request, in order; what was sent within five minutes SQS swallows.

        Raises:
            BucketsNotSent: Some were refused for good, after all others were sent.
            botocore.exceptions.ClientError: SQS took no more.
        """
        rejected = self._queue.send_many([outgoing(one) for one in due])
        if rejected:
            raise BucketsNotSent(
                [due[index] for index, _ in rejected], [code for _, code in rejected]
            )

    def receive(self, max_messages: int = MAX_BATCH, wait_s: int = 20) -> list[ReceivedBucket]:
        """Waits up to `wait_s` for buckets; an empty list when none came.

        Each is invisible to others for `ROUNDS.visibility_timeout_s`. What is no bucket is deleted
        and reported as an error.
        """
        return self._queue.receive(max_messages, wait_s)

    def extend(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Keeps buckets invisible to others for another `ROUNDS.visibility_timeout_s` from now.

        Returns:
            SQS's codes for those that it did not keep: they may be another's already.
        """
        return self._queue.hide_many(_handles(received), ROUNDS.visibility_timeout_s)

    def give_back(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Lets others take buckets at once; returns as `keep`."""
        return self._queue.hide_many(_handles(received), 0)

    def delete(self, received: Sequence[ReceivedBucket]) -> list[str]:
        """Says that buckets are done with.

        Returns:
            SQS's codes for those that it did not delete: they may be held once more.
        """
        return self._queue.delete_many(_handles(received))


def outgoing(due: DueBucket) -> Outgoing:
    """A bucket as the message that is sent."""
    return Outgoing(
        body=encode_due_bucket(due),
        group_id=due.group_id,
        deduplication_id=due.deduplication_id,
    )


def encode_due_bucket(due: DueBucket) -> str:
    """A bucket as a message's body."""
    return msgspec.json.encode(due).decode()


def decode_due_bucket(body: str) -> DueBucket:
    """A message's body as a bucket.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return _decoder.decode(body)


def _handles(received: Sequence[ReceivedBucket]) -> list[str]:
    return [one.receipt_handle for one in received]
