"""What the queues have in common: ten messages a request, and none that comes back for ever."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger, get_logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

M = TypeVar("M")

MAX_BATCH = 10
"""SQS's limit of messages a request, sending, receiving and whatever else."""

_ATTEMPTS = 4
_SHOWN_CHARACTERS = 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message to send: SQS keeps the first of those with one group and deduplication id."""

    body: str
    group_id: str
    deduplication_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Incoming(Generic[M]):
    """A message that stays invisible to others until it is deleted or its time is up."""

    message: M
    receipt_handle: str
    sent_at_ms: int
    """When SQS took it."""


class FifoQueue(Generic[M]):
    """A FIFO queue of messages of one kind.

    Args:
        client: An SQS client.
        queue_url: The queue.
        polling: The client for receiving, whose answers take as long as a poll; None for the same.
        dead_letters_url: Where dead letters are sent; None: they are deleted only.
        decode: Makes a message of its body, or raises `msgspec.DecodeError`.
        malformed: The event by which a message that is none is reported.
        log: Where that is.
        sleep: Waits between attempts.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        *,
        decode: Callable[[str], M],
        malformed: str,
        polling: SQSClient | None = None,
        dead_letters_url: str | None = None,
        log: Logger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._polling_client = polling or client
        self._queue_url = queue_url
        self._dead_letters_url = dead_letters_url
        self._decode = decode
        self._malformed = malformed
        self._log = log or get_logger("push_queue")
        self._sleep = sleep

    def send(self, message: Outgoing) -> None:
        """Sends one.

        Raises:
            botocore.exceptions.ClientError: SQS did not take it.
        """
        self._send(self._queue_url, message)

    def send_many(self, messages: Sequence[Outgoing]) -> list[tuple[int, str]]:
        """Sends all, ten a request, in order; sends again what SQS failed to take.

        Returns:
            Index and SQS's code of each message that was refused for good.
        """
        rejected: list[tuple[int, str]] = []
        remaining = iter(enumerate(messages))
        while batch := list(itertools.islice(remaining, MAX_BATCH)):
            rejected += self._send_batch(batch)
        return rejected

    def receive(self, max_messages: int, wait_s: int) -> list[Incoming[M]]:
        """Waits up to `wait_s` for messages; an empty list when none came.

        What can't be decoded becomes a dead letter and is reported as an error: it would come back
        until its time is up, and hold up its group.
        """
        response = self._polling_client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=max_messages,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=[
                "MessageDeduplicationId",
                "MessageGroupId",
                "SentTimestamp",
            ],
        )
        received = []
        for one in response.get("Messages", []):
            body, receipt_handle = one.get("Body", ""), one["ReceiptHandle"]
            try:
                message = self._decode(body)
            except msgspec.DecodeError as error:
                self._log.error(self._malformed, reason=str(error), body=body[:_SHOWN_CHARACTERS])
                malformed = Outgoing(
                    body=body,
                    group_id=one["Attributes"]["MessageGroupId"],
                    deduplication_id=one["Attributes"]["MessageDeduplicationId"],
                )
                self.bury(malformed, receipt_handle)
            else:
                sent_at_ms = int(one["Attributes"]["SentTimestamp"])
                received.append(
                    Incoming(message=message, receipt_handle=receipt_handle, sent_at_ms=sent_at_ms)
                )
        return received

    def delete(self, receipt_handle: str) -> None:
        """Says that a message is done with."""
        self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt_handle)

    def bury(self, message: Outgoing, receipt_handle: str) -> None:
        """Makes a received message a dead letter at once: no repetition mends it.

        SQS itself would do so only after `max_receive_count` deliveries, each a visibility timeout
        after the other, and give out nothing else of the group meanwhile.

        Raises:
            botocore.exceptions.ClientError: SQS did not take it; it is still in the queue.
        """
        if self._dead_letters_url is not None:
            self._send(self._dead_letters_url, message)
        self.delete(receipt_handle)

    def delete_many(self, receipt_handles: Sequence[str]) -> list[str]:
        """Says that messages are done with, ten a request.

        Returns:
            SQS's codes for those that it did not delete: their time was up, for one.
        """
        codes: list[str] = []
        for first in range(0, len(receipt_handles), MAX_BATCH):
            response = self._client.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": handle}
                    for number, handle in enumerate(receipt_handles[first : first + MAX_BATCH])
                ],
            )
            codes += [failed["Code"] for failed in response.get("Failed", [])]
        return codes

    def hide_many(self, receipt_handles: Sequence[str], for_s: int) -> list[str]:
        """Keeps received messages invisible for so long from now on, 0 for no longer.

        Returns:
            SQS's codes for those of which it did not: their time was up, for one.
        """
        codes: list[str] = []
        for first in range(0, len(receipt_handles), MAX_BATCH):
            response = self._client.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": for_s}
                    for number, handle in enumerate(receipt_handles[first : first + MAX_BATCH])
                ],
            )
            codes += [failed["Code"] for failed in response.get("Failed", [])]
        return codes

    def _send(self, queue_url: str, message: Outgoing) -> None:
        self._client.send_message(
            QueueUrl=queue_url,
            MessageBody=message.body,
            MessageGroupId=message.group_id,
            MessageDeduplicationId=message.deduplication_id,
        )

    def _send_batch(self, batch: Sequence[tuple[int, Outgoing]]) -> list[tuple[int, str]]:
        """Sends up to ten; the indexes of those that SQS refused for good, with its codes."""
        waits_s = backoff_s(first_s=0.05, most_s=0.8)
        pending = {str(index): message for index, message in batch}
        rejected: list[tuple[int, str]] = []
        codes: dict[str, str] = {}
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(next(waits_s))
            response = self._client.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[_entry(number, message) for number, message in pending.items()],
            )
            failed = response.get("Failed", [])
            rejected += [(int(one["Id"]), one["Code"]) for one in failed if one["SenderFault"]]
            codes = {one["Id"]: one["Code"] for one in failed if not one["SenderFault"]}
            pending = {number: message for number, message in pending.items() if number in codes}
            if not pending:
                break
        return rejected + [(int(number), codes[number]) for number in pending]


def _entry(number: str, message: Outgoing) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": number,
        "MessageBody": message.body,
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
    }
