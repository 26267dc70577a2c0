"""How much of something each key may have, by the generic cell rate algorithm: a number per key.

A token bucket without the tokens: kept is when the bucket will be full again (ATM Forum, Traffic
Management 4.0, appendix; RFC 2697 describes the bucket).
"""

from __future__ import annotations

import copy
from typing import Final

_MS_PER_MINUTE: Final = 60_000
MAX_KEYS: Final = 10_000
"""Keys kept; about 1 MB."""


class RateLimits:
    """Limits each key to so many units per minute, as a mean over some minutes.

    A key that was idle has a burst of `per_minute` times `burst_minutes` units. Spending may
    overdraw, by another burst at most: whatever was spent, the wait ends.

    Args:
        per_minute: Units per minute.
        burst_minutes: Minutes whose units may be spent at once.
        max_keys: Keys kept; of more those are forgotten that have their whole burst, and if need be
            the longest known.
    """

    def __init__(
        self, *, per_minute: float, burst_minutes: float, max_keys: int = MAX_KEYS
    ) -> None:
        self._ms_per_unit = _MS_PER_MINUTE / per_minute
        self._burst_ms = burst_minutes * _MS_PER_MINUTE
        self._max_keys = max_keys
        self._full_at_ms: dict[str, float] = {}

    def copy(self) -> RateLimits:
        """The same limits, of which may be spent without these knowing."""
        copied = copy.copy(self)
        copied._full_at_ms = dict(self._full_at_ms)
        return copied

    def wait_ms(self, key: str, now_ms: int) -> float:
        """How long until the key has a unit to spend; 0 when it has one now."""
        empty_at_ms = self._full_at_ms.get(key, 0.0) - self._burst_ms
        return max(0.0, empty_at_ms + self._ms_per_unit - now_ms)

    def spend(self, key: str, units: float, now_ms: int) -> None:
        """Takes units of a key's, whether it has them or not."""
        full_at_ms = max(self._full_at_ms.get(key, 0.0), now_ms) + units * self._ms_per_unit
        if key not in self._full_at_ms and len(self._full_at_ms) >= self._max_keys:
            self._prune(now_ms)
        self._full_at_ms[key] = min(full_at_ms, now_ms + 2 * self._burst_ms)

    def _prune(self, now_ms: int) -> None:
        kept = [(key, at_ms) for key, at_ms in self._full_at_ms.items() if at_ms > now_ms]
        # Down to half: or each new key would look through all.
        self._full_at_ms = dict(kept[-(self._max_keys // 2) :])
