"""Messages that AWS IoT Core's rule could not write, queued by its error action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_RECEIVED: Final = 10
"""SQS's limit of messages per receive and per delete request."""
_WAIT_S: Final = 2
"""With a wait, SQS polls all of the queue's servers: no messages means an empty queue."""
_VISIBILITY_S: Final = 300
"""How long a received message is invisible to other receivers."""


class FailedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the queue."""

    message_id: str
    receipt: str
    body: str
    """The error action's document."""
    sent_at_ms: int
    """When it was queued: moments after AWS IoT Core had received the truck's message."""


class FailedMessages:
    """The queue; what the SDK raises passes through."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self) -> list[FailedMessage]:
        """Receives up to `MAX_RECEIVED` messages, invisible to others for some minutes."""
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
        """Deletes messages of one receive; one that is left returns later, which is harmless."""
        if not messages:
            return
        self._client.delete_message_batch(
            QueueUrl=self._queue_url,
            Entries=[
                {"Id": str(place), "ReceiptHandle": message.receipt}
                for place, message in enumerate(messages)
            ],
        )
