"""Connections that hang again and again: tried now and then, so that they cost few slots (pure)."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Final

HANGS: Final = 2
"""Posts in a row without an answer in time, after which a connection is in quarantine."""

LEAST_REST_S: Final = 45.0
"""Between two tries of one. Less than a round's interval: with few of them each is tried in each
round, and one that has recovered hears of its delivery like any other."""

MOST_REST_S: Final = 300.0
"""Many are tried less often; none less often than that while there is a slot for it."""

_PRUNE_ABOVE: Final = 1_000
"""And above twice what was left the last time: pruning costs no more than what it is done for."""


@dataclasses.dataclass
class _Hanging:
    hangs: int
    tried_at_s: float


class Quarantine:
    """Which connections hang, and which of those may be tried now.

    Args:
        slots: Posts to such connections at once.
        post_timeout_s: What one that still hangs holds its slot for.
        monotonic: Clock in seconds.
    """

    def __init__(
        self,
        slots: int,
        post_timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest_a_connection_s = post_timeout_s / slots
        self._monotonic = monotonic
        self._hanging: dict[str, _Hanging] = {}
        self._count = 0
        self._prune_above = _PRUNE_ABOVE

    @property
    def count(self) -> int:
        """Connections in quarantine."""
        return self._count

    def holds(self, connection_id: str) -> bool:
        """Whether a connection is in quarantine."""
        hanging = self._hanging.get(connection_id)
        return hanging is not None and hanging.hangs >= HANGS

    def may_be_tried(self, connection_id: str) -> bool:
        """Whether one in quarantine has rested for long enough.

        The more there are the longer each rests: together they use their slots up, and no more.
        """
        rest_s = min(max(LEAST_REST_S, self._count * self._rest_a_connection_s), MOST_REST_S)
        hanging = self._hanging.get(connection_id)
        return hanging is None or self._monotonic() - hanging.tried_at_s >= rest_s

    def try_now(self, connection_id: str) -> None:
        """One in quarantine is about to be tried: its other subscriptions are not, meanwhile."""
        if connection_id in self._hanging:
            self._hanging[connection_id].tried_at_s = self._monotonic()

    def hung(self, connection_id: str) -> None:
        """A post to the connection was not answered in time."""
        now_s = self._monotonic()
        if len(self._hanging) > self._prune_above:
            self._prune(now_s)
        hanging = self._hanging.setdefault(connection_id, _Hanging(0, now_s))
        hanging.hangs += 1
        hanging.tried_at_s = now_s
        self._count += hanging.hangs == HANGS

    def responded(self, connection_id: str) -> None:
        """The connection took a message, refused it or is gone: it does not hang."""
        hanging = self._hanging.pop(connection_id, None)
        self._count -= hanging is not None and hanging.hangs >= HANGS

    def _prune(self, now_s: float) -> None:
        # Whose subscription has gone is never tried again.
        self._hanging = {
            connection_id: hanging
            for connection_id, hanging in self._hanging.items()
            if hanging.tried_at_s + 2 * MOST_REST_S > now_s
        }
        self._count = sum(hanging.hangs >= HANGS for hanging in self._hanging.values())
        self._prune_above = max(_PRUNE_ABOVE, 2 * len(self._hanging))
