"""Limits points per second, so that live traffic goes first."""

from __future__ import annotations

import time
from collections.abc import Callable


class RateLimiter:
    """Limits the rate of its caller.

    Args:
        points_per_second: Average rate.
    """

    def __init__(
        self,
        points_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._points_per_second = points_per_second
        self._clock = clock
        self._sleep = sleep
        self._due_s = clock()

    def wait_for(self, points: int) -> None:
        """Waits until this many more points may be sent."""
        now_s = self._clock()
        if self._due_s > now_s:
            self._sleep(self._due_s - now_s)
        self._due_s = max(self._due_s, now_s) + points / self._points_per_second
