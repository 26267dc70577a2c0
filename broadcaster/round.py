"""One round: pushes the current position to all viewers in some buckets.

Reading runs ahead of posting by no more than there are slots: a bucket's viewers are read while
those of earlier buckets are posted to, a chunk's rights are read when its slots are free, and a
slow post occupies its own slot only. What can't be read is counted and left to the next round.

A viewer whose post was rejected is tried again in the same round; if its endpoint is slow, after
the viewers that have not been tried yet. Endpoints that hang repeatedly have a few separate slots.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.pushing import MAX_CHUNK, Outcome, Pusher, PushResult
from broadcaster.quarantine import Quarantine
from broadcaster.rate_limiter import Priority, RateLimiter
from broadcaster.retry_queue import RetryQueue
from broadcaster.round_report import RoundReport, RoundTally
from broadcaster.round_source import RoundBatch
from broadcaster.slots import Reservation, Slots
from broadcaster.threads import Threads
from broadcaster.update_messages import PositionMessages
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger

_BUCKETS_AHEAD: Final = 8
"""Buckets read at once: reading 256 one after another would take a second of waiting alone."""


class BucketReader(Protocol):
    """Reads the subscriptions of buckets."""

    def of_bucket(self, bucket: int, /) -> Iterable[Subscription]:
        """A bucket's viewers, grouped by delivery."""


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What bounds a round's posts.

    Attributes:
        slots: Posts at once; only for rounds, so that nudges need not wait for them.
        quarantine_slots: Posts at once to endpoints in quarantine; in addition to `slots`.
        rate: How fast posts begin.
        backoff: Which endpoints back off.
        quarantine: Which endpoints are in quarantine.
    """

    slots: Slots
    quarantine_slots: Slots
    rate: RateLimiter
    backoff: EndpointBackoff
    quarantine: Quarantine


class Round:
    """Runs rounds.

    Args:
        viewers: Reads the viewers of a bucket.
        pusher: Pushes to a chunk of viewers.
        new_messages: Makes the messages of one chunk.
        bounds: How many posts at once, and how fast.
    """

    def __init__(
        self,
        viewers: BucketReader,
        pusher: Pusher,
        new_messages: Callable[[], PositionMessages],
        bounds: Bounds,
        threads: Threads,
        *,
        log: Logger,
        chunk_size: int = MAX_CHUNK,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._viewers = viewers
        self._pusher = pusher
        self._new_messages = new_messages
        self._bounds = bounds
        self._threads = threads
        self._log = log
        self._chunk_size = chunk_size
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._sleep = sleep

    async def run(
        self, batch: RoundBatch, on_begun: Callable[[], None] = lambda: None
    ) -> RoundReport:
        """Runs one round for the batch's buckets, until the last response.

        Args:
            batch: What is due.
            on_begun: Called when all its viewers have been read and have their slots: the next
                batch may begin then.
        """
        started_at_ms = self._now_ms()
        tally = RoundTally()
        async with asyncio.TaskGroup() as chunks:
            waiting: list[Subscription] = []
            async for viewers in self._read_buckets(batch, tally):
                waiting += viewers
                while len(waiting) >= self._chunk_size:
                    chunk, waiting = waiting[: self._chunk_size], waiting[self._chunk_size :]
                    await self._begin(chunk, batch, chunks, tally)
                if waiting and batch.spread_ms:  # the next bucket's time has not come
                    await self._begin(waiting, batch, chunks, tally)
                    waiting = []
            if waiting:
                await self._begin(waiting, batch, chunks, tally)
            on_begun()
        return tally.report(
            due_at_ms=batch.due_at_ms,
            started_at_ms=started_at_ms,
            duration_ms=self._now_ms() - started_at_ms,
            skipped=batch.skipped,
        )

    def _in_time(self, batch: RoundBatch, tally: RoundTally) -> Iterable[int]:
        """The buckets, until the next round is due."""
        for bucket in batch.buckets:
            is_late = batch.until_ms is not None and self._now_ms() >= batch.until_ms
            if is_late or batch.is_over():
                return
            tally.buckets += 1
            yield bucket

    async def _begin(
        self,
        viewers: Sequence[Subscription],
        batch: RoundBatch,
        chunks: asyncio.TaskGroup,
        tally: RoundTally,
    ) -> None:
        quarantine = self._bounds.quarantine
        healthy = [one for one in viewers if not quarantine.contains(one.endpoint)]
        if len(healthy) < len(viewers):
            hanging = [one for one in viewers if quarantine.contains(one.endpoint)]
            await self._begin_hanging(hanging, chunks, tally)
        if healthy:
            await self._bounds.rate.acquire(Priority.ROUND, len(healthy))
            reserved = await self._bounds.slots.reserve(len(healthy))
            chunks.create_task(self._push_until_accepted(healthy, reserved, batch, tally))

    async def _begin_hanging(
        self, viewers: Sequence[Subscription], chunks: asyncio.TaskGroup, tally: RoundTally
    ) -> None:
        """Tries the endpoints whose pause is over, as far as there are free slots now."""
        quarantine = self._bounds.quarantine
        due = [one for one in viewers if quarantine.may_be_tried(one.endpoint)]
        due = [*{one.endpoint: one for one in due}.values()]  # each endpoint once
        reserved = await self._bounds.quarantine_slots.reserve_free(len(due))
        tried = due[: reserved.count]
        for one in tried:
            quarantine.try_now(one.endpoint)
        left = (one for one in viewers if one not in tried)
        tally.add(PushResult(one, Outcome.QUARANTINED, ended=False) for one in left)
        if tried:
            await self._bounds.rate.acquire(Priority.ROUND, len(tried))
            chunks.create_task(self._push_once(tried, reserved, tally))

    async def _push_once(
        self, viewers: Sequence[Subscription], reserved: Reservation, tally: RoundTally
    ) -> None:
        tally.add(await self._push(viewers, reserved, tally))

    async def _push_until_accepted(
        self,
        viewers: Sequence[Subscription],
        reserved: Reservation,
        batch: RoundBatch,
        tally: RoundTally,
    ) -> None:
        """Pushes to a chunk, and again to its rejected viewers, until the next round."""
        retries = RetryQueue(self._ends_at_s(batch), self._bounds.backoff.remaining_s)
        pushed = await self._push(viewers, reserved, tally)
        tally.add(retries.add(pushed, self._monotonic()))
        while (at_s := retries.next_at_s) is not None:
            await self._sleep(max(0.0, at_s - self._monotonic()))
            retried = retries.pop_due(self._monotonic())
            waiting = [one.subscription for one in retried]
            # A viewer whose post the account throttled is no slower than one not tried yet.
            is_ours = any(one.outcome is Outcome.OVER_QUOTA for one in retried)
            priority = Priority.ROUND if is_ours else Priority.RETRY
            if not await self._bounds.rate.acquire(priority, len(waiting), by_s=retries.until_s):
                tally.add(retried)
                continue
            # If slots are scarce or the machine is slow, they wait here and not for the rate.
            slots = self._bounds.slots
            reserve = slots.reserve if is_ours else slots.reserve_behind
            reserved = await reserve(len(waiting))
            if self._monotonic() > retries.until_s:
                reserved.release_all()
                tally.add(retried)
                continue
            pushed = await self._push(waiting, reserved, tally)
            tally.add(retries.add(pushed, self._monotonic()))

    def _ends_at_s(self, batch: RoundBatch) -> float:
        left_ms = 0 if batch.until_ms is None else batch.until_ms - self._now_ms()
        return self._monotonic() + left_ms / 1000

    async def _push(
        self, viewers: Sequence[Subscription], reserved: Reservation, tally: RoundTally
    ) -> list[PushResult]:
        messages = self._new_messages()
        pushed: list[PushResult] = []
        try:
            pushed = await self._pusher.push(viewers, messages, reserved)
        except Exception as error:  # a failed read of one chunk must not affect the others
            self._log.exception("chunk_not_pushed", error, viewers=len(viewers))
            tally.unread += len(viewers)
        tally.trucks_unknown += messages.unknown_trucks
        return pushed

    async def _read_buckets(
        self, batch: RoundBatch, tally: RoundTally
    ) -> AsyncIterator[list[Subscription]]:
        """Yields the viewers of each bucket in order, when it is due; some are read ahead."""
        remaining = iter(self._in_time(batch, tally))
        places = itertools.count()
        ahead = collections.deque(
            (bucket, self._read_bucket(bucket))
            for bucket in itertools.islice(remaining, _BUCKETS_AHEAD)
        )
        try:
            while ahead:
                left_ms = batch.starts_at_ms(next(places)) - self._now_ms()
                if left_ms > 0:
                    await self._sleep(left_ms / 1000)
                bucket, reading = ahead.popleft()
                try:
                    viewers = await reading
                except Exception as error:  # an unread bucket must not affect the others
                    self._log.exception("bucket_not_read", error, bucket=bucket)
                    tally.buckets_unread += 1
                    viewers = []
                ahead.extend(
                    (following, self._read_bucket(following))
                    for following in itertools.islice(remaining, 1)
                )
                yield viewers
        finally:
            for _, reading in ahead:
                reading.cancel()

    def _read_bucket(self, bucket: int) -> asyncio.Task[list[Subscription]]:
        def read() -> list[Subscription]:
            return list(self._viewers.of_bucket(bucket))

        return asyncio.create_task(self._threads.run(read))
