"""Which viewers a round tries again, and when (pure)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Final

from broadcaster.pushing import Outcome, PushResult

MAX_WAIT_S: Final = 4.0
"""An endpoint with a longer backoff is left to the next round. So an endpoint that is always
throttled costs one post per round and does not keep the round from ending."""

GATHER_S: Final = 0.1
"""Viewers whose waits end this close to each other share one reading of their rights."""

_RETRYABLE: Final = frozenset({Outcome.THROTTLED, Outcome.OVER_QUOTA, Outcome.BACKED_OFF})
"""Outcomes that may be better a moment later. An endpoint that hung would only hold a slot for the
same time again."""


class RetryQueue:
    """The rejected viewers of one chunk, each until it may be tried again.

    Attributes:
        until_s: No viewer is tried again after this.

    Args:
        backoff_s: The remaining backoff of an endpoint, in seconds.
    """

    def __init__(self, until_s: float, backoff_s: Callable[[str], float]) -> None:
        self.until_s = until_s
        self._backoff_s = backoff_s
        self._waiting: list[tuple[float, int, PushResult]] = []
        self._numbers = itertools.count()

    def add(self, pushed: Iterable[PushResult], now_s: float) -> list[PushResult]:
        """Keeps the viewers that are worth another attempt; returns the others, which are done."""
        done = []
        for one in pushed:
            wait_s = self._backoff_s(one.subscription.endpoint)
            is_in_time = wait_s <= MAX_WAIT_S and now_s + wait_s + GATHER_S < self.until_s
            if one.outcome in _RETRYABLE and is_in_time:
                heapq.heappush(self._waiting, (now_s + wait_s, next(self._numbers), one))
            else:
                done.append(one)
        return done

    @property
    def next_at_s(self) -> float | None:
        """When the next viewers are due; None when none is waiting."""
        return self._waiting[0][0] + GATHER_S if self._waiting else None

    def pop_due(self, now_s: float) -> list[PushResult]:
        """Removes and returns the viewers whose wait is over, with their last outcomes."""
        claimed = []
        while self._waiting and self._waiting[0][0] <= now_s:
            claimed.append(heapq.heappop(self._waiting)[2])
        return claimed
