"""Limits the log lines about rejected requests: a line costs more than the rest of a rejection."""

from __future__ import annotations

from typing import Final

from rtdts.runtime.rate_limits import RateLimits

LINES_PER_MINUTE: Final = 6
"""Lines per minute and key."""


class RejectionLogLimiter:
    """Chooses which rejections are logged: a few per minute and key.

    A client can cause any number of rejections: one line for each would cost more than the requests
    that its quota allows.
    """

    def __init__(self) -> None:
        self._limits = RateLimits(per_minute=LINES_PER_MINUTE, burst_minutes=1 / LINES_PER_MINUTE)

    def allows(self, key: str, now_ms: int) -> bool:
        """Returns whether this rejection is logged, and counts it if so.

        Args:
            key: The caller, whose rejections share a limit; empty for all unknown callers together.
            now_ms: The time.
        """
        if self._limits.wait_ms(key, now_ms) > 0:
            return False
        self._limits.spend(key, 1, now_ms)
        return True
