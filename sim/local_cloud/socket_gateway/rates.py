"""Token buckets as in API Gateway's throttling. Pure: the time is a parameter."""

from __future__ import annotations


class TokenBucket:
    """A rate with a burst.

    Args:
        per_s: New tokens per second.
        burst: The most tokens that it holds; also the initial number.
    """

    __slots__ = ("_at_s", "_burst", "_per_s", "_tokens")

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._at_s: float | None = None

    def try_acquire(self, now_s: float) -> bool:
        """Takes a token; False when there is none."""
        if self._at_s is not None and now_s > self._at_s:
            self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
