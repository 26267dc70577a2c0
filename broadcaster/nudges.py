"""The consumer of a queue of nudges: what changed is pushed at once, between the rounds.

One has the changes, another the snapshots of viewers that have just begun to track.

A nudge is deleted when its posts are under way and have had a moment to be answered: so a
broadcaster that is killed leaves it to the next one, and a slow viewer does not hold up the next
change of its delivery (the queue gives out nothing more of a delivery until then). Whom a post did
not reach is tried again, a few times, with its right read anew; after that the round tells it.
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from broadcaster.connection_backoff import ConnectionBackoff
from broadcaster.polling import LongPoll
from broadcaster.pushing import Outcome, Pushed
from broadcaster.threads import Threads
from rtdts.push_queue.nudge_queue import ReceivedNudge
from rtdts.push_queue.nudges import Nudge, PositionNudge
from rtdts.runtime import wall_clock
from rtdts.runtime.aws_errors import is_rejection
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import Metric

METRICS: Final = (
    Metric("NudgesReceived", "Count"),
    Metric("NudgesFailed", "Count"),
    Metric("NudgesDead", "Count"),
    Metric("NudgeAge", "Milliseconds"),
    Metric("NudgeViewersDelivered", "Count"),
    Metric("NudgeViewersNotReached", "Count"),
)

SNAPSHOT_METRICS: Final = (
    Metric("SnapshotsReceived", "Count"),
    Metric("SnapshotsFailed", "Count"),
    Metric("SnapshotsDead", "Count"),
    Metric("SnapshotAge", "Milliseconds"),
    Metric("SnapshotViewersDelivered", "Count"),
    Metric("SnapshotViewersNotReached", "Count"),
)
"""The same of nudges that ask for a snapshot, which have a queue and a consumer of their own."""

_SNAPSHOTS: Final = {
    one.name: of_snapshots.name for one, of_snapshots in zip(METRICS, SNAPSHOT_METRICS, strict=True)
}

RESPONSE_WAIT_S: Final = 0.5
"""How long the answers of a nudge's posts are waited for before it is deleted. Most come within
a tenth of that; the queue's visibility of 5 s leaves room for the reading."""

FOLLOW_UPS: Final = 3
"""How often a viewer that was not reached is tried again; never with a mere position."""

_FOLLOW_UP_FIRST_S: Final = 0.5
_FOLLOW_UPS_AT_ONCE: Final = 1_000
"""More than that, and something is wrong with the whole; the round tells them."""

_BUGS: Final = (ArithmeticError, LookupError, TypeError, ValueError, msgspec.MsgspecError)
"""What our code, or the reading of a row that can't be read, raises each time anew."""

_NOT_REACHED: Final = frozenset(Outcome) - {Outcome.DELIVERED, Outcome.GONE}


class Queue(Protocol):
    """The queue of nudges."""

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> Sequence[ReceivedNudge]:
        """Waits for some."""

    def delete(self, received: ReceivedNudge, /) -> None:
        """Says that one is done with."""

    def bury(self, received: ReceivedNudge, /) -> None:
        """Makes one a dead letter."""


class Handler(Protocol):
    """Begins the pushes of a nudge."""

    async def begin(
        self, nudge: Nudge, only: frozenset[str] | None = None
    ) -> list[asyncio.Task[Pushed]]:
        """A task a viewer; raises what a store raises."""


class NudgeConsumer:
    """Receives nudges and has them handled, many at once.

    Args:
        queue: Where they come from.
        handler: Begins the pushes.
        backoff: Says how long a throttled connection is to be left alone.
        polling: A thread of its own for the long poll.
        threads: Where deleting may block.
        log: Told of failures.
        wait_s: Length of the long poll; also how long a shutdown may have to wait for it.
        at_once: Nudges handled at once.
        response_wait_s: How long a nudge's answers are waited for.
        sleep: Waits some seconds.
        monotonic: Clock in seconds.
        now_ms: Wall clock, beside the queue's time of a nudge.
    """

    def __init__(
        self,
        queue: Queue,
        handler: Handler,
        backoff: ConnectionBackoff,
        polling: Threads,
        threads: Threads,
        *,
        log: Logger,
        wait_s: int,
        at_once: int = 100,
        response_wait_s: float = RESPONSE_WAIT_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._queue = queue
        self._handler = handler
        self._backoff = backoff
        self._poll = LongPoll[ReceivedNudge](
            queue.receive,
            polling,
            wait_s=wait_s,
            failed="nudges_not_received",
            log=log,
            sleep=sleep,
            monotonic=monotonic,
        )
        self._threads = threads
        self._log = log
        self._response_wait_s = response_wait_s
        self._sleep = sleep
        self._now_ms = now_ms
        self._oldest_ms = 0
        self._free = asyncio.Semaphore(at_once)
        self._handling: set[asyncio.Task[None]] = set()
        self._following_up: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._counts: collections.Counter[str] = collections.Counter()

    async def run(self) -> None:
        """Receives and handles until `stop`.

        Raises:
            broadcaster.polling.QueueUnreachableError: For good, after minutes of trying.
        """
        while not self._stopping:
            # A free place before receiving: what is received must be handled within its 5 s.
            async with self._free:
                pass
            for received in await self._poll.messages(lambda: self._stopping):
                await self._free.acquire()
                task = asyncio.create_task(self._handle(received))
                self._handling.add(task)
                task.add_done_callback(self._handled)

    def stop(self) -> None:
        """Receives no more after the poll that is under way."""
        self._stopping = True

    async def drain(self, deadline: Deadline) -> None:
        """Waits for what is being handled; what is left then comes again from the queue."""
        for tasks in (self._handling, self._following_up):
            if tasks:
                await asyncio.wait(tasks, timeout=deadline.remaining_s)
        left = [*self._handling, *self._following_up]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def take_metrics(self) -> dict[str, float]:
        """The values of `METRICS` since the last call.

        The age is of the one that was told latest: from when it was sent until its viewers had
        answered, or had had `RESPONSE_WAIT_S` to.
        """
        counts, self._counts = self._counts, collections.Counter()
        oldest_ms, self._oldest_ms = self._oldest_ms, 0
        values: dict[str, float] = {metric.name: counts[metric.name] for metric in METRICS}
        return values | {"NudgeAge": oldest_ms}

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        self._free.release()

    async def _handle(self, received: ReceivedNudge) -> None:
        nudge = received.nudge
        self._counts["NudgesReceived"] += 1
        try:
            tasks = await self._handler.begin(nudge)
            if tasks:
                await asyncio.wait(tasks, timeout=self._response_wait_s)
                self._start_follow_up(nudge, tasks)
            self._oldest_ms = max(self._oldest_ms, self._now_ms() - received.sent_at_ms)
            await self._threads.run(self._queue.delete, received)
        except Exception as error:
            self._counts["NudgesFailed"] += 1
            self._log.exception("nudge_failed", error, delivery_id=nudge.delivery_id)
            if _is_own_fault(error):
                await self._bury(received)
            # All else stays in the queue and comes again; at last SQS makes it a dead letter.

    async def _bury(self, received: ReceivedNudge) -> None:
        """Lets the delivery's next nudge come at once, which this one would hold up in vain."""
        try:
            await self._threads.run(self._queue.bury, received)
        except Exception as error:  # it comes again
            self._log.exception("nudge_not_buried", error, delivery_id=received.nudge.delivery_id)
        else:
            self._counts["NudgesDead"] += 1

    def _start_follow_up(self, nudge: Nudge, tasks: Sequence[asyncio.Task[Pushed]]) -> None:
        if len(self._following_up) >= _FOLLOW_UPS_AT_ONCE:
            self._log.error("too_many_follow_ups", delivery_id=nudge.delivery_id)
            return
        task = asyncio.create_task(self._follow_up(nudge, tasks))
        self._following_up.add(task)
        task.add_done_callback(self._following_up.discard)

    async def _follow_up(self, nudge: Nudge, tasks: Sequence[asyncio.Task[Pushed]]) -> None:
        """Awaits every answer, and tries again whom a post did not reach."""
        # A position is followed by a newer one before it would be tried again.
        follow_ups = 0 if isinstance(nudge, PositionNudge) else FOLLOW_UPS
        waits_s = backoff_s(first_s=_FOLLOW_UP_FIRST_S, most_s=8.0, uniform=max)
        for attempt in range(follow_ups + 1):
            missed = self._count(await asyncio.gather(*tasks))
            if not missed:
                return
            if attempt == follow_ups or self._stopping:
                break
            longest_s = max(map(self._backoff.remaining_s, missed))
            await self._sleep(max(next(waits_s), longest_s))
            try:
                tasks = await self._handler.begin(nudge, missed)
            except Exception as error:  # the round will tell them
                self._log.exception("follow_up_failed", error, delivery_id=nudge.delivery_id)
                break
        self._counts["NudgeViewersNotReached"] += len(missed)
        self._log.warning("viewers_not_reached", delivery_id=nudge.delivery_id, count=len(missed))

    def _count(self, pushed: Sequence[Pushed]) -> frozenset[str]:
        delivered = sum(one.outcome is Outcome.DELIVERED for one in pushed)
        self._counts["NudgeViewersDelivered"] += delivered
        return frozenset(
            one.subscription.connection_id for one in pushed if one.outcome in _NOT_REACHED
        )


def as_snapshots(values: Mapping[str, float]) -> dict[str, float]:
    """What a consumer of snapshots measured, by the names of `SNAPSHOT_METRICS`."""
    return {_SNAPSHOTS[name]: value for name, value in values.items()}


def _is_own_fault(error: Exception) -> bool:
    """Whether a nudge fails however often it is handled."""
    return is_rejection(error) or isinstance(error, _BUGS)
