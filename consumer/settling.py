"""Settles late points between batches: reads and writes for what `rtdts.tracking.settling` decides.

Late points are settled together: all trucks that are due share one search. A truck for which that
is not enough (a long backlog, or a long silence before it) continues by itself, page by page, in
slices between batches, so nothing else in the shard waits for it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from consumer.committing import Committer
from consumer.ports import PositionReaderPort
from consumer.retrying import Budget
from consumer.truck_states import TruckStates
from rtdts.position_store.history_pages import HistoryFix, HistoryInterval
from rtdts.position_store.writer import PROVISIONAL, HistoryWrite
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.telemetry_stream.shard_range import ANY_KEY, ShardRange
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.latest import indexed, latest_of
from rtdts.tracking.settling import EarlierFixesNeededError, Refold, StoredFix
from rtdts.tracking.stream_position import StreamPosition, shard_position
from rtdts.tracking.truck_fold import PAUSE_MS, TrackingRules, TruckUpdate, reconcile_deliveries
from rtdts.tracking.truck_state import Interval, TruckState

PASS_EVERY_S = 2.0
"""How long a late point may wait for others, so that they are settled together."""
GREEDY_FIXES = 2_000
"""A truck whose settling read more fixes than this is settled again only after `GREEDY_EVERY_S`."""
GREEDY_EVERY_S = 30.0
PAUSE_S = PAUSE_MS / 1_000
SLICE_S = 0.25
"""How long a shard's batches may wait for a settling; one that needs longer continues later."""
PAUSE_SLICES = 2
"""Pause after a slice, in durations of the slice, so that other trucks get most of the time."""
TRUCKS_PER_PASS = 200
BEFORE_FIXES, AFTER_FIXES = 9, 13
"""Fixes read before and after an interval at first, mostly enough to begin and to agree. Before it
lie `LOOKBACK_FIXES` and a reset point; after it some fixes that change, and then `LOOKBACK_FIXES`
that agree. Most further neighbours of a late point would be read and decoded for nothing."""
MIN_MARGIN_MS = 60_000
MAX_MARGIN_MS = 1_800_000
LEAD_FIXES = 64
"""Fixes read before an interval at once, when `BEFORE_FIXES` were not enough."""
PAGE_FIXES = 1_000
QUICK_MS = 2 * 3_600_000
"""Longer intervals, with their margins, are read page by page at once."""
MAX_FIXES = 100_000
"""Fixes that one settling of a truck reads at most; after that, the log stays as it is."""


@dataclasses.dataclass(kw_only=True)
class SettleReport:
    """The result of a pass; one line of the log."""

    trucks: int = 0
    fixes: int = 0
    """Fixes read from the history."""
    changed: int = 0
    """Documents written again."""
    transitions: int = 0
    nudges: int = 0
    waiting: int = 0
    """Trucks that are not settled yet."""


@dataclasses.dataclass
class _Work:
    """One truck's settling in progress."""

    state: TruckState
    changed: dict[str, Fix] = dataclasses.field(default_factory=dict)
    because: Fix | None = None
    fixes: int = 0


class _TimeSlice:
    """The time that one pass may spend on reading pages: one page at least."""

    def __init__(self, clock: Callable[[], float], slice_s: float | None) -> None:
        self._clock = clock
        self._until_s = None if slice_s is None else clock() + slice_s
        self._has_begun = False

    def has_time_left(self) -> bool:
        """Returns whether there is time for one more page."""
        is_first, self._has_begun = not self._has_begun, True
        return is_first or self._until_s is None or self._clock() < self._until_s


class Settler:
    """Settles the late points of one shard's trucks.

    Args:
        rules: All limits of the domain.
        log: Where trucks that can't be settled are logged.
        shard_range: Which trucks belong to the shard.
        now_ms: Wall clock, compared with the times at which points were received.
    """

    def __init__(
        self,
        shard_id: str,
        *,
        finder: PositionReaderPort,
        truck_states: TruckStates,
        committer: Committer,
        rules: TrackingRules,
        log: Logger,
        shard_range: ShardRange = ANY_KEY,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._shard_id = shard_id
        self._finder = finder
        self._truck_states = truck_states
        self._committer = committer
        self._rules = rules
        self._log = log
        self._shard_range = shard_range
        self._clock = clock
        self._now_ms = now_ms
        self._due_s: dict[str, float] = {}
        self._slow: dict[str, Iterator[tuple[Refold, list[Fix], int] | None]] = {}
        self._paged: set[str] = set()
        """Trucks of which one search did not find enough: it is not tried again."""
        self._greedy_until_s: dict[str, float] = {}
        self._has_looked = False
        self._next_pass_s = 0.0

    def note(self, states: Iterable[TruckState]) -> None:
        """Records which of these trucks are to be settled, and when."""
        now_s = self._clock()
        for state in states:
            if state.unsettled:
                greedy_until_s = self._greedy_until_s.get(state.truck_id, 0.0)
                due_s = max(now_s + PASS_EVERY_S, greedy_until_s)
                self._due_s[state.truck_id] = min(due_s, self._due_s.get(state.truck_id, due_s))
            elif state.has_moved_times:
                self._due_s[state.truck_id] = now_s + PAUSE_S
            else:
                self._drop([state.truck_id])

    def _drop(self, truck_ids: Iterable[str]) -> None:
        """Stops settling trucks that have nothing left to settle."""
        for truck_id in truck_ids:
            self._due_s.pop(truck_id, None)
            self._slow.pop(truck_id, None)
            self._paged.discard(truck_id)

    def run(self, budget: Budget, *, everything: bool = False) -> SettleReport | None:
        """Settles what is due, for at most `SLICE_S`; None when nothing is due.

        Args:
            budget: How long to wait for unavailable stores.
            everything: Whether to settle all at once, because the shard ends.

        Raises:
            RetriesExhausted: A store stayed unavailable for the whole budget.
            LeaseLost: Another process has the shard's lease.
        """
        self._find_unsettled(budget)
        report = None
        while self._due_s and (everything or self._clock() >= self._next_pass_s):
            due = [
                truck_id
                for truck_id, due_s in self._due_s.items()
                if everything or due_s <= self._clock()
            ][:TRUCKS_PER_PASS]
            if not due:
                break
            report = report or SettleReport()
            begun_s = self._clock()
            self._pass(due, report, budget, is_final=everything)
            now_s = self._clock()
            pause_s = PAUSE_SLICES * (now_s - begun_s) if self._paged else PASS_EVERY_S
            self._next_pass_s = now_s + pause_s
            if not everything:
                break
        if report is not None:
            report.waiting = len(self._due_s)
        return report

    def _find_unsettled(self, budget: Budget) -> None:
        """Loads what the previous worker left unsettled."""
        if self._has_looked:
            return
        for truck_id in self._truck_states.unsettled(budget):
            if self._shard_range.contains(truck_id):
                self._due_s.setdefault(truck_id, self._clock())
        self._has_looked = True

    def _pass(
        self, due: Sequence[str], report: SettleReport, budget: Budget, *, is_final: bool
    ) -> None:
        recalled = self._truck_states.load(due, budget)
        states = {
            truck_id: one
            for truck_id, one in recalled.items()
            # Without a window none of its points was ever folded: that must not stop other trucks.
            if one.is_unsettled and len(one.window)
        }
        self._drop(truck_id for truck_id in due if truck_id not in states)
        quick = [
            one for one in states.values() if one.unsettled and one.truck_id not in self._paged
        ]
        if any(one.unsettled for one in states.values()):
            budget.call("refresh the history", self._finder.refresh)
        segments = self._around(quick, budget)
        # Begins here: however long the search took, each pass makes progress for some truck.
        time_slice = _TimeSlice(self._clock, None if is_final else SLICE_S)
        updates: list[TruckUpdate] = []
        for truck_id, state in states.items():
            work = _Work(state)
            is_settled = self._settle(work, segments.get(truck_id, {}), time_slice, budget)
            report.fixes += work.fixes
            if work.state is not state or is_settled:
                updates.append(self._update(state, work, is_final=is_final))
            if is_settled:
                self._greedy_until_s.pop(truck_id, None)
                if work.fixes > GREEDY_FIXES:
                    self._greedy_until_s[truck_id] = self._clock() + GREEDY_EVERY_S
        updates = self._still_valid(updates, budget)
        report.trucks += len(updates)
        if updates:
            self._commit(updates, report, budget)

    def _still_valid(self, updates: list[TruckUpdate], budget: Budget) -> list[TruckUpdate]:
        """Returns the updates of trucks that were not erased while their history was read.

        An erasure writes the state before it deletes from the history. So if the state is
        unchanged, the history was read completely. Otherwise the logs would be corrected because
        erased points are missing.
        """
        if not updates:
            return []
        changed = self._truck_states.changed([one.state.truck_id for one in updates], budget)
        return [one for one in updates if one.state.truck_id not in changed]

    def _commit(self, updates: Sequence[TruckUpdate], report: SettleReport, budget: Budget) -> None:
        writes = [
            HistoryWrite(fix=one.fix, deliveries=one.deliveries, knowledge=update.state.knowledge)
            for update in updates
            for one in update.positions
        ]
        for write, reason in self._committer.write_history(writes, budget):
            self._log.error("settled_point_rejected", point_id=write.fix.point_id, reason=reason)
        position = self._committer.position or StreamPosition(0, 0)
        committed = self._committer.commit(
            updates, shard_position(self._shard_id, position), budget
        )
        report.changed += len(writes)
        report.transitions += committed.transitions
        report.nudges += committed.nudges
        if committed.void:
            states = self._truck_states.load(committed.void, budget)
            self._committer.delete_erased(states.values(), [one.fix for one in writes], budget)
        for state in committed.states:
            if not (state.unsettled or state.has_moved_times):
                self._due_s.pop(state.truck_id, None)
            elif state.has_moved_times and not state.unsettled:
                self._due_s[state.truck_id] = self._clock() + PAUSE_S

    def _update(self, before: TruckState, work: _Work, *, is_final: bool) -> TruckUpdate:
        because = work.because or before.window[-1]
        has_paused = self._now_ms() - before.last_late_ms >= PAUSE_MS
        may_move_times = has_paused or is_final
        state, deliveries = reconcile_deliveries(
            before.deliveries,
            before if work.state is before else work.state.after_settling(),
            self._rules.status,
            trigger=because,
            may_move_times=may_move_times,
        )
        return TruckUpdate(
            state=state,
            positions=tuple(indexed(fix, state.deliveries) for fix in work.changed.values()),
            latest=_latest_if_other(before, state),
            deliveries=deliveries,
            newest_new_fix=because,
            may_move_times=may_move_times,
        )

    def _settle(
        self,
        work: _Work,
        segments: Mapping[Interval, Sequence[HistoryFix]],
        time_slice: _TimeSlice,
        budget: Budget,
    ) -> bool:
        """Settles interval by interval; returns whether none is left."""
        truck_id = work.state.truck_id
        if truck_id not in self._paged:
            for interval in work.state.unsettled:
                segment = segments.get(interval)
                if segment is None or not self._quick(work, interval, segment):
                    self._paged.add(truck_id)
                    break
        while work.state.unsettled:
            if not time_slice.has_time_left():
                return False
            if truck_id not in self._slow:
                pages = self._pages(work, work.state.unsettled[0], budget)
                self._slow[truck_id] = pages
            done = next(self._slow[truck_id], None)
            if done is None:
                continue
            refold, changed, fixes = done
            del self._slow[truck_id]
            self._close(work, refold, changed, fixes)
        self._paged.discard(truck_id)
        return True

    def _quick(self, work: _Work, interval: Interval, segment: Sequence[HistoryFix]) -> bool:
        """Settles an interval with what one search found; returns whether that was enough."""
        window = work.state.window
        stored = _stored(work.state, segment, work.changed)
        before = [one for one in stored if not work.state.contains(one.fix)]
        to_ms = interval.to_ms + _margin_ms(work.state, AFTER_FIXES)
        reaches_window = to_ms >= window[0].event_at_ms
        try:
            refold = Refold(work.state, interval, before, self._rules, is_from_start=False)
        except EarlierFixesNeededError:
            return False
        changed = refold.begin()
        if not (refold.is_done or reaches_window):
            return False
        self._close(work, refold, changed, len(segment))
        return True

    def _close(self, work: _Work, refold: Refold, changed: Iterable[Fix], fixes: int) -> None:
        settled = refold.close(work.state)
        work.state = settled.state
        work.changed.update((fix.point_id, fix) for fix in (*changed, *settled.changed))
        work.because = refold.trigger or work.because
        work.fixes += fixes

    def _around(
        self, states: Sequence[TruckState], budget: Budget
    ) -> dict[str, dict[Interval, list[HistoryFix]]]:
        requested = {
            state.truck_id: [_around(state, interval) for interval in state.unsettled]
            for state in states
        }
        # Long intervals are read page by page in any case: others would not fit beside them.
        around = [
            one
            for some in requested.values()
            for one in some
            if one.to_ms - one.from_ms <= QUICK_MS
        ]
        if not around:
            return {}
        found = budget.call("read around late points", lambda: self._finder.around(around))
        around_ids = frozenset(around)
        return {
            state.truck_id: {
                interval: [
                    fix
                    for fix in found[state.truck_id]
                    if one.from_ms <= fix.fix.event_at_ms <= one.to_ms
                ]
                for interval, one in zip(state.unsettled, requested[state.truck_id], strict=True)
                if one in around_ids
            }
            for state in states
            if state.truck_id in found
        }

    def _pages(
        self, work: _Work, interval: Interval, budget: Budget
    ) -> Iterator[tuple[Refold, list[Fix], int] | None]:
        """Reads page by page; yields None in between, and the result at the end."""
        state = work.state
        # What this pass derived again is written only at its end: in the window it may change.
        changed_before = {
            identity: fix for identity, fix in work.changed.items() if not state.contains(fix)
        }
        truck_id, limit = state.truck_id, LEAD_FIXES
        while True:
            lead_of = self._finder.before
            lead = budget.call(
                "read before late points",
                lambda: lead_of(truck_id, interval.from_ms, limit),  # noqa: B023 - called at once
            )
            is_from_start = len(lead) < limit or limit >= MAX_FIXES
            if not is_from_start:  # some fixes of the moment where it was cut may be missing
                cut_ms = min(one.fix.event_at_ms for one in lead)
                lead = [one for one in lead if one.fix.event_at_ms > cut_ms]
            stored = _stored(state, lead, changed_before)
            try:
                refold = Refold(state, interval, stored, self._rules, is_from_start=is_from_start)
                break
            except EarlierFixesNeededError:
                limit *= 4
                yield None
        changed = refold.begin()
        # Continues after the last folded fix: by now, later ones may have left the truck's window.
        folded = [one.fix.order for one in stored if not state.contains(one.fix)]
        order = folded[-1] if folded else (0, "")
        from_ms = order[0] if folded else min(interval.from_ms, state.window[0].event_at_ms)
        fixes, is_last = len(lead), False
        while not refold.is_done and fixes < MAX_FIXES:
            page = budget.call(
                "read late points",
                lambda: self._finder.after(truck_id, from_ms, PAGE_FIXES),  # noqa: B023
            )
            now = self._truck_states.load([truck_id], budget).get(truck_id, state)
            is_last = len(page) < PAGE_FIXES or page[-1].fix.order >= now.window[0].order
            last_ms = page[-1].fix.event_at_ms if page else from_ms
            if not is_last and last_ms > from_ms:
                # The next page begins with all fixes of the moment that this one may cut.
                page = [one for one in page if one.fix.event_at_ms < last_ms]
            new = [
                one
                for one in _stored(now, page, changed_before)
                if one.fix.order > order and not now.contains(one.fix)
            ]
            changed += refold.fold(new)
            fixes += len(new)
            if is_last:
                break
            # One moment has more fixes than fit in a page, which only a fault can produce.
            from_ms = last_ms if last_ms > from_ms else last_ms + 1
            order = new[-1].fix.order if new else order
            yield None
        if not (refold.is_done or is_last):
            refold.cut_off()
            self._log.error("settling_cut_off", truck_id=truck_id, fixes=fixes)
        yield refold, changed, fixes


def _latest_if_other(before: TruckState, after: TruckState) -> LatestPosition | None:
    """Returns the latest position if it changed: its remaining distances depend on statuses."""
    old, new = latest_of(before), latest_of(after)
    if old is None or new is None:
        return new
    return None if msgspec.structs.replace(new, revision=old.revision) == old else new


def _margin_ms(state: TruckState, fixes: int) -> int:
    window = state.window
    if len(window) < 2:
        return MAX_MARGIN_MS
    between_ms = (window[-1].event_at_ms - window[0].event_at_ms) // (len(window) - 1)
    return min(max(fixes * between_ms, MIN_MARGIN_MS), MAX_MARGIN_MS)


def _around(state: TruckState, interval: Interval) -> HistoryInterval:
    return HistoryInterval(
        truck_id=state.truck_id,
        from_ms=interval.from_ms - _margin_ms(state, BEFORE_FIXES),
        to_ms=interval.to_ms + _margin_ms(state, AFTER_FIXES),
    )


def _stored(
    state: TruckState, found: Sequence[HistoryFix], changed: Mapping[str, Fix]
) -> list[StoredFix]:
    """Returns the fixes that have been folded and not erased, each once, in order.

    Args:
        state: The truck's state.
        found: Fixes of the history; those in two intervals may be there twice.
        changed: Fixes that were derived again since the history was read, by id.
    """
    distinct = {
        one.fix.order: one
        for one in found
        if one.fix.n <= state.last_ordinal
        and not one.beyond
        and one.fix.received_at_ms > state.erased_before_ms
    }
    return [
        StoredFix(changed[one.fix.point_id])
        if one.fix.point_id in changed
        else StoredFix(one.fix, is_settled=PROVISIONAL < one.version <= state.knowledge)
        for _, one in sorted(distinct.items())
    ]
