"""Limits how fast posts of all kinds begin: they share the account's one quota."""

from __future__ import annotations

import asyncio
import enum
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from broadcaster.post_rate import PostRate
from rtdts.runtime.metrics import Metric

METRICS: Final = (
    Metric("PostRate", "Count/Second"),
    Metric("PostsOverQuota", "Count"),
)


TIMER_S: Final = 0.001
"""Precision of a timer: shorter waits are skipped."""


class Priority(enum.IntEnum):
    """The priority of a post, by its purpose: 0 is first.

    Posts do not wait for those of a higher number, except for the rounds' share.
    """

    CHANGE = 0
    """A snapshot, or a change of status."""
    POSITION = 1
    """A position between rounds."""
    ROUND = 2
    FLEET = 3
    """A snapshot of the fleet: the next one replaces it."""
    RETRY = 4
    """A repeated post of a round, because the endpoint is slow."""


ROUNDS_SHARE: Final = 0.5
"""The part of the rate, after changes have taken theirs, that positions between rounds leave to a
round. A round needs it while the whole fleet is near its destinations, and each viewer is due one
message per minute."""


class Debts:
    """Posts that began before the rate allowed them, by priority (pure).

    The posts of a priority are counted with those of lower numbers, which it waits for.

    A chunk begins as a whole, and later posts wait until time at the rate has paid for it. So over
    any period no more posts begin than the rate allows, except for one chunk per priority and one
    more.

    Rounds have a second debt, of their own posts and of changes only: otherwise positions alone
    could take the whole rate for as long as they come. With it a round may begin while positions
    are unpaid; later positions then wait for the round, too.
    """

    def __init__(self) -> None:
        self._posts = [0.0] * len(Priority)
        self._at_s = float("-inf")
        self._of_rounds = 0.0

    def wait_s(self, priority: Priority, now_s: float, per_s: float) -> float:
        """Seconds until posts of this priority may begin, at this rate; 0 when they may now."""
        self.pay(now_s, per_s)
        posts = self._posts[priority]
        if priority is Priority.ROUND:
            posts = min(posts, self._of_rounds)
        wait_s = posts / per_s
        return wait_s if wait_s >= TIMER_S else 0.0

    def begin(self, priority: Priority, count: int, per_s: float) -> None:
        """Adds posts that begin now; `wait_s` of their priority must be 0."""
        first = priority
        if priority is Priority.ROUND:
            if self._posts[priority] / per_s >= TIMER_S:
                first = Priority.POSITION
            # Set, not added: posts of a round while nothing else came must not delay it later.
            self._of_rounds = count / ROUNDS_SHARE
        elif priority is Priority.CHANGE:
            self._of_rounds += count
        for other in range(first, len(Priority)):
            self._posts[other] += count

    def pay(self, now_s: float, per_s: float) -> None:
        """Reduces the debts by the time that has passed, at this rate."""
        paid = max(0.0, now_s - self._at_s) * per_s
        self._posts = [max(0.0, posts - paid) for posts in self._posts]
        self._of_rounds = max(0.0, self._of_rounds - paid)
        self._at_s = now_s


class RateLimiter:
    """Lets posts begin at the rate that the account allows.

    Args:
        ceiling_per_s: Posts per second at most.
    """

    def __init__(
        self,
        ceiling_per_s: float,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = PostRate(ceiling_per_s)
        self._debts = Debts()
        self._sleep = sleep
        self._monotonic = monotonic
        self._locks = {priority: asyncio.Lock() for priority in Priority}
        self._min_per_s = self._rate.per_s
        self._over_quota = 0

    @property
    def per_s(self) -> float:
        """Posts per second that may begin now."""
        return self._rate.per_s

    async def acquire(self, priority: Priority, count: int, *, by_s: float = math.inf) -> bool:
        """Waits until this many posts may begin: call it before their rights are read, not after.

        Args:
            priority: What the posts are for.
            count: How many.
            by_s: When to give up, by this limiter's clock.

        Returns:
            Whether they may begin; False when it is too late for them.
        """
        async with self._locks[priority]:
            # Checked again after each sleep: others may have begun more posts, or the rate was
            # cut.
            while (wait_s := self._debts.wait_s(priority, self._monotonic(), self.per_s)) > 0:
                if self._monotonic() + wait_s > by_s:
                    return False
                await self._sleep(wait_s)
            if self._monotonic() > by_s:
                return False
            self._debts.begin(priority, count, self.per_s)
            return True

    def now_s(self) -> float:
        """This limiter's clock, for `by_s`."""
        return self._monotonic()

    def accepted(self) -> None:
        """Notes that the account did not throttle a post."""
        self._rate.accepted()

    def throttled(self, begun_at_s: float) -> None:
        """Notes that the account throttled a post.

        Args:
            begun_at_s: When the post began, by this limiter's clock.
        """
        self._over_quota += 1
        now_s = self._monotonic()
        self._debts.pay(now_s, self.per_s)
        self._rate.throttled(begun_at_s, now_s)
        self._min_per_s = min(self._min_per_s, self.per_s)

    def collect_metrics(self) -> dict[str, float]:
        """The values of `METRICS` since the last call: lowest rate, number of throttled posts."""
        values = {"PostRate": self._min_per_s, "PostsOverQuota": self._over_quota}
        self._min_per_s, self._over_quota = self.per_s, 0
        return values
