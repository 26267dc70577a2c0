"""The queue of nudges in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rtdts.push_queue.fifo_queue import outgoing
from rtdts.push_queue.nudge_queue import ReceivedNudge
from rtdts.push_queue.nudges import Nudge
from rtdts.runtime import wall_clock
from tests.fakes.fake_fifo import looked_at, take


class FakeNudgeQueue:
    """Stands for `NudgeQueue`; never waits.

    Like a FIFO queue, it drops repeated messages (for ever), and returns no other message of a
    group until the received one is deleted or visible again.

    Attributes:
        sent: Every nudge that was sent, including repetitions.
        dead: Dead letters, in order.
        trouble: An error that every send raises while it is set.
        dead_letter_trouble: An error that every `dead_letter` raises while it is set.
    """

    def __init__(self, now_ms: Callable[[], int] = wall_clock.now_ms) -> None:
        self._now_ms = now_ms
        self._sent_at_ms: dict[str, int] = {}
        self.sent: list[Nudge] = []
        self.dead: list[Nudge] = []
        self.trouble: Exception | None = None
        self.dead_letter_trouble: Exception | None = None
        self._waiting: dict[str, Nudge] = {}
        self._seen: set[tuple[str, str]] = set()
        self._in_flight: dict[str, str] = {}
        self._receipts = 0

    def send(self, message: Nudge) -> None:
        if self.trouble is not None:
            # It would keep the frames of all former calls: logs would write them each time.
            raise self.trouble.with_traceback(None)
        take(outgoing(message))
        self.sent.append(message)
        identity = (message.group_id, message.deduplication_id)
        if identity not in self._seen:
            self._seen.add(identity)
            name = f"{message.group_id} {message.deduplication_id}"
            self._waiting[name] = message
            self._sent_at_ms[name] = self._now_ms()

    def send_many(self, messages: Iterable[Nudge]) -> None:
        for message in messages:
            self.send(message)

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> list[ReceivedNudge]:
        busy = {self._waiting[name].group_id for name in self._in_flight.values()}
        received: list[ReceivedNudge] = []
        for name, nudge in looked_at(self._waiting.items(), max_messages):
            if len(received) == max_messages:
                break
            if nudge.group_id in busy:
                continue
            self._receipts += 1
            receipt_handle = f"receipt-{self._receipts}"
            self._in_flight[receipt_handle] = name
            received.append(
                ReceivedNudge(
                    message=nudge,
                    receipt_handle=receipt_handle,
                    sent_at_ms=self._sent_at_ms[name],
                )
            )
        return received

    def delete(self, received: Sequence[ReceivedNudge]) -> list[str]:
        for one in received:
            name = self._in_flight.pop(one.receipt_handle, None)
            if name is not None:
                self._waiting.pop(name, None)
        return []

    def dead_letter(self, received: ReceivedNudge) -> None:
        if self.dead_letter_trouble is not None:
            raise self.dead_letter_trouble
        self.dead.append(received.message)
        self.delete([received])

    def end_visibility_timeouts(self) -> None:
        self._in_flight.clear()
