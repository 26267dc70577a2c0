"""Which buckets' rounds this process is to hold, and when.

One broadcaster alone holds every round whole (`LocalRounds`); several divide each among themselves
by a queue (`broadcaster.shared_rounds`).
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
class Share:
    """Some buckets of one round."""

    due_at_ms: int
    buckets: Sequence[int]
    skipped: int = 0
    """Rounds before it that were missed."""
    until_ms: int | None = None
    """When the next round is due: buckets that have not been begun by then are left out."""
    spread_ms: int = 0
    """Over how long after `due_at_ms` the buckets are spread, each at its place among them."""
    is_over: Callable[[], bool] = lambda: False
    """Whether no more buckets are to be begun."""

    def starts_at_ms(self, place: int) -> int:
        """When the bucket at a place is due."""
        return self.due_at_ms + self.spread_ms * place // len(self.buckets)


def _nothing() -> None:
    pass


class Hold(Protocol):
    """Holds a share of a round."""

    def __call__(
        self, share: Share, /, begun: Callable[[], None] = _nothing
    ) -> Awaitable[RoundReport]:
        """Holds it to the last answer.

        Args:
            share: What is due.
            begun: Called when nothing of it waits to be posted any more, but for answers.
        """


class RoundSource(Protocol):
    """Has rounds held when they are due."""

    def reports(self, hold: Hold, /) -> AsyncGenerator[RoundReport, None]:
        """Has what is due held until `stop`.

        Yields:
            What each round came to, as far as it was this process's.
        """

    def stop(self) -> None:
        """Begins no more: `reports` ends when what was begun has."""


class LocalRounds:
    """One broadcaster alone: every round, all buckets.

    What a round has not begun when the next is due is left out of it, and comes first in that one:
    so when there is too little time for all, each viewer waits as long as any other.

    Args:
        interval_s: Time between rounds.
        spread: Over which share of it a round is spread.
        sleep: Waits some seconds.
        now_ms: Wall clock.
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

    async def reports(self, hold: Hold) -> AsyncGenerator[RoundReport, None]:
        """All buckets at each tick; the next is reckoned when this one has been held."""
        due = ticks(self._interval_s, now_ms=self._now_ms, sleep=self._sleep)
        interval_ms = round(self._interval_s * 1000)
        until_ms = self._now_ms() + interval_ms  # the first may begin late in its interval
        first = skipped = 0
        async with aclosing(until(self._stop, due)) as due_until_stop:
            async for tick in due_until_stop:
                until_ms = max(until_ms, tick.due_at_ms + interval_ms)
                buckets = [(first + place) % BUCKETS for place in range(BUCKETS)]
                share = Share(
                    tick.due_at_ms,
                    buckets,
                    tick.skipped + skipped,
                    until_ms,
                    spread_ms=self._spread_ms,
                    # One that waits for its places is not waited for.
                    is_over=self._stop.is_set if self._spread_ms else lambda: False,
                )
                report = await hold(share)
                # The order stays as it is while none is left out: a place in the round that moves
                # later makes a viewer wait for so much longer than the interval.
                left_out = buckets[report.buckets :]
                first, skipped = (left_out[0], 1) if left_out else (first, 0)
                yield report

    def stop(self) -> None:
        """Holds the round under way to its end, as far as it is not spread, and none after it."""
        self._stop.set()
