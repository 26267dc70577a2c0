"""The queue of rounds in memory."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from deploy.queues import ROUNDS
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.fifo_queue import outgoing
from rtdts.push_queue.round_queue import ReceivedBucket
from rtdts.runtime import wall_clock
from tests.fakes.fake_fifo import looked_at, take


@dataclasses.dataclass
class _Message:
    due: DueBucket
    sent_at_ms: int
    invisible_until_ms: int = 0
    receipt_handle: str = ""


class FakeRoundQueue:
    """Stands for `RoundQueue`; a poll waits only briefly. Can be called from several threads.

    Like a FIFO queue, it drops repeated messages (for ever), and returns no other message of a
    group until the received one is deleted, released, or past its visibility timeout.

    Attributes:
        sent: Every bucket that was sent, including repetitions.
        kept: How often each bucket was extended.
        deleted: The deleted buckets, in order.
        trouble: An error that every call raises while it is set.
        before_receive: Called before each poll.
        long_poll_s: How long a poll takes that receives nothing.
    """

    def __init__(self, now_ms: Callable[[], int] = wall_clock.now_ms) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._messages: list[_Message] = []
        self._seen: set[tuple[str, str]] = set()
        self._receipts = 0
        self.sent: list[DueBucket] = []
        self.kept: dict[int, int] = {}
        self.deleted: list[DueBucket] = []
        self.trouble: Exception | None = None
        self.before_receive: Callable[[], None] = lambda: None
        self.long_poll_s = 0.002

    def send_many(self, messages: Iterable[DueBucket]) -> None:
        self._fail()
        with self._lock:
            for one in messages:
                take(outgoing(one))
                self.sent.append(one)
                identity = (one.group_id, one.deduplication_id)
                if identity not in self._seen:
                    self._seen.add(identity)
                    self._messages.append(_Message(one, self._now_ms()))

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> list[ReceivedBucket]:
        self._fail()
        self.before_receive()
        with self._lock:
            received = self._receive(max_messages)
        if not received and wait_s:
            time.sleep(self.long_poll_s)
        return received

    def _receive(self, max_messages: int) -> list[ReceivedBucket]:
        now_ms = self._now_ms()
        busy = {one.due.bucket for one in self._messages if one.invisible_until_ms > now_ms}
        received: list[ReceivedBucket] = []
        for message in looked_at(self._messages, max_messages):
            if len(received) == max_messages:
                break
            if message.due.bucket in busy:
                continue
            self._receipts += 1
            message.receipt_handle = f"receipt-{self._receipts}"
            message.invisible_until_ms = now_ms + ROUNDS.visibility_timeout_s * 1000
            received.append(
                ReceivedBucket(
                    message=message.due,
                    receipt_handle=message.receipt_handle,
                    sent_at_ms=message.sent_at_ms,
                )
            )
        return received

    def extend(self, received: Sequence[ReceivedBucket]) -> list[str]:
        codes = self._hide(received, ROUNDS.visibility_timeout_s)
        for one in received:
            self.kept[one.message.bucket] = self.kept.get(one.message.bucket, 0) + 1
        return codes

    def release(self, received: Sequence[ReceivedBucket]) -> list[str]:
        return self._hide(received, 0)

    def delete(self, received: Sequence[ReceivedBucket]) -> list[str]:
        self._fail()
        with self._lock:
            theirs = [self._in_flight(one) for one in received]
            for message in theirs:
                if message is not None:
                    self._messages.remove(message)
                    self.deleted.append(message.due)
        return ["InvalidParameterValue" for message in theirs if message is None]

    @property
    def in_flight(self) -> set[int]:
        """Returns buckets that no other receiver gets."""
        now_ms = self._now_ms()
        with self._lock:
            return {one.due.bucket for one in self._messages if one.invisible_until_ms > now_ms}

    @property
    def waiting(self) -> set[int]:
        """Returns buckets with a message that can be received."""
        now_ms = self._now_ms()
        with self._lock:
            busy = {one.due.bucket for one in self._messages if one.invisible_until_ms > now_ms}
            return {one.due.bucket for one in self._messages} - busy

    def _hide(self, received: Sequence[ReceivedBucket], for_s: int) -> list[str]:
        self._fail()
        now_ms = self._now_ms()
        with self._lock:
            theirs = [self._in_flight(one) for one in received]
            for message in theirs:
                if message is not None:
                    message.invisible_until_ms = now_ms + for_s * 1000
        return ["InvalidParameterValue" for message in theirs if message is None]

    def _in_flight(self, received: ReceivedBucket) -> _Message | None:
        """Returns the message while its receipt is valid."""
        now_ms = self._now_ms()
        for message in self._messages:
            if message.receipt_handle == received.receipt_handle:
                return message if message.invisible_until_ms > now_ms else None
        return None

    def _fail(self) -> None:
        if self.trouble is not None:
            # It would keep the frames of all former calls: logs would write them each time.
            raise self.trouble.with_traceback(None)
