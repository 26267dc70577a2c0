"""API Gateway's management API under load: quotas, slow clients, clients that hang."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import defaultdict

from broadcaster.sender import Payload, PostOutcome
from rtdts.runtime.deadline import Deadline

RESPONDS_IN_S = 0.02


@dataclasses.dataclass
class PushingBack:
    """Responds to posts by the loop's clock.

    Attributes:
        per_s: The account's quota in posts per second.
        burst: How many unused posts of the quota may accumulate.
        accepts_one_of: By connection, out of how many posts only the last is accepted.
        hanging: Connections that do not respond within the time limit.
        timeout_s: The poster's timeout.
        responds_in_s: How long all other posts take.
        received_at_s: By connection, when it received messages.
        shown_at_s: By connection, when positions of trucks were posted to it.
        posted: By connection, the number of posts.
        over_quota: How many posts the account rejected.
    """

    per_s: float = float("inf")
    burst: float = 50.0
    accepts_one_of: dict[str, int] = dataclasses.field(default_factory=dict)
    hanging: set[str] = dataclasses.field(default_factory=set)
    timeout_s: float = 2.0
    responds_in_s: float = RESPONDS_IN_S
    received_at_s: defaultdict[str, list[float]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    shown_at_s: defaultdict[str, list[float]] = dataclasses.field(
        default_factory=lambda: defaultdict(list)
    )
    posted: defaultdict[str, int] = dataclasses.field(default_factory=lambda: defaultdict(int))
    over_quota: int = 0
    _saved: float = 0.0
    _at_s: float = float("-inf")

    async def post(self, connection_id: str, payload: Payload, write_by: Deadline) -> PostOutcome:
        if write_by.passed:
            return PostOutcome.TOO_LATE
        self.posted[connection_id] += 1
        now_s = asyncio.get_running_loop().time()
        if b'"position":{' in payload.data:
            self.shown_at_s[connection_id].append(now_s)
        is_over = not self._within_quota(now_s)
        if not is_over and connection_id in self.hanging:
            await asyncio.sleep(self.timeout_s)
            return PostOutcome.HUNG
        await asyncio.sleep(self.responds_in_s)
        if is_over:
            self.over_quota += 1
            return PostOutcome.OVER_QUOTA
        if self.posted[connection_id] % self.accepts_one_of.get(connection_id, 1):
            return PostOutcome.THROTTLED
        self.received_at_s[connection_id].append(now_s)
        return PostOutcome.DELIVERED

    def accepts_another(self) -> bool:
        """Uses the account's quota for a request that is not a post, such as a truck's."""
        return self._within_quota(asyncio.get_running_loop().time())

    async def end(self, _connection_id: str) -> PostOutcome:
        return PostOutcome.DELIVERED

    def _within_quota(self, now_s: float) -> bool:
        self._saved = min(self.burst, self._saved + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
