"""Which connections said that they can't keep up, and until when each is left alone."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.5
MOST_S: Final = 60.0
"""One round: after that the viewer is due again anyway."""
_PRUNE_ABOVE: Final = 1_000
"""And above twice what was left the last time: pruning costs no more than what it is done for."""


@dataclasses.dataclass
class _Waiting:
    until_s: float
    ceiling_s: float


class ConnectionBackoff:
    """Exponential backoff with jitter, for each connection by itself.

    Args:
        monotonic: Clock in seconds.
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

    def remaining_s(self, connection_id: str) -> float:
        """How long to leave the connection alone yet; 0 when it may be posted to."""
        waiting = self._waiting.get(connection_id)
        return 0.0 if waiting is None else max(0.0, waiting.until_s - self._monotonic())

    def is_known(self, connection_id: str) -> bool:
        """Whether it was throttled after the last message that it took."""
        return connection_id in self._waiting

    def throttled(self, connection_id: str) -> None:
        """The connection was throttled: leave it alone, longer each time in a row."""
        now_s = self._monotonic()
        before = self._waiting.get(connection_id)
        if len(self._waiting) > self._prune_above:
            self._prune(now_s)
        ceiling_s = FIRST_S if before is None else min(before.ceiling_s * 2, MOST_S)
        # Never less than half: a wait of nothing would be no backing off.
        wait_s = self._uniform(ceiling_s / 2, ceiling_s)
        self._waiting[connection_id] = _Waiting(now_s + wait_s, ceiling_s)

    def responded(self, connection_id: str) -> None:
        """The connection took a message, or is gone: nothing of it is remembered."""
        self._waiting.pop(connection_id, None)

    def _prune(self, now_s: float) -> None:
        # Twice the longest wait without a word: the next throttling starts anew.
        self._waiting = {
            connection_id: waiting
            for connection_id, waiting in self._waiting.items()
            if waiting.until_s + 2 * MOST_S > now_s
        }
        self._prune_above = max(_PRUNE_ABOVE, 2 * len(self._waiting))
