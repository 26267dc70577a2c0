"""Rate limits by key, by the generic cell rate algorithm: one number per key.

It is a token bucket that stores no tokens, only the time at which the bucket will be full again
(ATM Forum, Traffic Management 4.0, appendix; RFC 2697 describes the bucket).
"""

from __future__ import annotations

import copy
from typing import Final

_MS_PER_MINUTE: Final = 60_000
MAX_KEYS: Final = 10_000
"""Maximum number of keys kept; they take about 1 MB."""


class RateLimits:
    """Limits each key to a number of units per minute, as a mean over some minutes.

    An idle key has a burst of `per_minute` times `burst_minutes` units. Spending may overdraw by
    another burst at most: however much was spent, the wait is bounded.

    Args:
        per_minute: Units per minute.
        burst_minutes: Minutes whose units may be spent at once.
        max_keys: Keys kept. When there are more, keys with their whole burst are dropped and, if
            necessary, those that have used the least of their burst.
    """

    def __init__(
        self, *, per_minute: float, burst_minutes: float, max_keys: int = MAX_KEYS
    ) -> None:
        self._ms_per_unit = _MS_PER_MINUTE / per_minute
        self._burst_ms = burst_minutes * _MS_PER_MINUTE
        self._max_keys = max_keys
        self._full_at_ms: dict[str, float] = {}

    def copy(self) -> RateLimits:
        """Copies the limits; units spent on the copy are not spent here."""
        copied = copy.copy(self)
        copied._full_at_ms = dict(self._full_at_ms)
        return copied

    def wait_ms(self, key: str, now_ms: int) -> float:
        """Returns the time until the key has a unit to spend; 0 when it has one now."""
        empty_at_ms = self._full_at_ms.get(key, 0.0) - self._burst_ms
        return max(0.0, empty_at_ms + self._ms_per_unit - now_ms)

    def spend(self, key: str, units: float, now_ms: int) -> None:
        """Spends units of a key, even more than it has."""
        full_at_ms = max(self._full_at_ms.get(key, 0.0), now_ms) + units * self._ms_per_unit
        if key not in self._full_at_ms and len(self._full_at_ms) >= self._max_keys:
            self._prune(now_ms)
        self._full_at_ms[key] = min(full_at_ms, now_ms + 2 * self._burst_ms)

    def _prune(self, now_ms: int) -> None:
        kept = [(key, at_ms) for key, at_ms in self._full_at_ms.items() if at_ms > now_ms]
        # Many others that spend a little must not restore the burst of one that has spent its own.
        kept.sort(key=lambda one: one[1])
        # Prunes to half the limit; otherwise each new key would sort all keys.
        self._full_at_ms = dict(kept[-(self._max_keys // 2) :])
