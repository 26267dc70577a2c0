"""A circuit breaker: after the position store has timed out, calls fail at once for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from broadcaster.snapshot_messages import TrackReader
from rtdts.position_store.errors import StoreUnavailable
from rtdts.tracking.positions import ShownLatest, TrackPoint, TruckInterval

T = TypeVar("T")

OPEN_S: Final = 1.0
"""Long enough for a round to pass without positions, short enough to affect few viewers."""

_HUNG_AFTER_S: Final = 1.0
"""A failure that took this long was a timeout; a quick failure delays no caller."""


class PositionCircuitBreaker:
    """Reads positions; fails at once for `OPEN_S` after a timeout.

    Safe to call from several threads, as the store is. Calls that wait for a thread meanwhile fail
    as soon as they get one, so calls that piled up behind a hanging store are cleared at once.
    """

    def __init__(
        self, positions: TrackReader, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._positions = positions
        self._monotonic = monotonic
        self._open_until_s = float("-inf")

    def shown(self, truck_ids: Sequence[str]) -> Mapping[str, ShownLatest]:
        """See `LatestReader`."""
        return self._read(lambda: self._positions.shown(truck_ids))

    def last_of(self, intervals: Sequence[TruckInterval]) -> Sequence[ShownLatest | None]:
        """See `LatestReader`."""
        return self._read(lambda: self._positions.last_of(intervals))

    def track(
        self, truck_id: str, *, start_ms: int, end_ms: int | None, limit: int
    ) -> Sequence[TrackPoint]:
        """See `TrackReader`."""
        return self._read(
            lambda: self._positions.track(truck_id, start_ms=start_ms, end_ms=end_ms, limit=limit)
        )

    def _read(self, read: Callable[[], T]) -> T:
        began_at_s = self._monotonic()
        if began_at_s < self._open_until_s:
            raise StoreUnavailable("read positions", None, "not queried: it hung a moment ago")
        try:
            return read()
        except StoreUnavailable:
            ended_at_s = self._monotonic()
            if ended_at_s - began_at_s >= _HUNG_AFTER_S:
                self._open_until_s = ended_at_s + OPEN_S
            raise
