"""The consumer of a queue of nudges: pushes changes at once, between the rounds.

There are two queues and two consumers: one for changes, one for the snapshots of viewers that have
just begun to track.

A nudge is deleted when its posts are in progress and the responses have had a moment to come. So a
broadcaster that is killed leaves the nudge to the next one, and a slow viewer does not delay the
next change of its delivery (the queue delivers no other nudge of a delivery until the deletion).
Viewers that a post did not reach are tried again, a few times, with their rights read again; after
that they are left to the round. Those whose endpoint is in quarantine are left to the round at
once: the others would have to wait for their long backoff.
"""

from __future__ import annotations

import asyncio
import collections
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from broadcaster.deletions import Deletions
from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.polling import LongPoll
from broadcaster.pushing import Outcome, PushResult
from broadcaster.quarantine import Quarantine
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
"""The metrics of nudges that request a snapshot, which have their own queue and consumer."""

_SNAPSHOTS: Final = {
    one.name: of_snapshots.name for one, of_snapshots in zip(METRICS, SNAPSHOT_METRICS, strict=True)
}

RESPONSE_WAIT_S: Final = 0.5
"""How long to wait for the responses to a nudge's posts before it is deleted. Most come within a
tenth of that; the queue's visibility timeout of 5 s leaves time for reading the stores."""

FOLLOW_UPS: Final = 3
"""How often a viewer that was not reached is tried again; never with only a position."""

_FOLLOW_UP_FIRST_S: Final = 0.5
FOLLOW_UPS_AT_ONCE: Final = 1_000
"""Maximum number of changes whose viewers are tried again at once. With more, the problem is a
general one; the viewers are left to the round."""

_BUGS: Final = (ArithmeticError, LookupError, TypeError, ValueError, msgspec.MsgspecError)
"""Errors that occur again with each attempt: bugs in our code, rows that can't be decoded."""

POSITION_STALE_MS: Final = 3_000
"""A nudge for a position that waited longer than this is left to the next one, which follows within
a second while the truck is near, and to the round. So a queue that has grown shrinks again, and a
status change in it waits for positions no longer than this and the time to drop them."""

_NOT_REACHED: Final = frozenset(Outcome) - {Outcome.DELIVERED, Outcome.GONE}


class Queue(Protocol):
    """The queue of nudges."""

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> Sequence[ReceivedNudge]:
        """Waits for nudges; returns those that came."""

    def delete(self, received: Sequence[ReceivedNudge], /) -> Sequence[str]:
        """Deletes nudges that are done; returns the codes of those that were not deleted."""

    def dead_letter(self, received: ReceivedNudge, /) -> None:
        """Moves a nudge to the dead-letter queue."""


class Handler(Protocol):
    """Begins the pushes of a nudge."""

    async def begin(
        self, nudge: Nudge, only: frozenset[str] | None = None
    ) -> list[asyncio.Task[PushResult]]:
        """Returns one task per viewer; raises what a store raises."""


class NudgeConsumer:
    """Receives nudges and handles many at once.

    Args:
        backoff: How long a throttled endpoint backs off.
        quarantine: Which endpoints hang repeatedly.
        polling: A separate thread for the long poll.
        wait_s: Length of the long poll; also how long a shutdown may have to wait for it.
        at_once: Nudges handled at once.
        response_wait_s: How long to wait for the responses to a nudge's posts.
        follow_ups_at_once: Changes whose viewers are tried again at once.
        now_ms: Wall clock, compared with the time at which the queue received a nudge.
    """

    def __init__(
        self,
        queue: Queue,
        handler: Handler,
        backoff: EndpointBackoff,
        quarantine: Quarantine,
        polling: Threads,
        threads: Threads,
        *,
        log: Logger,
        wait_s: int,
        at_once: int = 100,
        response_wait_s: float = RESPONSE_WAIT_S,
        follow_ups_at_once: int = FOLLOW_UPS_AT_ONCE,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._queue = queue
        self._handler = handler
        self._backoff = backoff
        self._quarantine = quarantine
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
        self._deletions = Deletions(queue.delete, threads, log=log)
        self._log = log
        self._response_wait_s = response_wait_s
        self._follow_ups_at_once = follow_ups_at_once
        self._sleep = sleep
        self._now_ms = now_ms
        self._oldest_ms = 0
        self._free = asyncio.Semaphore(at_once)
        self._handling: set[asyncio.Task[None]] = set()
        self._following_up: set[asyncio.Task[None]] = set()
        self._counting: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._counts: collections.Counter[str] = collections.Counter()

    async def run(self) -> None:
        """Receives and handles until `stop`.

        Raises:
            broadcaster.polling.QueueUnreachableError: The queue could not be read for minutes.
        """
        while not self._stopping:
            # Waits for a free place first: a received nudge must be handled within its 5 s.
            async with self._free:
                pass
            for received in await self._poll.messages(lambda: self._stopping):
                await self._free.acquire()
                task = asyncio.create_task(self._handle(received))
                self._handling.add(task)
                task.add_done_callback(self._handled)

    def stop(self) -> None:
        """Stops receiving after the poll in progress."""
        self._stopping = True

    async def drain(self, deadline: Deadline) -> None:
        """Waits for the nudges in progress; the queue delivers those left at the deadline again."""
        kinds = (self._handling, self._following_up, self._counting)
        for tasks in kinds:
            if tasks:
                await asyncio.wait(tasks, timeout=deadline.remaining_s)
        left = [task for tasks in kinds for task in tasks]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def collect_metrics(self) -> dict[str, float]:
        """The values of `METRICS` since the last call.

        `NudgeAge` is the largest age of a nudge: from when it was sent until the responses to its
        posts had come, or `RESPONSE_WAIT_S` had passed.
        """
        counts, self._counts = self._counts, collections.Counter()
        oldest_ms, self._oldest_ms = self._oldest_ms, 0
        values: dict[str, float] = {metric.name: counts[metric.name] for metric in METRICS}
        return values | {"NudgeAge": oldest_ms}

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        self._free.release()

    async def _handle(self, received: ReceivedNudge) -> None:
        nudge = received.message
        self._counts["NudgesReceived"] += 1
        try:
            tasks = () if self._is_stale(received) else await self._handler.begin(nudge)
            if tasks:
                await asyncio.wait(tasks, timeout=self._response_wait_s)
                self._start_follow_up(nudge, tasks)
            self._oldest_ms = max(self._oldest_ms, self._now_ms() - received.sent_at_ms)
        except Exception as error:
            self._counts["NudgesFailed"] += 1
            self._log.exception("nudge_failed", error, delivery_id=nudge.delivery_id)
            if _is_own_fault(error):
                await self._dead_letter(received)
            # Other nudges stay in the queue and come again; in the end SQS dead-letters them.
        else:
            await self._delete(received)

    def _is_stale(self, received: ReceivedNudge) -> bool:
        waited_ms = self._now_ms() - received.sent_at_ms
        return isinstance(received.message, PositionNudge) and waited_ms > POSITION_STALE_MS

    async def _delete(self, received: ReceivedNudge) -> None:
        try:
            await self._deletions.delete(received)
        except Exception as error:  # it comes again
            self._counts["NudgesFailed"] += 1
            delivery_id = received.message.delivery_id
            self._log.exception("nudge_not_deleted", error, delivery_id=delivery_id)

    async def _dead_letter(self, received: ReceivedNudge) -> None:
        """Dead-letters a nudge, so that retries do not delay the delivery's next nudge."""
        try:
            await self._threads.run(self._queue.dead_letter, received)
        except Exception as error:  # it comes again
            self._log.exception(
                "dead_letter_not_sent", error, delivery_id=received.message.delivery_id
            )
        else:
            self._counts["NudgesDead"] += 1

    def _start_follow_up(self, nudge: Nudge, tasks: Sequence[asyncio.Task[PushResult]]) -> None:
        # Positions are only counted: a flood of them must not leave a change without its attempts.
        kind = self._counting if isinstance(nudge, PositionNudge) else self._following_up
        if kind is self._following_up and len(kind) >= self._follow_ups_at_once:
            self._log.error("too_many_follow_ups", delivery_id=nudge.delivery_id)
            return
        task = asyncio.create_task(self._follow_up(nudge, tasks))
        kind.add(task)
        task.add_done_callback(kind.discard)

    async def _follow_up(self, nudge: Nudge, tasks: Sequence[asyncio.Task[PushResult]]) -> None:
        """Awaits every response, and tries the viewers again that a post did not reach."""
        # A position is followed by a newer one before it would be tried again.
        follow_ups = 0 if isinstance(nudge, PositionNudge) else FOLLOW_UPS
        waits_s = backoff_s(first_s=_FOLLOW_UP_FIRST_S, max_s=8.0, uniform=max)
        left: frozenset[str] = frozenset()
        for attempt in range(follow_ups + 1):
            missed = self._count(await asyncio.gather(*tasks))
            hanging = frozenset(filter(self._quarantine.contains, missed))
            left, missed = left | hanging, missed - hanging
            if not missed or attempt == follow_ups or self._stopping:
                break
            longest_s = max(map(self._backoff.remaining_s, missed))
            await self._sleep(max(next(waits_s), longest_s))
            try:
                tasks = await self._handler.begin(nudge, missed)
            except Exception as error:  # the viewers are left to the round
                self._log.exception("follow_up_failed", error, delivery_id=nudge.delivery_id)
                break
        if left := left | missed:
            self._counts["NudgeViewersNotReached"] += len(left)
            self._log.warning("viewers_not_reached", delivery_id=nudge.delivery_id, count=len(left))

    def _count(self, pushed: Sequence[PushResult]) -> frozenset[str]:
        delivered = sum(one.outcome is Outcome.DELIVERED for one in pushed)
        self._counts["NudgeViewersDelivered"] += delivered
        return frozenset(one.subscription.endpoint for one in pushed if one.outcome in _NOT_REACHED)


def as_snapshots(values: Mapping[str, float]) -> dict[str, float]:
    """A snapshot consumer's metrics, under the names of `SNAPSHOT_METRICS`."""
    return {_SNAPSHOTS[name]: value for name, value in values.items()}


def _is_own_fault(error: Exception) -> bool:
    """Whether a nudge with this error fails at every attempt."""
    return is_rejection(error) or isinstance(error, _BUGS)
