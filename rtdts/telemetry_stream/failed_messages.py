"""Messages that AWS IoT Core's rule could not write: its error action put them into a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

MAX_RECEIVED: Final = 10
"""SQS: messages of one reception, and of one deletion."""
_WAIT_S: Final = 2
"""A reception that waits asks all of the queue's servers, so an empty one means an empty queue."""
_VISIBILITY_S: Final = 300
"""For so long what was received comes to no other reception."""


class QueueClient(Protocol):
    """What is used of the SDK's SQS client."""

    def receive_message(self, **request: Any) -> Mapping[str, Any]:
        """``ReceiveMessage``."""
        ...

    def delete_message_batch(self, **request: Any) -> Mapping[str, Any]:
        """``DeleteMessageBatch``."""
        ...


class FailedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the queue."""

    message_id: str
    receipt: str
    body: str
    """The error action's document."""
    sent_at_ms: int
    """When the queue got it: moments after AWS IoT Core had received the truck's message."""


class FailedMessages:
    """The queue; what the SDK raises passes through."""

    def __init__(self, client: QueueClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self) -> list[FailedMessage]:
        """Up to `MAX_RECEIVED` messages, which others do not see for some minutes."""
        response = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=MAX_RECEIVED,
            WaitTimeSeconds=_WAIT_S,
            VisibilityTimeout=_VISIBILITY_S,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return [
            FailedMessage(
                message_id=one["MessageId"],
                receipt=one["ReceiptHandle"],
                body=one.get("Body", ""),
                sent_at_ms=int(one["Attributes"]["SentTimestamp"]),
            )
            for one in response.get("Messages", ())
        ]

    def delete(self, messages: Sequence[FailedMessage]) -> None:
        """Deletes messages of one reception; one that is left comes again, which does no harm."""
        if not messages:
            return
        entries = [
            {"Id": str(place), "ReceiptHandle": message.receipt}
            for place, message in enumerate(messages)
        ]
        self._client.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
