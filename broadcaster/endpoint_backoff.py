"""Which endpoints were throttled, and how long each backs off."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.5
MAX_S: Final = 60.0
"""The interval of one round: after that the viewer is due again anyway."""
_PRUNE_ABOVE: Final = 1_000
"""Old endpoints are pruned above this number, or above twice the number left by the last pruning if
that is more, so that pruning stays cheap on average."""


@dataclasses.dataclass
class _Waiting:
    until_s: float
    ceiling_s: float


class EndpointBackoff:
    """Exponential backoff with jitter, separately for each endpoint.

    Args:
        uniform: Source of the jitter.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._monotonic = monotonic
        self._uniform = uniform
        self._waiting: dict[str, _Waiting] = {}
        self._prune_above = _PRUNE_ABOVE

    def remaining_s(self, endpoint: str) -> float:
        """Seconds until the endpoint may be posted to; 0 when it may be now."""
        waiting = self._waiting.get(endpoint)
        return 0.0 if waiting is None else max(0.0, waiting.until_s - self._monotonic())

    def is_known(self, endpoint: str) -> bool:
        """Whether the endpoint was throttled since its last delivered message."""
        return endpoint in self._waiting

    def throttled(self, endpoint: str) -> None:
        """Starts a backoff for a throttled endpoint, longer each time in a row."""
        now_s = self._monotonic()
        before = self._waiting.get(endpoint)
        if len(self._waiting) > self._prune_above:
            self._prune(now_s)
        ceiling_s = FIRST_S if before is None else min(before.ceiling_s * 2, MAX_S)
        # Never less than half: a wait of 0 s would be no backoff.
        wait_s = self._uniform(ceiling_s / 2, ceiling_s)
        self._waiting[endpoint] = _Waiting(now_s + wait_s, ceiling_s)

    def responded(self, endpoint: str) -> None:
        """Drops the endpoint's state: it received a message, or no longer exists."""
        self._waiting.pop(endpoint, None)

    def _prune(self, now_s: float) -> None:
        # After twice the longest wait without a post, the next throttling starts from the minimum.
        self._waiting = {
            endpoint: waiting
            for endpoint, waiting in self._waiting.items()
            if waiting.until_s + 2 * MAX_S > now_s
        }
        self._prune_above = max(_PRUNE_ABOVE, 2 * len(self._waiting))
