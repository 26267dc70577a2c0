"""Folds a batch of one truck's points into its state: pure.

Points are folded record by record, in the order of the stream; within a record they are ordered by
time. There are three cases:

- later than all before: folded at once;
- earlier: left to `rtdts.tracking.settling`, which folds it in its place with the fixes that the
  history holds around it; until then its document is provisional;
- earlier than the horizon: stored in the history only; no rule uses it.

Each record is a request of the truck. So it also shows how slow the truck's clock is, which its
fixes keep (`rtdts.tracking.clock_lag`).
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from rtdts.tracking.clock_lag import ClockLag, as_correct, earliest_ms, lag_at, observed
from rtdts.tracking.deliveries import OpenMatch, Status
from rtdts.tracking.delivery_state import (
    DeliveryPlan,
    DeliveryUpdate,
    delivery_state_of,
    drive,
    reconcile_delivery,
)
from rtdts.tracking.enrichment import LOOKBACK_FIXES, EnrichmentRules, derive, enrich
from rtdts.tracking.fixes import Fix, IndexedFix, LatestPosition, fix_of
from rtdts.tracking.latest import indexed, last_good_and_bad, latest_of
from rtdts.tracking.positions import Clock, Point
from rtdts.tracking.status_rules import StatusRules
from rtdts.tracking.truck_state import (
    DeliveryState,
    Interval,
    TruckState,
    initial_state,
    with_interval,
)

_CLOSE_TO_CUSTOMER = frozenset({Status.NEARBY, Status.ARRIVED})

WINDOW_FIXES = LOOKBACK_FIXES
"""Fixes kept in the state, because the rules look back at them; about 70 bytes each, stored."""

DOUBTED_MS = 1_800_000
"""How long after a shifted point the history is searched for copies of a truck's points."""

_RAISED = 100
"""Added to the revision of an erased truck's next point: a worker that did not yet know of the
erasure may have shown the same point, beside one that was erased."""

PAUSE_MS = 30_000
"""Late points have paused when none came for this long: then times are corrected."""


class TrackingRules(msgspec.Struct, frozen=True, kw_only=True):
    """All limits of the domain."""

    enrichment: EnrichmentRules = EnrichmentRules()
    status: StatusRules = StatusRules()
    late_horizon_s: float = 86_400.0
    """A point that is later than this is indexed, and decides nothing."""

    @property
    def late_horizon_ms(self) -> int:
        """`late_horizon_s` in milliseconds."""
        return round(self.late_horizon_s * 1_000)


class TruckUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The change of one truck by a batch, or by a settling."""

    state: TruckState
    positions: tuple[IndexedFix, ...]
    """New points, and those that were derived again because of a late one."""
    late: tuple[IndexedFix, ...] = ()
    """New points that await their settling: their derived values are provisional."""
    beyond: tuple[IndexedFix, ...] = ()
    """New points that are later than the horizon."""
    latest: LatestPosition | None
    """Set when it changed."""
    deliveries: tuple[DeliveryUpdate, ...]
    newest_new_fix: Fix
    """The last new point of the stream, which a correction names."""
    may_move_times: bool = True
    """Whether the times of transitions may be corrected now."""
    is_rebuilt: bool = False
    """Whether the state was lost: nudges for what the log holds may never have been sent."""
    points: int = 0
    """Number of new points, in all three cases."""
    duplicates: int = 0

    @property
    def close_to_customer(self) -> tuple[str, ...]:
        """Deliveries close to their customers, whose viewers are updated more often."""
        return tuple(
            update.after.delivery_id
            for update in self.deliveries
            if update.after.tip.status in _CLOSE_TO_CUSTOMER
        )


def is_remembered(state: TruckState | None, match: OpenMatch) -> bool:
    """Returns whether the state of the match's delivery was made from this match."""
    return state is not None and any(
        delivery_state.delivery_id == match.delivery_id
        and delivery_state.assignment == match.assignment
        and delivery_state.match_version == match.version
        for delivery_state in state.deliveries
    )


def unfolded_interval(delivery_state: DeliveryState, state: TruckState) -> Interval | None:
    """Returns where a machine that begins at its anchor misses fixes that have left the window."""
    if not state.has_left or not state.window:
        return None
    first_ms = state.window[0].event_at_ms
    from_ms = earliest_ms(state.clock, delivery_state.anchor.from_ms)
    if from_ms >= first_ms:
        return None
    return Interval(from_ms, first_ms)


def fold_truck(
    truck_id: str,
    state: TruckState | None,
    records: Sequence[Sequence[Point]],
    matches: Sequence[OpenMatch],
    plans: Mapping[str, DeliveryPlan],
    rules: TrackingRules,
    *,
    last_known: Sequence[Fix] = (),
    first_ordinal: int = 0,
    rejected_ids: Collection[str] = (),
) -> TruckUpdate:
    """Folds a batch of points into a truck's state.

    Args:
        truck_id: The truck.
        state: Its state; None when it has none yet.
        records: Its points, one inner sequence per record of the stream, in the stream's order,
            without copies of what the history holds before the window.
        matches: Its open deliveries.
        plans: By delivery, for those of the matches that are not `is_remembered`.
        rules: The limits.
        last_known: The truck's last `WINDOW_FIXES` fixes in the history, in order, if the history
            has fixes but the truck has no state: the state was lost, and is rebuilt.
        first_ordinal: First ordinal of a truck without a state: above all ordinals that it may have
            had before.
        rejected_ids: Ids of points that the history rejected: they are left out, but take ordinals,
            so that values derived without them replace values derived with them.

    Raises:
        ValueError: There is no point.
    """
    is_single = len(records) == 1 and len(records[0]) == 1
    if state is not None and is_single and not plans and not rejected_ids:
        update = _fold_next(state, records[0][0], matches, rules)
        if update is not None:
            return update
    fold = _Fold(
        truck_id, state, records, matches, plans, rules, last_known, first_ordinal, rejected_ids
    )
    if last_known:
        fold.rebuild()
    for record in records:
        fold.apply(record)
    return fold.result()


def reconcile_deliveries(
    before: Iterable[DeliveryState],
    state: TruckState,
    rules: StatusRules,
    *,
    trigger: Fix,
    may_move_times: bool,
) -> tuple[TruckState, tuple[DeliveryUpdate, ...]]:
    """Compares the machines with the logs once; does nothing while late points are unsettled."""
    old = {delivery_state.delivery_id: delivery_state for delivery_state in before}
    if state.unsettled:
        return state, tuple(
            DeliveryUpdate(before=old[one.delivery_id], after=one) for one in state.deliveries
        )
    delivery_states, updates = [], []
    for delivery_state in state.deliveries:
        after, reconciled = reconcile_delivery(
            delivery_state, trigger=trigger, rules=rules, may_move_times=may_move_times
        )
        delivery_states.append(after)
        updates.append(
            DeliveryUpdate(
                before=old[delivery_state.delivery_id],
                after=after,
                pending=reconciled.append,
                has_moved_times=reconciled.has_moved_times,
            )
        )
    return msgspec.structs.replace(state, deliveries=tuple(delivery_states)), tuple(updates)


def _fold_next(
    state: TruckState, point: Point, matches: Sequence[OpenMatch], rules: TrackingRules
) -> TruckUpdate | None:
    """Folds one point that follows the window's, as nearly all do; returns None if it doesn't.

    The result is the same as with `_Fold`, at a third of the cost.
    """
    window = state.window
    if not window or len(matches) != len(state.deliveries):
        return None
    fix = fix_of(point, state.last_ordinal + 1)
    newest = window[-1]
    if fix.order <= newest.order or fix.clock is Clock.SHIFTED:
        return None
    if not all(is_remembered(state, match) for match in matches):
        return None
    clock = observed(
        state.clock, received_at_ms=fix.received_at_ms, recorded_at_ms=fix.recorded_at_ms
    )
    if clock is not None:
        fix = _by_clock(fix, clock)
    fix = derive(fix, window, rules.enrichment)
    before = {delivery_state.delivery_id: delivery_state for delivery_state in state.deliveries}
    pace, delivery_states = drive(
        state.pace, (before[match.delivery_id] for match in matches), fix, rules.status
    )
    last_good, stale_since_ms = state.last_good, state.stale_since_ms
    has_left = len(window) == WINDOW_FIXES
    if has_left:
        if fix.is_good:
            last_good, stale_since_ms = None, None
        else:
            last_good, stale_since_ms = _left_good(state, [*window, fix], window[1].order)
    may_move_times = fix.received_at_ms - state.last_late_ms >= PAUSE_MS
    is_later = fix.event_at_ms != newest.event_at_ms
    after = msgspec.structs.replace(
        state,
        window=window.followed_by(fix, WINDOW_FIXES),
        has_left=state.has_left or has_left,
        last_good=last_good,
        stale_since_ms=stale_since_ms,
        last_ordinal=fix.n,
        shown_from=fix.n + state.settlings if is_later else state.shown_from,
        pace=pace,
        deliveries=tuple(delivery_states),
        clock=clock,
    )
    after, deliveries = reconcile_deliveries(
        (before[match.delivery_id] for match in matches),
        after,
        rules.status,
        trigger=fix,
        may_move_times=may_move_times,
    )
    return TruckUpdate(
        state=after,
        positions=(indexed(fix, after.deliveries),),
        latest=latest_of(after),
        deliveries=deliveries,
        newest_new_fix=fix,
        may_move_times=may_move_times,
        points=1,
    )


def _by_clock(fix: Fix, clock: ClockLag | None) -> Fix:
    lag_ms = lag_at(clock, event_at_ms=fix.event_at_ms, received_at_ms=fix.received_at_ms)
    return msgspec.structs.replace(fix, clock_lag_ms=lag_ms) if lag_ms else fix


def _clock_of(last_known: Sequence[Fix]) -> ClockLag | None:
    """Estimates a truck's clock from its fixes after the state was lost; the last one decides."""
    max_lag_ms = max((fix.clock_lag_ms for fix in last_known), default=0)
    if not max_lag_ms:
        return None
    until_ms = max(fix.received_at_ms for fix in last_known)
    return ClockLag(last_known[-1].clock_lag_ms, max_lag_ms, until_ms)


def _left_good(
    state: TruckState, window: Sequence[Fix], first: tuple[int, str]
) -> tuple[Fix | None, int | None]:
    """Returns the last good fix if it has left a window, which now begins with `first`.

    Also returns when the bad ones after it began, if those have begun to leave, too.
    """
    good, bad = last_good_and_bad(window)
    if good is None:
        began_ms = None if bad is None else bad.event_at_ms
        known_ms = state.stale_since_ms
        return state.last_good, began_ms if known_ms is None else known_ms
    if good.order >= first:
        return None, None
    return good, None if bad is None else bad.event_at_ms


class _Fold:
    """The working state of one `fold_truck`."""

    def __init__(
        self,
        truck_id: str,
        state: TruckState | None,
        records: Sequence[Sequence[Point]],
        matches: Sequence[OpenMatch],
        plans: Mapping[str, DeliveryPlan],
        rules: TrackingRules,
        last_known: Sequence[Fix],
        first_ordinal: int,
        rejected_ids: Collection[str],
    ) -> None:
        if not any(records) and not last_known:
            raise ValueError("no point to fold")
        self._rules = rules
        self._rejected_ids = rejected_ids
        self._raised = _RAISED if state is not None and state.is_tombstone else 0
        self._state = state or initial_state(truck_id, first_ordinal)
        self._window = list(self._state.window or last_known)
        self._written = frozenset(fix.point_id for fix in self._window)
        self._known = set(self._written)
        self._changed: dict[str, Fix] = {}
        self._late: dict[str, Fix] = {}
        self._beyond: dict[str, Fix] = {}
        self._has_left = self._state.has_left or bool(last_known)
        self._last_good = self._state.last_good
        self._stale_since_ms = self._state.stale_since_ms
        self._unsettled = self._state.unsettled
        self._last_late_n = self._state.last_late_n
        self._last_late_ms = self._state.last_late_ms
        self._last_received_ms = max(
            (point.received_at_ms for record in records for point in record), default=0
        )
        self._doubted_until_ms = self._state.doubted_until_ms
        self._has_new_latest = False
        self._is_rebuilt = False
        self._pace = self._state.pace
        self._clock = self._state.clock or _clock_of(last_known)
        self._points = 0
        self._duplicates = 0
        self._last_ordinal = self._state.last_ordinal
        self._shown_from = self._state.shown_from
        first = next((point for record in records for point in record), None)
        self._newest_new_fix = self._window[-1] if self._window or first is None else fix_of(first)
        self._before = {
            match.delivery_id: delivery_state
            for match in matches
            if (delivery_state := self._delivery_state_of(match, plans)) is not None
        }
        self._now = dict(self._before)

    def rebuild(self) -> None:
        """Refolds everything since the oldest open anchor, because the state was lost."""
        self._is_rebuilt = True
        self._has_new_latest = True
        self._shown_from = self._last_ordinal + self._state.settlings
        first_ms, newest_ms = self._window[0].event_at_ms, self._window[-1].event_at_ms
        from_ms = min(
            (earliest_ms(self._clock, one.anchor.from_ms) for one in self._now.values()),
            default=first_ms,
        )
        from_ms = max(from_ms, newest_ms - self._rules.late_horizon_ms)
        self._unsettle(min(from_ms, first_ms), newest_ms)

    def apply(self, record: Sequence[Point]) -> None:
        fixes = self._new_fixes(record)
        if not fixes:
            return
        fixes.sort(key=lambda fix: fix.order)
        newest = self._window[-1].order if self._window else (0, "")
        start = bisect.bisect(self._window, fixes[0].order, key=lambda fix: fix.order)
        later = bisect.bisect(fixes, newest, key=lambda fix: fix.order)
        if later:  # the first ones lie among those of the window
            self._unsettle(fixes[0].event_at_ms, fixes[later - 1].event_at_ms)
            self._last_late_ms = max(self._last_late_ms, *(fix.received_at_ms for fix in fixes))
        self._window[start:] = sorted([*self._window[start:], *fixes], key=lambda fix: fix.order)
        if self._window[-1].event_at_ms != newest[0]:
            self._shown_from = self._last_ordinal + self._state.settlings - self._raised
        self._has_new_latest = True
        self._derive_from(start)
        if later < len(fixes):
            for fix in self._window[later - len(fixes) :]:
                self._pace, delivery_states = drive(
                    self._pace, self._now.values(), fix, self._rules.status
                )
                self._now = dict(zip(self._now, delivery_states, strict=True))
        self._evict()

    def result(self) -> TruckUpdate:
        may_move_times = self._last_received_ms - self._last_late_ms >= PAUSE_MS
        state = msgspec.structs.replace(
            self._state,
            window=self._state.window.replaced(self._window),
            has_left=self._has_left,
            last_good=self._last_good,
            stale_since_ms=self._stale_since_ms,
            last_ordinal=self._last_ordinal,
            shown_from=self._shown_from,
            unsettled=self._unsettled,
            last_late_n=self._last_late_n,
            last_late_ms=self._last_late_ms,
            doubted_until_ms=self._doubted_until_ms,
            pace=self._pace,
            clock=self._clock,
            deliveries=tuple(self._now.values()),
        )
        delivery_states = state.deliveries
        state, deliveries = reconcile_deliveries(
            self._before.values(),
            state,
            self._rules.status,
            trigger=self._newest_new_fix,
            may_move_times=may_move_times,
        )
        return TruckUpdate(
            state=state,
            positions=tuple(indexed(fix, delivery_states) for fix in self._changed.values()),
            late=self._provisional(self._late.values(), delivery_states),
            beyond=self._provisional(self._beyond.values(), ()),
            latest=latest_of(state) if self._has_new_latest else None,
            deliveries=deliveries,
            newest_new_fix=self._newest_new_fix,
            may_move_times=may_move_times,
            is_rebuilt=self._is_rebuilt,
            points=self._points,
            duplicates=self._duplicates,
        )

    def _provisional(
        self, fixes: Iterable[Fix], delivery_states: Sequence[DeliveryState]
    ) -> tuple[IndexedFix, ...]:
        ordered = sorted(fixes, key=lambda fix: fix.order)
        return tuple(
            indexed(fix, delivery_states) for fix in enrich(ordered, self._rules.enrichment)
        )

    def _delivery_state_of(
        self, match: OpenMatch, plans: Mapping[str, DeliveryPlan]
    ) -> DeliveryState | None:
        if match.delivery_id in plans:
            delivery_state = delivery_state_of(
                plans[match.delivery_id], self._window, self._rules.status
            )
            if (unfolded := unfolded_interval(delivery_state, self._state)) is not None:
                self._unsettle(unfolded.from_ms, unfolded.to_ms)
            return delivery_state
        if not is_remembered(self._state, match):
            return None
        return next(
            delivery_state
            for delivery_state in self._state.deliveries
            if delivery_state.delivery_id == match.delivery_id
        )

    def _new_fixes(self, record: Sequence[Point]) -> list[Fix]:
        """Returns the fixes that belong in the window; records the others as late or beyond."""
        fixes = []
        newest_ms = self._window[-1].event_at_ms if self._window else 0
        oldest = self._window[0].order if self._has_left else None
        late: list[Fix] = []
        for new in self._without_copies(record):
            fix, identity = new, new.point_id
            if self._clock is not None:
                fix = _by_clock(fix, self._clock)
            if fix.event_at_ms < newest_ms - self._rules.late_horizon_ms:
                self._beyond[identity] = fix
                continue
            self._last_ordinal += 1
            if identity in self._rejected_ids:
                self._known.add(identity)
                continue
            fix = msgspec.structs.replace(fix, n=self._last_ordinal)
            self._newest_new_fix = fix
            if oldest is not None and fix.order < oldest:
                self._late[identity] = fix
                late.append(fix)
            else:
                self._known.add(identity)
                fixes.append(fix)
        if late:
            self._apply_late(late)
        return fixes

    def _without_copies(self, record: Sequence[Point]) -> Iterable[Fix]:
        """Returns a record's new fixes, and updates what is known of the clock by them."""
        new: dict[str, Fix] = {}
        newest_ms = 0
        for point in record:
            fix = fix_of(point)
            identity = fix.point_id
            if any(identity in known for known in (self._known, self._late, self._beyond, new)):
                self._duplicates += 1
                continue
            self._points += 1
            new[identity] = fix
            if fix.clock is Clock.SHIFTED:
                until_ms = fix.received_at_ms + DOUBTED_MS
                self._doubted_until_ms = max(self._doubted_until_ms, until_ms)
            else:
                newest_ms = max(newest_ms, fix.recorded_at_ms)
        if newest_ms:
            received_at_ms = next(iter(new.values())).received_at_ms
            self._clock = observed(
                self._clock, received_at_ms=received_at_ms, recorded_at_ms=newest_ms
            )
        elif new:
            self._clock = as_correct(self._clock)
        return new.values()

    def _apply_late(self, late: Sequence[Fix]) -> None:
        times_ms = [fix.event_at_ms for fix in late]
        self._unsettle(min(times_ms), max(times_ms))
        self._last_late_ms = max(self._last_late_ms, *(fix.received_at_ms for fix in late))
        # Late points change nothing that is shown before they are settled.
        self._shown_from += len(late)

    def _unsettle(self, from_ms: int, to_ms: int) -> None:
        self._unsettled = with_interval(self._unsettled, from_ms, to_ms)
        self._last_late_n = self._last_ordinal

    def _derive_from(self, start: int) -> None:
        derived = enrich(self._window, self._rules.enrichment, start=start)
        for old, new in zip(self._window[start:], derived[start:], strict=True):
            if old != new or new.point_id not in self._written:
                self._changed[new.point_id] = new
        self._window = derived

    def _evict(self) -> None:
        """Shrinks the window after each record, so that the result is independent of batch ends."""
        evicted = self._window[:-WINDOW_FIXES]
        if not evicted:
            return
        first = self._window[len(evicted)].order
        known = msgspec.structs.replace(
            self._state, last_good=self._last_good, stale_since_ms=self._stale_since_ms
        )
        self._last_good, self._stale_since_ms = _left_good(known, self._window, first)
        self._window = self._window[len(evicted) :]
        self._has_left = True
