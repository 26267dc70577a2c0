"""Which buckets of a round this process runs, and when.

A single broadcaster runs all of every round (`LocalRounds`); several divide each round among
themselves through a queue (`broadcaster.shared_rounds`).
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from broadcaster.round_clock import ticks, until
from broadcaster.round_report import RoundReport
from rtdts.runtime import wall_clock
from rtdts.tracking.delivery_buckets import BUCKETS


@dataclasses.dataclass(frozen=True)
class RoundBatch:
    """Some buckets of one round."""

    due_at_ms: int
    buckets: Sequence[int]
    skipped: int = 0
    """Rounds before it that were missed."""
    until_ms: int | None = None
    """When the next round is due: buckets that have not been begun by then are left out."""
    spread_ms: int = 0
    """The time after `due_at_ms` over which the buckets are spread, each at its place."""
    is_over: Callable[[], bool] = lambda: False
    """Whether no more buckets may begin."""

    def starts_at_ms(self, place: int) -> int:
        """When the bucket at a place is due."""
        return self.due_at_ms + self.spread_ms * place // len(self.buckets)


def _no_op() -> None:
    pass


class RunBatch(Protocol):
    """Runs a batch of a round."""

    def __call__(
        self, batch: RoundBatch, /, on_begun: Callable[[], None] = _no_op
    ) -> Awaitable[RoundReport]:
        """Runs the batch until the last response.

        Args:
            batch: What is due.
            on_begun: Called when all posts of the batch have their slots: only responses are
                pending.
        """


class RoundSource(Protocol):
    """Starts rounds when they are due."""

    def reports(self, run_batch: RunBatch, /) -> AsyncGenerator[RoundReport, None]:
        """Runs what is due until `stop`.

        Yields:
            The report of each round, for the part that this process ran.
        """

    def stop(self) -> None:
        """Starts nothing more: `reports` ends when the work in progress has ended."""


class LocalRounds:
    """The rounds of a single broadcaster: each has all buckets.

    Buckets that have not begun when the next round is due are left out, and come first in the next
    round. So when there is too little time for all, each viewer waits as long as any other.

    Args:
        interval_s: Time between rounds.
        spread: The share of the interval over which a round is spread.
    """

    def __init__(
        self,
        interval_s: float,
        *,
        spread: float = 0.0,
        sleep: Callable[[float], Awaitable[object]],
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._interval_s = interval_s
        self._spread_ms = round(interval_s * spread * 1000)
        self._sleep = sleep
        self._now_ms = now_ms
        self._stop = asyncio.Event()

    async def reports(self, run_batch: RunBatch) -> AsyncGenerator[RoundReport, None]:
        """Runs all buckets at each tick; computes the next tick when this round has ended."""
        due = ticks(self._interval_s, now_ms=self._now_ms, sleep=self._sleep)
        interval_ms = round(self._interval_s * 1000)
        until_ms = self._now_ms() + interval_ms  # the first may begin late in its interval
        first = skipped = 0
        async with aclosing(until(self._stop, due)) as due_until_stop:
            async for tick in due_until_stop:
                until_ms = max(until_ms, tick.due_at_ms + interval_ms)
                buckets = [(first + place) % BUCKETS for place in range(BUCKETS)]
                batch = RoundBatch(
                    tick.due_at_ms,
                    buckets,
                    tick.skipped + skipped,
                    until_ms,
                    spread_ms=self._spread_ms,
                    # A shutdown does not wait for a spread round: its buckets wait for their times.
                    is_over=self._stop.is_set if self._spread_ms else lambda: False,
                )
                report = await run_batch(batch)
                # The order stays the same while no bucket is left out: when a bucket moves to a
                # later place, its viewers wait that much longer than the interval.
                left_out = buckets[report.buckets :]
                first, skipped = (left_out[0], 1) if left_out else (first, 0)
                yield report

    def stop(self) -> None:
        """Starts no more rounds; the round in progress runs to its end unless it is spread."""
        self._stop.set()
