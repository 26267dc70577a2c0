"""Several broadcasters that share rounds, on one queue in memory."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import math
from collections.abc import Callable

from broadcaster.round_report import RoundReport
from broadcaster.round_source import RoundBatch, RunBatch
from broadcaster.shared_rounds import SharedRounds
from broadcaster.threads import Threads
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.runtime.logs import Logger
from rtdts.tracking.delivery_buckets import BUCKETS
from tests.fakes.fake_round_queue import FakeRoundQueue
from tests.fakes.stepped_clock import SteppedClock
from tests.support.waiting import SHORT_DEADLINE_S, until

AT_MS = 1_800_000_000_000  # a full minute
INTERVAL_S = 60.0
ALL = set(range(BUCKETS))
BATCHES = math.ceil(BUCKETS / 10)


def round_of(due_at_ms: int, *buckets: int) -> list[DueBucket]:
    return [DueBucket(bucket=bucket, due_at_ms=due_at_ms) for bucket in buckets]


def _report(batch: RoundBatch) -> RoundReport:
    return RoundReport(
        due_at_ms=batch.due_at_ms, started_at_ms=0, duration_ms=0, buckets=len(batch.buckets)
    )


class RecordedBatches:
    """Runs batches at once, or when the test allows it.

    Attributes:
        ran: Each bucket with its round, in the order in which they ran.
        under_way: Buckets that are being run.
    """

    def __init__(self) -> None:
        self.ran: list[tuple[int, int]] = []
        self.under_way: set[int] = set()
        self.may_begin = asyncio.Event()
        self.may_begin.set()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.trouble: Exception | None = None
        self.sees = True

    async def __call__(
        self, batch: RoundBatch, on_begun: Callable[[], None] = lambda: None
    ) -> RoundReport:
        self.under_way |= set(batch.buckets)
        try:
            await self.may_begin.wait()
            on_begun()
            await self.may_end.wait()
            if self.trouble is not None:
                raise self.trouble
        finally:
            self.under_way -= set(batch.buckets)
        if not self.sees:
            unread = len(batch.buckets)
            return dataclasses.replace(_report(batch), buckets_unread=unread)
        self.ran += [(batch.due_at_ms, bucket) for bucket in batch.buckets]
        return _report(batch)

    def of(self, due_at_ms: int) -> list[int]:
        return [bucket for due, bucket in self.ran if due == due_at_ms]


class Broadcasters:
    """Broadcasters that share only a queue and a clock."""

    def __init__(self) -> None:
        self.clock = SteppedClock(AT_MS)
        self.queue = FakeRoundQueue(self.clock.now_ms)
        self.release_timeout_s = SHORT_DEADLINE_S
        self.written = io.StringIO()
        self._running: list[RoundSharer] = []

    def start(self, run_batch: RunBatch | None = None) -> RoundSharer:
        one = RoundSharer(self, run_batch or RecordedBatches())
        self._running.append(one)
        return one

    async def close(self) -> None:
        for one in self._running:
            await one.kill()

    async def sent(self, count: int) -> None:
        """Waits until this many buckets were sent, including repetitions."""
        await until(lambda: len(self.queue.sent) == count)

    async def done(self, count: int) -> None:
        """Waits until this many buckets are done."""
        await until(lambda: len(self.queue.deleted) == count)

    async def kept(self, times: int) -> None:
        """Waits until each bucket has been extended this often, and each batch waits again."""
        await until(lambda: [*self.queue.kept.values()] == [times] * len(self.queue.kept))
        # In addition, each broadcaster sleeps until the next round.
        await until(lambda: self.clock.sleeping == BATCHES + len(self._running))

    def logged(self, event: str) -> list[dict[str, object]]:
        lines = map(json.loads, self.written.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]


class RoundSharer:
    """The part of a broadcaster that runs rounds."""

    def __init__(self, several: Broadcasters, run_batch: RunBatch) -> None:
        self._run_batch = run_batch
        self._polling = Threads(1, "polling")
        self._threads = Threads(4, "round-queue")
        self.reports: list[RoundReport] = []
        self.rounds = SharedRounds(
            several.queue,
            INTERVAL_S,
            self._polling,
            self._threads,
            log=Logger("broadcaster", several.written),
            wait_s=1,
            release_timeout_s=several.release_timeout_s,
            sleep=several.clock.sleep,
            now_ms=several.clock.now_ms,
            monotonic=several.clock.monotonic,
        )
        self.task = asyncio.create_task(self._run())

    @property
    def batches(self) -> RecordedBatches:
        assert isinstance(self._run_batch, RecordedBatches)
        return self._run_batch

    async def _run(self) -> None:
        async for report in self.rounds.reports(self._run_batch):
            self.reports.append(report)

    async def stop(self) -> None:
        self.rounds.stop()
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await self.task

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._polling.close()
        self._threads.close()
