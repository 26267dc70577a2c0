"""A cache of the deliveries that trucks carry, read consistently at most a few seconds ago."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from consumer.ports import MatchPort
from rtdts.tracking.deliveries import OpenMatch

TTL_S = 5.0
"""How long a new match, a change of plan or a declaration may go unnoticed."""


class MatchCache:
    """Reads matches, and caches them for `TTL_S`.

    Args:
        ttl_s: Seconds for which a match is cached.
    """

    def __init__(
        self,
        store: MatchPort,
        *,
        ttl_s: float = TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._ttl_s = ttl_s
        self._clock = clock
        self._cached: dict[str, tuple[float, tuple[OpenMatch, ...]]] = {}

    def of(self, truck_ids: Iterable[str]) -> dict[str, tuple[OpenMatch, ...]]:
        """Returns the open deliveries of each truck.

        Raises:
            StoreBusy: DynamoDB is unavailable at the moment.
        """
        now = self._clock()
        self._cached = {
            truck_id: entry for truck_id, entry in self._cached.items() if entry[0] > now
        }
        requested = list(truck_ids)
        unknown = [truck_id for truck_id in requested if truck_id not in self._cached]
        if unknown:
            read = self._store.open_matches_many(unknown)
            for truck_id in unknown:
                self._cached[truck_id] = (now + self._ttl_s, read.get(truck_id, ()))
        return {truck_id: self._cached[truck_id][1] for truck_id in requested}

    def invalidate(self, truck_id: str) -> None:
        """Drops a truck whose cached matches turned out to be out of date."""
        self._cached.pop(truck_id, None)
