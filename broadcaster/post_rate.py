"""How many posts a second the account gives, learned from what it refuses (AIMD; pure)."""

from __future__ import annotations

from typing import Final

CUT: Final = 0.7
"""What is left of the rate after a refusal."""

RECOVERS_IN_S: Final = 60.0
"""From nothing to the ceiling, while posts go at the rate. The step is the same for every
broadcaster of one setting, so those that share an account come to equal parts."""

LEAST: Final = 1.0
"""Posts a second, whatever is refused: without a post nothing would be learned."""


class PostRate:
    """Grows by a step for each second of posts that were taken, and is cut when one is refused.

    By posts and not by time: a rate that nothing was posted at is not known to be too low, and a
    round would begin with what the last one has learned to be too much.

    Attributes:
        per_s: Posts a second that may be begun now.
    """

    def __init__(self, ceiling_per_s: float) -> None:
        self.per_s = ceiling_per_s
        self._ceiling_per_s = ceiling_per_s
        self._cut_at_s = float("-inf")

    def accepted(self) -> None:
        """A post was not refused by the account."""
        step = self._ceiling_per_s / RECOVERS_IN_S / self.per_s
        self.per_s = min(self._ceiling_per_s, self.per_s + step)

    def throttled(self, begun_at_s: float, now_s: float) -> None:
        """The account refused a post. Those begun before the last cut say nothing of the new rate.

        Args:
            begun_at_s: When the post was begun.
            now_s: By the same clock.
        """
        if begun_at_s > self._cut_at_s:
            self._cut_at_s = now_s
            self.per_s = max(min(LEAST, self._ceiling_per_s), self.per_s * CUT)
