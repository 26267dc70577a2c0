"""The queue of nudges: FIFO, one message group a delivery, the same nudge once in five minutes."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from rtdts.push_queue.nudges import Nudge
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger, get_logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_decoder = msgspec.json.Decoder(Nudge)

MAX_BATCH = 10
"""SQS's limit of messages a request, sending and receiving."""

_ATTEMPTS = 4
_SHOWN_CHARACTERS = 200


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
        log: Where a message that is no nudge is reported.
        sleep: Waits between attempts.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        *,
        log: Logger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._log = log or get_logger("push_queue")
        self._sleep = sleep

    def send(self, nudge: Nudge) -> None:
        """Sends one; the same again within five minutes is swallowed by SQS.

        Raises:
            botocore.exceptions.ClientError: SQS did not take it.
        """
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=encode_nudge(nudge),
            MessageGroupId=nudge.delivery_id,
            MessageDeduplicationId=nudge.deduplication_id,
        )

    def send_many(self, nudges: Iterable[Nudge]) -> None:
        """Sends all, ten a request, in order; sends again what SQS failed to take.

        Raises:
            NudgesNotSent: Some were refused for good, after all others were sent.
        """
        refused: list[Nudge] = []
        codes: list[str] = []
        # The same nudge twice in one request would be taken once anyway.
        remaining = iter({nudge.deduplication_id: nudge for nudge in nudges}.values())
        while batch := list(itertools.islice(remaining, MAX_BATCH)):
            for nudge, code in self._send_batch(batch):
                refused.append(nudge)
                codes.append(code)
        if refused:
            raise NudgesNotSent(refused, codes)

    def receive(self, max_messages: int = MAX_BATCH, wait_s: int = 20) -> list[ReceivedNudge]:
        """Waits up to `wait_s` for nudges; an empty list when none came.

        What is no nudge is deleted and reported as an error: it would come back for ever, and
        hold up its delivery's group.
        """
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=max_messages,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        received = []
        for message in answer.get("Messages", []):
            body, receipt_handle = message.get("Body", ""), message["ReceiptHandle"]
            try:
                nudge = decode_nudge(body)
            except msgspec.DecodeError as error:
                self._log.error("malformed_nudge", reason=str(error), body=body[:_SHOWN_CHARACTERS])
                self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt_handle)
            else:
                sent_at_ms = int(message["Attributes"]["SentTimestamp"])
                received.append(
                    ReceivedNudge(nudge=nudge, receipt_handle=receipt_handle, sent_at_ms=sent_at_ms)
                )
        return received

    def delete(self, received: ReceivedNudge) -> None:
        """Says that a nudge is done with."""
        self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=received.receipt_handle)

    def _send_batch(self, batch: Sequence[Nudge]) -> list[tuple[Nudge, str]]:
        """Sends up to ten; those that SQS refused for good, with its codes."""
        waits_s = backoff_s(first_s=0.05, most_s=0.8)
        pending = {str(number): nudge for number, nudge in enumerate(batch)}
        refused: list[tuple[Nudge, str]] = []
        codes: dict[str, str] = {}
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(next(waits_s))
            answer = self._client.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[_entry(number, nudge) for number, nudge in pending.items()],
            )
            failed = answer.get("Failed", [])
            refused += [(pending[one["Id"]], one["Code"]) for one in failed if one["SenderFault"]]
            codes = {one["Id"]: one["Code"] for one in failed if not one["SenderFault"]}
            pending = {number: nudge for number, nudge in pending.items() if number in codes}
            if not pending:
                break
        return refused + [(nudge, codes[number]) for number, nudge in pending.items()]


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


def _entry(number: str, nudge: Nudge) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": number,
        "MessageBody": encode_nudge(nudge),
        "MessageGroupId": nudge.delivery_id,
        "MessageDeduplicationId": nudge.deduplication_id,
    }
