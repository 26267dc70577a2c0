"""The queue of nudges: FIFO, each once in five minutes.

A message group is a delivery's; that of a snapshot is one viewer's of a delivery.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from rtdts.push_queue.fifo_queue import MAX_BATCH, FifoQueue, Outgoing
from rtdts.push_queue.nudges import Nudge
from rtdts.runtime.logs import Logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_decoder = msgspec.json.Decoder(Nudge)


class NudgesNotSent(Exception):  # noqa: N818 - named for what happened
    """SQS refused some nudges for good; the rest was sent.

    Attributes:
        nudges: Those that were not sent.
        codes: SQS's codes, one a nudge.
    """

    def __init__(self, nudges: Sequence[Nudge], codes: Sequence[str]) -> None:
        self.nudges = tuple(nudges)
        self.codes = tuple(codes)
        super().__init__(f"{len(self.nudges)} nudges were refused: {sorted(set(codes))}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReceivedNudge:
    """A nudge that stays invisible to others until it is deleted or its time is up."""

    nudge: Nudge
    receipt_handle: str
    sent_at_ms: int
    """When SQS took it: from then on what it tells of can be seen, and waits to be told."""


class NudgeQueue:
    """Sends and receives nudges.

    Args:
        client: An SQS client.
        queue_url: The queue.
        dead_letters_url: Its dead-letter queue, for who receives; None for who only sends.
        log: Where a message that is no nudge is reported.
        sleep: Waits between attempts.
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
        """Sends one; the same again within five minutes is swallowed by SQS.

        Raises:
            botocore.exceptions.ClientError: SQS did not take it.
        """
        self._queue.send(outgoing(nudge))

    def send_many(self, nudges: Iterable[Nudge]) -> None:
        """Sends all, ten a request, in order; sends again what SQS failed to take.

        Raises:
            NudgesNotSent: Some were refused for good, after all others were sent.
        """
        # The same nudge twice in one request would be taken once anyway.
        distinct = list({nudge.deduplication_id: nudge for nudge in nudges}.values())
        rejected = self._queue.send_many([outgoing(nudge) for nudge in distinct])
        if rejected:
            raise NudgesNotSent(
                [distinct[index] for index, _ in rejected], [code for _, code in rejected]
            )

    def receive(self, max_messages: int = MAX_BATCH, wait_s: int = 20) -> list[ReceivedNudge]:
        """Waits up to `wait_s` for nudges; an empty list when none came.

        What is no nudge becomes a dead letter and is reported as an error: it would come back, and
        hold up its delivery's group.
        """
        return [
            ReceivedNudge(
                nudge=one.message, receipt_handle=one.receipt_handle, sent_at_ms=one.sent_at_ms
            )
            for one in self._queue.receive(max_messages, wait_s)
        ]

    def delete(self, received: ReceivedNudge) -> None:
        """Says that a nudge is done with."""
        self._queue.delete(received.receipt_handle)

    def bury(self, received: ReceivedNudge) -> None:
        """Makes a nudge a dead letter at once, and lets its delivery's next one come.

        Raises:
            botocore.exceptions.ClientError: SQS did not take it; the nudge is still in the queue.
        """
        self._queue.bury(outgoing(received.nudge), received.receipt_handle)


def encode_nudge(nudge: Nudge) -> str:
    """A nudge as a message's body."""
    return msgspec.json.encode(nudge).decode()


def decode_nudge(body: str) -> Nudge:
    """A message's body as a nudge.

    Raises:
        msgspec.DecodeError: It is none.
    """
    nudge: Nudge = _decoder.decode(body)
    return nudge


def outgoing(nudge: Nudge) -> Outgoing:
    """A nudge as the message that is sent."""
    return Outgoing(
        body=encode_nudge(nudge),
        group_id=nudge.group_id,
        deduplication_id=nudge.deduplication_id,
    )
