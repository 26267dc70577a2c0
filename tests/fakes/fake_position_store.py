"""The history, the latest positions and the trucks' memories in memory, under OpenSearch's rules.

One object stands for `PositionWriter`, `PositionReader` and `TruckStateStore`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import msgspec

from rtdts.position_store.bulk import Fate, ItemOutcome
from rtdts.position_store.documents import StoredFix, external_version, index_of
from rtdts.position_store.state import (
    DocumentVersion,
    StateOutcome,
    StateWrite,
    StoredState,
    decode_state,
    encode_state,
)
from rtdts.position_store.writer import HistoryWrite
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import (
    Point,
    ShownLatest,
    TrackPoint,
    TruckInterval,
)
from tests.fakes.shown_positions import as_shown, shown_of

WRITTEN = ItemOutcome(fate=Fate.WRITTEN)


class FakePositionStore:
    """Stands for all of the position store.

    Attributes:
        history: Documents by daily index and id.
        writes: How often each point was written to the history, by id.
        steps: The names of the calls that succeeded, in order.
        troubles: By the name of a call: raised (and used up) before it does anything.
        troubles_after: The same, after it has done everything: the answer got lost.
        rejects: Whether the history refuses a point for its own fault, and why.
        passing: By point id: how many more times an item fails for a reason that passes.
    """

    def __init__(self) -> None:
        self.history: dict[tuple[str, str], StoredFix] = {}
        self.writes: dict[str, int] = {}
        self.steps: list[str] = []
        self.troubles: dict[str, list[Exception]] = {}
        self.troubles_after: dict[str, list[Exception]] = {}
        self.rejects: Callable[[Fix], str] = lambda _: ""
        self.passing: dict[str, int] = {}
        self._knowledge: dict[tuple[str, str], int] = {}
        self._latest: dict[str, tuple[int, LatestPosition]] = {}
        self._states: dict[str, tuple[int, bytes]] = {}
        self._seq_nos = itertools.count()

    def write_history(self, writes: Sequence[HistoryWrite]) -> list[ItemOutcome]:
        self._raise(self.troubles, "write_history")
        outcomes = [self._write_point(write) for write in writes]
        self._done("write_history")
        return outcomes

    def write_latest(self, latest: Sequence[LatestPosition]) -> list[ItemOutcome]:
        self._raise(self.troubles, "write_latest")
        outcomes = []
        for one in latest:
            truck_id, version = one.newest.truck_id, external_version(one)
            if truck_id in self._latest and self._latest[truck_id][0] >= version:
                outcomes.append(ItemOutcome(fate=Fate.CONFLICT))
            else:
                self._latest[truck_id] = (version, one)
                outcomes.append(WRITTEN)
        self._done("write_latest")
        return outcomes

    def latest(self, truck_ids: Sequence[str]) -> dict[str, LatestPosition]:
        self._raise(self.troubles, "latest")
        return {one: self._latest[one][1] for one in truck_ids if one in self._latest}

    def shown(self, truck_ids: Sequence[str]) -> dict[str, ShownLatest]:
        found = {one: shown_of(latest) for one, latest in self.latest(truck_ids).items()}
        return {truck_id: shown for truck_id, shown in found.items() if shown is not None}

    def last_of(self, intervals: Sequence[TruckInterval]) -> list[ShownLatest | None]:
        return [self._last_of(one) for one in intervals]

    def track(
        self, truck_id: str, *, start_ms: int, end_ms: int | None, limit: int
    ) -> list[TrackPoint]:
        good = sorted(
            {
                identity: TrackPoint(one.fix.lat, one.fix.lon, one.fix.event_at_ms)
                for (_, identity), one in self.history.items()
                if one.fix.truck_id == truck_id
                and one.fix.is_good
                and one.fix.event_at_ms >= start_ms
                and (end_ms is None or one.fix.event_at_ms < end_ms)
            }.values(),
            key=lambda point: point.event_at_ms,
        )
        if limit < 2 or len(good) <= limit:
            return good[-limit:] if limit > 0 else []
        return [good[n * (len(good) - 1) // (limit - 1)] for n in range(limit)]

    def first_stamps(self, points: Sequence[Point]) -> dict[str, int]:
        return self.event_times([point_id(point) for point in points])

    def event_times(self, point_ids: Sequence[str]) -> dict[str, int]:
        self._raise(self.troubles, "event_times")
        found: dict[str, int] = {}
        for (_, identity), one in self.history.items():
            if identity in point_ids:
                at_ms = one.fix.event_at_ms
                found[identity] = min(at_ms, found.get(identity, at_ms))
        return found

    def load(self, truck_ids: Sequence[str]) -> dict[str, StoredState]:
        self._raise(self.troubles, "load")
        return {
            one: StoredState(
                state=decode_state(msgspec.json.decode(self._states[one][1])),
                version=DocumentVersion(seq_no=self._states[one][0], primary_term=1),
            )
            for one in truck_ids
            if one in self._states
        }

    def save(self, writes: Sequence[StateWrite]) -> list[StateOutcome]:
        self._raise(self.troubles, "save")
        outcomes = [self._save_one(write) for write in writes]
        self._done("save")
        return outcomes

    def forget_states(self) -> None:
        """Loses all memories."""
        self._states.clear()

    def _last_of(self, interval: TruckInterval) -> ShownLatest | None:
        good = [
            one
            for one in self.history.values()
            if one.fix.truck_id == interval.truck_id
            and one.fix.is_good
            and interval.start_ms <= one.fix.event_at_ms < interval.end_ms
        ]
        last = max(good, key=lambda one: one.fix.event_at_ms, default=None)
        return None if last is None else as_shown(last.fix, last.deliveries)

    def _save_one(self, write: StateWrite) -> StateOutcome:
        truck_id = write.state.truck_id
        stands = self._states.get(truck_id)
        stands_at = None if stands is None else stands[0]
        if stands_at != (None if write.replaces is None else write.replaces.seq_no):
            return StateOutcome(fate=Fate.CONFLICT)
        seq_no = next(self._seq_nos)
        self._states[truck_id] = (seq_no, encode_state(write.state))
        return StateOutcome(
            fate=Fate.WRITTEN, version=DocumentVersion(seq_no=seq_no, primary_term=1)
        )

    def _write_point(self, write: HistoryWrite) -> ItemOutcome:
        fix = write.fix
        identity = fix.point_id
        if self.passing.get(identity, 0) > 0:
            self.passing[identity] -= 1
            return ItemOutcome(fate=Fate.RETRYABLE, reason="429 rejected_execution_exception")
        if reason := self.rejects(fix):
            return ItemOutcome(fate=Fate.REJECTED, reason=reason)
        key = index_of(fix.event_at_ms), identity
        is_known_better = write.keep_existing or write.knowledge < self._knowledge.get(key, 0)
        if not (is_known_better and key in self.history):
            self.history[key] = write.stored
            self._knowledge[key] = 1 if write.keep_existing else write.knowledge
            self.writes[identity] = self.writes.get(identity, 0) + 1
        return WRITTEN

    def _done(self, name: str) -> None:
        self.steps.append(name)
        self._raise(self.troubles_after, name)

    def _raise(self, troubles: dict[str, list[Exception]], name: str) -> None:
        if troubles.get(name):
            raise troubles[name].pop(0)
