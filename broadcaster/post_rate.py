"""How many posts per second the account allows, learned from what it throttles (AIMD; pure)."""

from __future__ import annotations

from typing import Final

CUT: Final = 0.7
"""The factor by which the rate is cut after a throttled post."""

RECOVERS_IN_S: Final = 60.0
"""Time from 0 to the ceiling while posts are sent at the full rate. The step is the same for every
broadcaster with the same setting, so broadcasters that share an account converge to equal rates."""

MIN_PER_S: Final = 1.0
"""Posts per second, however many are throttled: without posts nothing would be learned."""


class PostRate:
    """Grows by a step per second's worth of accepted posts, and is cut when a post is throttled.

    It grows with posts and not with time: a rate at which nothing was posted is not known to be too
    low, and a round would begin at a rate that the last round found to be too high.

    Attributes:
        per_s: Posts per second that may begin now.
    """

    def __init__(self, ceiling_per_s: float) -> None:
        self.per_s = ceiling_per_s
        self._ceiling_per_s = ceiling_per_s
        self._cut_at_s = float("-inf")

    def accepted(self) -> None:
        """Raises the rate: the account did not throttle a post."""
        step = self._ceiling_per_s / RECOVERS_IN_S / self.per_s
        self.per_s = min(self._ceiling_per_s, self.per_s + step)

    def throttled(self, begun_at_s: float, now_s: float) -> None:
        """Cuts the rate, unless the throttled post began before the last cut, at the old rate.

        Args:
            begun_at_s: When the post began.
            now_s: The time now, by the same clock.
        """
        if begun_at_s > self._cut_at_s:
            self._cut_at_s = now_s
            self.per_s = max(min(MIN_PER_S, self._ceiling_per_s), self.per_s * CUT)
