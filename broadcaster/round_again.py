"""Whom a round tries once more, and when (pure)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Final

from broadcaster.pushing import Outcome, Pushed

MOST_WAIT_S: Final = 4.0
"""A connection that is to be left alone for longer is left to the next round: one that is always
throttled then costs a post a round, and does not keep the round from ending."""

TOGETHER_S: Final = 0.1
"""Viewers whose waits end so close to each other share a reading of rights."""

_AGAIN: Final = frozenset({Outcome.THROTTLED, Outcome.OVER_QUOTA, Outcome.BACKED_OFF})
"""What may be otherwise a moment later. One that hung would hold a slot for as long again."""


class TriesAgain:
    """Viewers of one chunk that were refused, each until it may be tried again.

    Attributes:
        until_s: When none is tried any more.

    Args:
        until_s: See above.
        backoff_s: How long a connection is to be left alone yet.
    """

    def __init__(self, until_s: float, backoff_s: Callable[[str], float]) -> None:
        self.until_s = until_s
        self._backoff_s = backoff_s
        self._waiting: list[tuple[float, int, Pushed]] = []
        self._numbers = itertools.count()

    def add(self, pushed: Iterable[Pushed], now_s: float) -> list[Pushed]:
        """Takes those that are worth another try; returns the others, which are done with."""
        done = []
        for one in pushed:
            wait_s = self._backoff_s(one.subscription.connection_id)
            is_in_time = wait_s <= MOST_WAIT_S and now_s + wait_s + TOGETHER_S < self.until_s
            if one.outcome in _AGAIN and is_in_time:
                heapq.heappush(self._waiting, (now_s + wait_s, next(self._numbers), one))
            else:
                done.append(one)
        return done

    @property
    def next_at_s(self) -> float | None:
        """When to take the next; None when none waits."""
        return self._waiting[0][0] + TOGETHER_S if self._waiting else None

    def take(self, now_s: float) -> list[Pushed]:
        """Those whose wait is over, with what became of their last try."""
        claimed = []
        while self._waiting and self._waiting[0][0] <= now_s:
            claimed.append(heapq.heappop(self._waiting)[2])
        return claimed
