"""Which buckets' rounds this process is to hold.

The place where rounds are divided among several broadcasters: each will send one message a bucket
and minute to a FIFO queue, which keeps one of them, and take what it gets from there. One
broadcaster alone needs no queue.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from broadcaster.round_clock import ticks
from rtdts.runtime import wall_clock
from rtdts.tracking.delivery_buckets import BUCKETS


@dataclasses.dataclass(frozen=True)
class Share:
    """Some buckets of one round."""

    due_at_ms: int
    buckets: Sequence[int]
    skipped: int = 0
    """Rounds before it that were missed."""


class RoundSource(Protocol):
    """Says when to hold which part of a round."""

    def shares(self) -> AsyncIterator[Share]:
        """Yields what is due; the next one is asked for when this one has been held."""


class LocalRounds:
    """One broadcaster alone: every round, all buckets.

    Args:
        interval_s: Time between rounds.
        sleep: Waits some seconds.
        now_ms: Wall clock.
    """

    def __init__(
        self,
        interval_s: float,
        *,
        sleep: Callable[[float], Awaitable[object]],
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._interval_s = interval_s
        self._sleep = sleep
        self._now_ms = now_ms

    async def shares(self) -> AsyncIterator[Share]:
        """All buckets at each tick."""
        async for tick in ticks(self._interval_s, now_ms=self._now_ms, sleep=self._sleep):
            yield Share(tick.due_at_ms, range(BUCKETS), tick.skipped)
