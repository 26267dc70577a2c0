"""How fast posts are begun, whatever they are for: the account's quota is one for all of them."""

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
"""A shorter wait is none: a timer is no more exact."""


class Lane(enum.IntEnum):
    """What a post is for; a lower one does not wait for those above it, but for rounds' share."""

    CHANGE = 0
    """A snapshot, or a change of status."""
    POSITION = 1
    """A position between rounds."""
    ROUND = 2
    FLEET = 3
    """A picture of the fleet: the next one replaces it."""
    AGAIN = 4
    """What a round tries once more because its connection is slow."""


ROUNDS_SHARE: Final = 0.5
"""Of what changes leave of the rate, the part that positions between rounds leave to a round. A
round needs it while the whole fleet is near its destinations, and each viewer is due a message a
minute."""


class Debts:
    """Posts that were begun and not yet paid for by time, in each lane with those below it (pure).

    A chunk is begun whole, and what comes after it waits until the rate has made up for it. So over
    any time no more is begun than the rate gives, but for one chunk a lane and one more.

    Rounds have a second account, of their own posts and of changes: positions alone could take the
    whole rate for as long as they come. By it a round begins although positions are unpaid; later
    positions then wait for it, too.
    """

    def __init__(self) -> None:
        self._posts = [0.0] * len(Lane)
        self._at_s = float("-inf")
        self._of_rounds = 0.0

    def wait_s(self, lane: Lane, now_s: float, per_s: float) -> float:
        """Seconds that the lane must wait yet, at this rate; 0 when it may begin some."""
        self.pay(now_s, per_s)
        posts = self._posts[lane]
        if lane is Lane.ROUND:
            posts = min(posts, self._of_rounds)
        wait_s = posts / per_s
        return wait_s if wait_s >= TIMER_S else 0.0

    def begin(self, lane: Lane, count: int, per_s: float) -> None:
        """So many are begun; the lane's wait was 0 at this moment."""
        first = lane
        if lane is Lane.ROUND:
            if self._posts[lane] / per_s >= TIMER_S:
                first = Lane.POSITION
            # What a round took while nothing else came is not held against it later.
            self._of_rounds = count / ROUNDS_SHARE
        elif lane is Lane.CHANGE:
            self._of_rounds += count
        for other in range(first, len(Lane)):
            self._posts[other] += count

    def pay(self, now_s: float, per_s: float) -> None:
        """Time has passed at this rate."""
        paid = max(0.0, now_s - self._at_s) * per_s
        self._posts = [max(0.0, posts - paid) for posts in self._posts]
        self._of_rounds = max(0.0, self._of_rounds - paid)
        self._at_s = now_s


class RateLimiter:
    """Lets posts begin at the rate that the account gives.

    Args:
        ceiling_per_s: Posts a second at most.
        sleep: Waits some seconds.
        monotonic: Clock in seconds.
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
        self._locks = {lane: asyncio.Lock() for lane in Lane}
        self._least_per_s = self._rate.per_s
        self._over_quota = 0

    @property
    def per_s(self) -> float:
        """Posts a second that may be begun now."""
        return self._rate.per_s

    async def acquire(self, lane: Lane, count: int, *, by_s: float = math.inf) -> bool:
        """Waits until so many posts may begin: before their rights are read, never after.

        Args:
            lane: What they are for.
            count: How many.
            by_s: When they are given up, by this limiter's clock.

        Returns:
            Whether they may; else it is too late for them.
        """
        async with self._locks[lane]:
            # Again after each sleep: lanes before this one have begun more, or the rate was cut.
            while (wait_s := self._debts.wait_s(lane, self._monotonic(), self.per_s)) > 0:
                if self._monotonic() + wait_s > by_s:
                    return False
                await self._sleep(wait_s)
            if self._monotonic() > by_s:
                return False
            self._debts.begin(lane, count, self.per_s)
            return True

    def now_s(self) -> float:
        """This limiter's clock, for `by_s`."""
        return self._monotonic()

    def accepted(self) -> None:
        """The account did not refuse a post."""
        self._rate.accepted()

    def throttled(self, begun_at_s: float) -> None:
        """The account refused a post that was begun then, by this limiter's clock."""
        self._over_quota += 1
        now_s = self._monotonic()
        self._debts.pay(now_s, self.per_s)
        self._rate.throttled(begun_at_s, now_s)
        self._least_per_s = min(self._least_per_s, self.per_s)

    def take_metrics(self) -> dict[str, float]:
        """The values of `METRICS` since the last call: the lowest rate, and what was refused."""
        values = {"PostRate": self._least_per_s, "PostsOverQuota": self._over_quota}
        self._least_per_s, self._over_quota = self.per_s, 0
        return values
