"""One round: everybody who tracks anything in some buckets is told where it is.

Reading runs ahead of posting by no more than there are slots: a bucket's viewers are read while
those before are posted to, a chunk's rights are read when its slots are free, and a slow post
holds up its own slot only. What can't be read is counted and left to the next round.
"""

from __future__ import annotations

import asyncio
import collections
import itertools
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Final, Protocol

from broadcaster.pictures import PositionPicture
from broadcaster.pushing import MAX_CHUNK, Pushed, Pusher
from broadcaster.round_report import RoundReport, RoundTally
from broadcaster.round_source import Share
from broadcaster.slots import Reserved, Slots
from broadcaster.threads import Threads
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger

_BUCKETS_AHEAD: Final = 8
"""Buckets read at once: 256 one after another would take a second of waiting alone."""


class BucketReader(Protocol):
    """Reads who tracks what."""

    def of_bucket(self, bucket: int, /) -> Iterable[Subscription]:
        """A bucket's viewers, those of one delivery together."""


class Round:
    """Holds rounds.

    Args:
        viewers: Who is to be told.
        pusher: Tells a chunk of them.
        new_picture: Makes the picture of one chunk.
        slots: Posts at once; the rounds' own, so that nudges need not wait behind them.
        threads: Where the stores may block.
        log: Told of what could not be read.
        chunk_size: Viewers a chunk.
        now_ms: Wall clock.
    """

    def __init__(
        self,
        viewers: BucketReader,
        pusher: Pusher,
        new_picture: Callable[[], PositionPicture],
        slots: Slots,
        threads: Threads,
        *,
        log: Logger,
        chunk_size: int = MAX_CHUNK,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._viewers = viewers
        self._pusher = pusher
        self._new_picture = new_picture
        self._slots = slots
        self._threads = threads
        self._log = log
        self._chunk_size = chunk_size
        self._now_ms = now_ms

    async def hold(self, share: Share, begun: Callable[[], None] = lambda: None) -> RoundReport:
        """Holds one round for the share's buckets, to the last answer.

        Args:
            share: What is due.
            begun: Called when all its viewers have been read and have their slots: what comes
                after it need wait no longer.
        """
        started_at_ms = self._now_ms()
        tally = RoundTally()
        async with asyncio.TaskGroup() as chunks:
            waiting: list[Subscription] = []
            async for viewers in self._read_buckets(share.buckets, tally):
                waiting += viewers
                while len(waiting) >= self._chunk_size:
                    chunk, waiting = waiting[: self._chunk_size], waiting[self._chunk_size :]
                    reserved = await self._slots.reserve(len(chunk))
                    chunks.create_task(self._push(chunk, reserved, tally))
            if waiting:
                reserved = await self._slots.reserve(len(waiting))
                chunks.create_task(self._push(waiting, reserved, tally))
            begun()
        return tally.report(
            due_at_ms=share.due_at_ms,
            started_at_ms=started_at_ms,
            duration_ms=self._now_ms() - started_at_ms,
            skipped=share.skipped,
            buckets=len(share.buckets),
        )

    async def _push(
        self, chunk: Sequence[Subscription], reserved: Reserved, tally: RoundTally
    ) -> None:
        picture = self._new_picture()
        pushed: list[Pushed] = []
        try:
            pushed = await self._pusher.push(chunk, picture, reserved)
        except Exception as error:  # one chunk's stores failing ends no other's round
            self._log.exception("chunk_not_pushed", error, viewers=len(chunk))
            tally.unread += len(chunk)
        tally.add(pushed)
        tally.trucks_unknown += picture.unknown_trucks

    async def _read_buckets(
        self, buckets: Iterable[int], tally: RoundTally
    ) -> AsyncIterator[list[Subscription]]:
        """The viewers of each bucket, in order, some buckets read ahead."""
        remaining = iter(buckets)
        ahead = collections.deque(
            (bucket, self._read_bucket(bucket))
            for bucket in itertools.islice(remaining, _BUCKETS_AHEAD)
        )
        try:
            while ahead:
                bucket, reading = ahead.popleft()
                try:
                    viewers = await reading
                except Exception as error:  # one bucket unread ends no other's round
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
