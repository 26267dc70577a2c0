"""The queue of messages that a rule could not write, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rtdts.telemetry_stream.failed_messages import MAX_RECEIVED, FailedMessage


class FakeFailedMessages:
    """Stands for `FailedMessages`.

    Attributes:
        held: What is in the queue.
    """

    def __init__(self) -> None:
        self.held: list[FailedMessage] = []
        self._numbers = itertools.count(1)
        self._hidden: set[str] = set()

    def send(self, body: str, *, sent_at_ms: int) -> None:
        number = str(next(self._numbers))
        self.held.append(
            FailedMessage(
                message_id=number, receipt=f"receipt-{number}", body=body, sent_at_ms=sent_at_ms
            )
        )

    def show_all(self) -> None:
        """The time for which received messages are hidden is over."""
        self._hidden.clear()

    def receive(self) -> list[FailedMessage]:
        seen = [one for one in self.held if one.message_id not in self._hidden][:MAX_RECEIVED]
        self._hidden.update(one.message_id for one in seen)
        return seen

    def delete(self, messages: Sequence[FailedMessage]) -> None:
        receipts = {one.receipt for one in messages}
        self.held = [one for one in self.held if one.receipt not in receipts]
