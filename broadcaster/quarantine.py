"""Endpoints that hang repeatedly: tried only now and then, so that they use few slots (pure)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Final

HANGS: Final = 2
"""Posts in a row without a response in time after which an endpoint is in quarantine."""

MIN_PAUSE_S: Final = 45.0
"""Shortest pause between two attempts at one endpoint. It is less than a round's interval: when
there are few such endpoints, each is tried in each round, and one that has recovered gets its
messages as usual."""

MAX_PAUSE_S: Final = 300.0
"""Longest pause between two attempts, if a slot is free. The more endpoints are in quarantine, the
longer each pauses."""

_PRUNE_ABOVE: Final = 1_000
"""Old endpoints are pruned above this number, or above twice the number left by the last pruning if
that is more, so that pruning stays cheap on average."""


@dataclasses.dataclass
class _Hanging:
    hangs: int
    tried_at_s: float


class Quarantine:
    """Which endpoints hang, and which of those may be tried now.

    Args:
        slots: Posts to such endpoints at once.
        post_timeout_s: How long an endpoint that still hangs holds its slot.
    """

    def __init__(
        self,
        slots: int,
        post_timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pause_per_endpoint_s = post_timeout_s / slots
        self._monotonic = monotonic
        self._hanging: dict[str, _Hanging] = {}
        self._count = 0
        self._prune_above = _PRUNE_ABOVE

    def contains(self, endpoint: str) -> bool:
        """Whether an endpoint is in quarantine."""
        hanging = self._hanging.get(endpoint)
        return hanging is not None and hanging.hangs >= HANGS

    def may_be_tried(self, endpoint: str) -> bool:
        """Whether an endpoint in quarantine has paused for long enough.

        The more there are, the longer each pauses: together they use all their slots, but no more.
        """
        pause_s = min(max(MIN_PAUSE_S, self._count * self._pause_per_endpoint_s), MAX_PAUSE_S)
        hanging = self._hanging.get(endpoint)
        return hanging is None or self._monotonic() - hanging.tried_at_s >= pause_s

    def try_now(self, endpoint: str) -> None:
        """Notes an attempt at an endpoint, so that its other subscriptions are not tried now."""
        if endpoint in self._hanging:
            self._hanging[endpoint].tried_at_s = self._monotonic()

    def hung(self, endpoint: str) -> None:
        """Notes that a post to the endpoint got no response in time."""
        now_s = self._monotonic()
        if len(self._hanging) > self._prune_above:
            self._prune(now_s)
        hanging = self._hanging.setdefault(endpoint, _Hanging(0, now_s))
        hanging.hangs += 1
        hanging.tried_at_s = now_s
        self._count += hanging.hangs == HANGS

    def responded(self, endpoint: str) -> None:
        """Drops the endpoint's state: it accepted or rejected a message, or no longer exists."""
        hanging = self._hanging.pop(endpoint, None)
        self._count -= hanging is not None and hanging.hangs >= HANGS

    def _prune(self, now_s: float) -> None:
        # An endpoint whose subscription was removed is never tried again.
        self._hanging = {
            endpoint: hanging
            for endpoint, hanging in self._hanging.items()
            if hanging.tried_at_s + 2 * MAX_PAUSE_S > now_s
        }
        self._count = sum(hanging.hangs >= HANGS for hanging in self._hanging.values())
        self._prune_above = max(_PRUNE_ABOVE, 2 * len(self._hanging))
