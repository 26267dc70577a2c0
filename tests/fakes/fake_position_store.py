"""The history, the latest positions and the truck states in memory, with OpenSearch's rules.

One object stands for `PositionWriter`, `PositionReader`, `TrackPages`, `HistoryPages` and
`TruckStateStore`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import msgspec

from rtdts.position_store.bulk import ItemOutcome, WriteResult
from rtdts.position_store.documents import StoredFix, external_version, index_of
from rtdts.position_store.history_pages import MAX_HITS, HistoryFix, HistoryInterval, Stamp
from rtdts.position_store.state import (
    DocumentVersion,
    StateOutcome,
    StateWrite,
    StoredState,
)
from rtdts.position_store.track_pages import PagePoint, TrackPage
from rtdts.position_store.writer import HistoryWrite
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import (
    DeliveryProgress,
    Point,
    ShownLatest,
    TrackPoint,
    TruckInterval,
)
from tests.fakes.shown_positions import as_shown, shown_of

WRITTEN = ItemOutcome(result=WriteResult.WRITTEN)


class FakePositionStore:
    """Stands for the complete position store.

    Attributes:
        history: Documents by daily index and id.
        writes: How often each point was written to the history, by id.
        steps: The names of the calls that succeeded, in order.
        troubles: Errors by the name of a call: raised once, before it does anything.
        troubles_after: Errors raised once, after the call has done everything: lost responses.
        rejects: Returns why the history rejects a point permanently, if it does.
        max_hits: Maximum number of fixes that a search of one truck returns; with more, it
            returns none.
        before_read: Called before each page, to let time pass.
        passing: How many more times an item fails with a temporary error, by point id.
    """

    def __init__(self) -> None:
        self.history: dict[tuple[str, str], StoredFix] = {}
        self.writes: dict[str, int] = {}
        self.steps: list[str] = []
        self.troubles: dict[str, list[Exception]] = {}
        self.troubles_after: dict[str, list[Exception]] = {}
        self.rejects: Callable[[Fix], str] = lambda _: ""
        self.passing: dict[str, int] = {}
        self.max_hits = MAX_HITS
        self.before_read: Callable[[], None] = lambda: None
        self._knowledge: dict[tuple[str, str], int] = {}
        self._latest: dict[str, tuple[int, LatestPosition | None]] = {}
        self._states: dict[str, tuple[int, StateWrite]] = {}
        self._seq_nos = itertools.count()
        self._visible: dict[tuple[str, str], tuple[StoredFix, int]] = {}
        self._found: dict[str, list[HistoryFix]] = {}
        """What searches find of each truck that was searched for since the last refresh."""

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
            if truck_id in self._latest and self._latest[truck_id][0] > version:
                outcomes.append(ItemOutcome(result=WriteResult.CONFLICT))
            else:
                self._latest[truck_id] = (version, _unnumbered(one))
                outcomes.append(WRITTEN)
        self._done("write_latest")
        return outcomes

    def drop_delivery(self, delivery_id: str) -> None:
        """Removes a delivery's id from all documents, as an erasure does."""

        def left(progress: Iterable[DeliveryProgress]) -> tuple[DeliveryProgress, ...]:
            return tuple(one for one in progress if one.delivery_id != delivery_id)

        for key, stored in self.history.items():
            self.history[key] = stored._replace(deliveries=left(stored.deliveries))
        for truck_id, (version, latest) in self._latest.items():
            if latest is not None:
                self._latest[truck_id] = (
                    version,
                    msgspec.structs.replace(
                        latest,
                        deliveries=left(latest.deliveries),
                        shown_deliveries=left(latest.shown_deliveries),
                    ),
                )

    def delete_history(self, fixes: Sequence[Fix]) -> list[ItemOutcome]:
        self._raise(self.troubles, "delete_history")
        for fix in fixes:
            key = index_of(fix.event_at_ms), fix.point_id
            if self.history.pop(key, None) is not None:
                # For a while, the next write of it must have more knowledge.
                self._knowledge[key] += 1
        self._done("delete_history")
        return [WRITTEN] * len(fixes)

    def delete_latest(self, truck_ids: Sequence[str]) -> list[ItemOutcome]:
        self._raise(self.troubles, "delete_latest")
        for truck_id in truck_ids:
            version, latest = self._latest.get(truck_id, (0, None))
            if latest is not None:
                self._latest[truck_id] = version + 1, None
        self._done("delete_latest")
        return [WRITTEN] * len(truck_ids)

    def latest(self, truck_ids: Sequence[str]) -> dict[str, LatestPosition]:
        self._raise(self.troubles, "latest")
        found = {one: self._latest[one][1] for one in truck_ids if one in self._latest}
        return {one: latest for one, latest in found.items() if latest is not None}

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
                identity: TrackPoint(
                    one.fix.lat, one.fix.lon, one.fix.event_at_ms, one.fix.clock_lag_ms
                )
                for (_, identity), one in self.history.items()
                if one.fix.truck_id == truck_id
                and one.fix.is_good
                and one.fix.counts_at_ms >= start_ms
                and (end_ms is None or one.fix.counts_at_ms < end_ms)
            }.values(),
            key=lambda point: point.event_at_ms,
        )
        if limit < 2 or len(good) <= limit:
            return good[-limit:] if limit > 0 else []
        return [good[n * (len(good) - 1) // (limit - 1)] for n in range(limit)]

    def page(self, truck_id: str, *, from_ms: int, to_ms: int, limit: int) -> TrackPage:
        self._raise(self.troubles, "page")
        good = {
            identity: one.fix
            for (_, identity), one in sorted(self.history.items())
            if one.fix.truck_id == truck_id
            and one.fix.is_good
            and from_ms <= one.fix.event_at_ms < to_ms
        }
        found = sorted(good.values(), key=lambda fix: fix.event_at_ms)[: limit + 1]
        points = tuple(
            PagePoint(
                event_at_ms=fix.event_at_ms,
                lat=fix.lat,
                lon=fix.lon,
                speed_mps=fix.shown_speed_mps,
                heading_deg=fix.shown_heading_deg,
                accuracy_m=fix.accuracy_m,
            )
            for fix in found
        )
        if len(points) <= limit:
            return TrackPage(points, None)
        edge_ms = points[-1].event_at_ms
        complete = tuple(point for point in points if point.event_at_ms < edge_ms)
        if complete:
            return TrackPage(complete, edge_ms)
        return TrackPage(points[:limit], edge_ms + 1 if edge_ms + 1 < to_ms else None)

    def known_trucks(self, truck_ids: Sequence[str]) -> frozenset[str]:
        self._raise(self.troubles, "known_trucks")
        return frozenset(one.fix.truck_id for one in self.history.values()) & {*truck_ids}

    def stored(self, points: Sequence[Point]) -> dict[str, Stamp]:
        self._raise(self.troubles, "stored")
        requested = {point_id(point) for point in points}
        found: dict[str, Stamp] = {}
        for (_, identity), one in self.history.items():
            stamp = Stamp(one.fix.event_at_ms, one.fix.n, one.beyond)
            if identity in requested:
                found[identity] = min(stamp, found.get(identity, stamp))
        return found

    def refresh(self) -> None:
        self._raise(self.troubles, "refresh")
        self._visible = {key: (one, self._knowledge[key]) for key, one in self.history.items()}
        self._found.clear()

    def around(self, requested: Sequence[HistoryInterval]) -> dict[str, list[HistoryFix]]:
        self._raise(self.troubles, "around")
        found = {
            truck_id: [
                fix
                for fix in self._fixes_of(truck_id)
                if any(
                    one.truck_id == truck_id and one.from_ms <= fix.fix.event_at_ms <= one.to_ms
                    for one in requested
                )
            ]
            for truck_id in {one.truck_id for one in requested}
        }
        return {one: fixes for one, fixes in found.items() if 0 < len(fixes) < self.max_hits}

    def before(self, truck_id: str, event_at_ms: int, limit: int) -> list[HistoryFix]:
        self.before_read()
        self._raise(self.troubles, "before")
        fixes = [fix for fix in self._fixes_of(truck_id) if fix.fix.event_at_ms < event_at_ms]
        return fixes[-limit:]

    def after(self, truck_id: str, from_ms: int, limit: int) -> list[HistoryFix]:
        self.before_read()
        self._raise(self.troubles, "after")
        fixes = [fix for fix in self._fixes_of(truck_id) if fix.fix.event_at_ms >= from_ms]
        return fixes[:limit]

    def unsettled(self) -> list[str]:
        self._raise(self.troubles, "unsettled")
        return sorted(
            truck_id for truck_id, (_, write) in self._states.items() if write.is_unsettled
        )

    def _fixes_of(self, truck_id: str) -> list[HistoryFix]:
        """Returns what a search finds: the fixes at the last refresh, ordered by time only."""
        if truck_id not in self._found:
            fixes = (
                HistoryFix(one.fix, version, one.beyond)
                for one, version in self._visible.values()
                if one.fix.truck_id == truck_id
            )
            # Fixes with the same time are in arbitrary order, as in OpenSearch.
            unordered = sorted(fixes, key=lambda found: found.fix.point_id, reverse=True)
            self._found[truck_id] = sorted(unordered, key=lambda found: found.fix.event_at_ms)
        return self._found[truck_id]

    def load(self, truck_ids: Sequence[str]) -> dict[str, StoredState]:
        self._raise(self.troubles, "load")
        return {
            one: StoredState(
                truck_id=one,
                packed=self._states[one][1].packed,
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

    def fixes_of(self, truck_id: str) -> list[Fix]:
        """Returns all fixes of a truck in the history."""
        return [one.fix for one in self.history.values() if one.fix.truck_id == truck_id]

    def drop_states(self) -> None:
        """Loses all truck states."""
        self._states.clear()

    def _last_of(self, interval: TruckInterval) -> ShownLatest | None:
        good = [
            one
            for one in self.history.values()
            if one.fix.truck_id == interval.truck_id
            and one.fix.is_good
            and interval.start_ms <= one.fix.counts_at_ms < interval.end_ms
        ]
        last = max(good, key=lambda one: one.fix.event_at_ms, default=None)
        return None if last is None else as_shown(last.fix, last.deliveries)

    def _save_one(self, write: StateWrite) -> StateOutcome:
        truck_id = write.truck_id
        stored = self._states.get(truck_id)
        stored_at = None if stored is None else stored[0]
        if stored_at != (None if write.replaces is None else write.replaces.seq_no):
            return StateOutcome(result=WriteResult.CONFLICT)
        seq_no = next(self._seq_nos)
        self._states[truck_id] = (seq_no, write)
        return StateOutcome(
            result=WriteResult.WRITTEN, version=DocumentVersion(seq_no=seq_no, primary_term=1)
        )

    def _write_point(self, write: HistoryWrite) -> ItemOutcome:
        fix = write.fix
        identity = fix.point_id
        if self.passing.get(identity, 0) > 0:
            self.passing[identity] -= 1
            return ItemOutcome(
                result=WriteResult.RETRYABLE, reason="429 rejected_execution_exception"
            )
        if reason := self.rejects(fix):
            return ItemOutcome(result=WriteResult.REJECTED, reason=reason)
        key = index_of(fix.event_at_ms), identity
        if write.knowledge >= self._knowledge.get(key, 0):
            self.history[key] = write.stored
            self._knowledge[key] = write.knowledge
            self.writes[identity] = self.writes.get(identity, 0) + 1
        return WRITTEN

    def _done(self, name: str) -> None:
        self.steps.append(name)
        self._raise(self.troubles_after, name)

    def _raise(self, troubles: dict[str, list[Exception]], name: str) -> None:
        if troubles.get(name):
            raise troubles[name].pop(0)


def _unnumbered(latest: LatestPosition) -> LatestPosition:
    """Returns a position as read from its document, which has no ordinals of points."""
    newest, shown = latest.newest, latest.shown
    return msgspec.structs.replace(
        latest,
        newest=msgspec.structs.replace(newest, n=0),
        shown=None if shown is None else msgspec.structs.replace(shown, n=0),
    )
