"""`TruckErasure` on the fake position store: the same documents, in the same order."""

from __future__ import annotations

from collections.abc import Iterator

from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.index_definitions import LATEST_INDEX, POSITIONS_PATTERN, STATE_INDEX
from rtdts.position_store.state import StateWrite
from rtdts.tracking.truck_state import tombstone
from tests.fakes.fake_position_store import FakePositionStore


class FakeTruckErasure:
    """Erases trucks from the fake, which has no raw log.

    Args:
        store: The fake.
    """

    def __init__(self, store: FakePositionStore) -> None:
        self._store = store

    def count(self, truck_id: str) -> dict[str, int]:
        stored = self._store.load([truck_id]).get(truck_id)
        state = stored.state if stored is not None else None
        return {
            POSITIONS_PATTERN: len(self._store.fixes_of(truck_id)),
            LATEST_INDEX: len(self._store.latest([truck_id])),
            STATE_INDEX: int(stored is not None and not (state and state.is_tombstone)),
        }

    def erase(self, truck_id: str, *, now_ms: int) -> Iterator[tuple[str, int]]:
        """Does each step when the next value is requested, like the real one."""
        counts = self.count(truck_id)
        stored = self._store.load([truck_id]).get(truck_id)
        write = StateWrite.of(
            tombstone(truck_id, stored.state if stored is not None else None, now_ms),
            stored.version if stored is not None else None,
        )
        (outcome,) = self._store.save([write])
        assert outcome.result is WriteResult.WRITTEN
        if counts[STATE_INDEX]:
            yield STATE_INDEX, 1
        if fixes := self._store.fixes_of(truck_id):
            self._store.delete_history(fixes)
            yield POSITIONS_PATTERN, len(fixes)
        if self._store.latest([truck_id]):
            self._store.delete_latest([truck_id])
            yield LATEST_INDEX, 1
