"""The queue of messages that a rule could not write, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from rtdts.telemetry_stream.failed_messages import MAX_RECEIVED, FailedMessage
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeFailedMessages:
    """Stands for `FailedMessages`.

    Attributes:
        messages: The messages in the queue.
    """

    def __init__(self) -> None:
        self.messages: list[FailedMessage] = []
        self._numbers = itertools.count(1)
        self._hidden: set[str] = set()

    def send(self, body: str, *, sent_at_ms: int) -> None:
        _check("send_message", {"MessageBody": body})
        number = str(next(self._numbers))
        self.messages.append(
            FailedMessage(
                message_id=number, receipt=f"receipt-{number}", body=body, sent_at_ms=sent_at_ms
            )
        )

    def show_all(self) -> None:
        """Ends the visibility timeout of all received messages."""
        self._hidden.clear()

    def receive(self) -> list[FailedMessage]:
        _check("receive_message", {"MaxNumberOfMessages": MAX_RECEIVED})
        seen = [one for one in self.messages if one.message_id not in self._hidden][:MAX_RECEIVED]
        self._hidden.update(one.message_id for one in seen)
        return seen

    def delete(self, messages: Sequence[FailedMessage]) -> None:
        _check("delete_message_batch", {"Entries": [{"Id": one.message_id} for one in messages]})
        receipts = {one.receipt for one in messages}
        self.messages = [one for one in self.messages if one.receipt not in receipts]


def _check(operation: str, request: Mapping[str, Any]) -> None:
    if code := breach(operation, request):
        raise client_error(code)
