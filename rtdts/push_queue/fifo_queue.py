"""The queues' common base: batches of ten messages, and dead letters for undecodable messages."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger, get_logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MAX_BATCH = 10
"""SQS's limit of messages per request, for all operations."""

_ATTEMPTS = 4
_SHOWN_CHARACTERS = 200


class QueueMessage(Protocol):
    """A struct that a queue carries."""

    @property
    def group_id(self) -> str:
        """The message group: SQS delivers its messages in order, one batch at a time."""

    @property
    def deduplication_id(self) -> str:
        """SQS drops a message with the id of one that it accepted within five minutes."""


M = TypeVar("M", bound=QueueMessage)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message to send: SQS keeps the first of those with equal group and deduplication id."""

    body: str
    group_id: str
    deduplication_id: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Incoming(Generic[M]):
    """A message that stays invisible to other receivers until deleted or timed out."""

    message: M
    receipt_handle: str
    sent_at_ms: int
    """When SQS accepted it."""


class MessagesNotSent(Exception, Generic[M]):  # noqa: N818 - named for what happened
    """SQS finally rejected some messages; the rest was sent.

    Attributes:
        messages: Those that were not sent.
        codes: SQS's codes, one per message.
    """

    def __init__(self, messages: Sequence[M], codes: Sequence[str]) -> None:
        self.messages = tuple(messages)
        self.codes = tuple(codes)
        super().__init__(f"{len(self.messages)} messages were refused: {sorted(set(codes))}")


class FifoQueue(Generic[M]):
    """A FIFO queue of messages of one kind; a subclass names the kind.

    Args:
        polling: The client for receiving, whose responses take as long as a poll; None for
            `client`.
        dead_letters_url: Where dead letters are sent; None: they are only deleted.
        log: Where a message that can't be decoded is reported.

    Attributes:
        decoder: Decodes a message's body.
        malformed: The log event that reports a message that can't be decoded.
    """

    decoder: ClassVar[msgspec.json.Decoder[Any]]
    malformed: ClassVar[str]

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        *,
        polling: SQSClient | None = None,
        dead_letters_url: str | None = None,
        log: Logger | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._polling_client = polling or client
        self._queue_url = queue_url
        self._dead_letters_url = dead_letters_url
        self._log = log or get_logger("push_queue")
        self._sleep = sleep

    def send(self, message: M) -> None:
        """Sends one message.

        Raises:
            botocore.exceptions.ClientError: SQS did not accept it.
        """
        self._send(self._queue_url, outgoing(message))

    def send_many(self, messages: Iterable[M]) -> None:
        """Sends all, ten per request, in order; retries what SQS temporarily failed to accept.

        Raises:
            MessagesNotSent: Some were finally rejected, after all others were sent.
            botocore.exceptions.ClientError: SQS rejected a request; the rest was not sent.
        """
        # SQS would accept an equal message only once anyway.
        distinct = list({message.deduplication_id: message for message in messages}.values())
        rejected: list[tuple[int, str]] = []
        remaining = enumerate(map(outgoing, distinct))
        while batch := list(itertools.islice(remaining, MAX_BATCH)):
            rejected += self._send_batch(batch)
        if rejected:
            raise MessagesNotSent(
                [distinct[index] for index, _ in rejected], [code for _, code in rejected]
            )

    def receive(self, max_messages: int = MAX_BATCH, wait_s: int = 20) -> list[Incoming[M]]:
        """Waits up to `wait_s` seconds for messages; returns an empty list when none came.

        A message that can't be decoded becomes a dead letter and is reported as an error. Otherwise
        it would return until it expires, and block its group.
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
                message: M = self.decoder.decode(body)
            except msgspec.DecodeError as error:
                self._log.error(self.malformed, reason=str(error), body=body[:_SHOWN_CHARACTERS])
                malformed = Outgoing(
                    body=body,
                    group_id=one["Attributes"]["MessageGroupId"],
                    deduplication_id=one["Attributes"]["MessageDeduplicationId"],
                )
                self._dead_letter(malformed, receipt_handle)
            else:
                sent_at_ms = int(one["Attributes"]["SentTimestamp"])
                received.append(
                    Incoming(message=message, receipt_handle=receipt_handle, sent_at_ms=sent_at_ms)
                )
        return received

    def delete(self, received: Sequence[Incoming[M]]) -> list[str]:
        """Deletes received messages, which are then done, ten per request.

        Returns:
            SQS's codes for those that it did not delete, for example because they timed out: they
            may be received again.
        """
        codes: list[str] = []
        for first in range(0, len(received), MAX_BATCH):
            response = self._client.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": one.receipt_handle}
                    for number, one in enumerate(received[first : first + MAX_BATCH])
                ],
            )
            codes += [failed["Code"] for failed in response.get("Failed", [])]
        return codes

    def dead_letter(self, received: Incoming[M]) -> None:
        """Makes a received message a dead letter at once, because no retry can succeed.

        SQS itself would do so only after `max_receive_count` deliveries, each a visibility timeout
        after the other, and would deliver nothing else of the group meanwhile.

        Raises:
            botocore.exceptions.ClientError: SQS did not accept it; it is still in the queue.
        """
        self._dead_letter(outgoing(received.message), received.receipt_handle)

    def _dead_letter(self, message: Outgoing, receipt_handle: str) -> None:
        if self._dead_letters_url is not None:
            self._send(self._dead_letters_url, message)
        self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt_handle)

    def _hide(self, received: Sequence[Incoming[M]], for_s: int) -> list[str]:
        """Keeps received messages invisible for `for_s` seconds from now; 0 ends it at once.

        Returns:
            SQS's codes for those that it did not change, for example because they timed out.
        """
        codes: list[str] = []
        for first in range(0, len(received), MAX_BATCH):
            response = self._client.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "ReceiptHandle": one.receipt_handle,
                        "VisibilityTimeout": for_s,
                    }
                    for number, one in enumerate(received[first : first + MAX_BATCH])
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
        """Sends up to ten; returns the indexes of those finally rejected, with SQS's codes."""
        waits_s = backoff_s(first_s=0.05, max_s=0.8)
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


def outgoing(message: QueueMessage) -> Outgoing:
    """Encodes a struct as a message to send."""
    return Outgoing(
        body=msgspec.json.encode(message).decode(),
        group_id=message.group_id,
        deduplication_id=message.deduplication_id,
    )


def _entry(number: str, message: Outgoing) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": number,
        "MessageBody": message.body,
        "MessageGroupId": message.group_id,
        "MessageDeduplicationId": message.deduplication_id,
    }
