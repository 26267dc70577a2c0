"""A monotonic time budget, shared by all later steps."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """A point in monotonic time; it never moves."""

    def __init__(self, budget_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends_at = clock() + budget_s

    @property
    def remaining_s(self) -> float:
        """Returns the seconds left; 0 when passed."""
        return max(0.0, self._ends_at - self._clock())

    @property
    def passed(self) -> bool:
        """Returns whether no time is left."""
        return self.remaining_s <= 0.0
