"""Settling: folding late points in their place, with the fixes that the history holds around them.

A late point is in the history, with a provisional document, and in an interval of its truck's
`unsettled`. A `Refold` processes the fixes around one interval, in order:

1. It begins at a **reset point** before the interval: a good fix after which a delivery's machine
   has no state except its status, and that status follows from the log's transitions. (Or at a
   delivery's anchor, or where the history begins.)
2. It derives the fixes and steps the machines from there on, including the late ones.
3. It ends where nothing differs any more: the derived fixes equal the stored ones, and each machine
   again has no state except its status, which equals the log's. Or it ends in the truck's window.

So its cost grows with what the late points change, not with how late they are. The result is the
same as folding everything in order (`bench.truth.timeline`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from rtdts.tracking.clock_lag import earliest_ms
from rtdts.tracking.delivery_log import Anchor
from rtdts.tracking.enrichment import LOOKBACK_FIXES, derive
from rtdts.tracking.fixes import Fix
from rtdts.tracking.latest import last_good_and_bad
from rtdts.tracking.status_machine import (
    StatusMachine,
    Transition,
    initial_machine,
    is_reset_point,
    step,
)
from rtdts.tracking.truck_fold import TrackingRules
from rtdts.tracking.truck_state import DeliveryState, Interval, TruckState


class StoredFix(msgspec.Struct, frozen=True):
    """A fix of the history."""

    fix: Fix
    is_settled: bool = True
    """Whether its derived values are what the settled points give. False for a late point that
    awaits its settling, and for a fix written by a worker that crashed before it stored the
    state."""


class EarlierFixesNeededError(Exception):
    """The fixes do not reach back to a place where folding can begin."""


class SettlingResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a settling."""

    state: TruckState
    """The state without the interval."""
    changed: tuple[Fix, ...]
    """Fixes of the window whose documents must be written again."""


class Refold:
    """Folds one interval of a truck's track again.

    Args:
        lead: Fixes of the history before the interval, in order, at least up to its start.
        is_from_start: Whether the history has nothing earlier.

    Raises:
        EarlierFixesNeededError: Folding can't begin anywhere in `lead`.
    """

    def __init__(
        self,
        state: TruckState,
        interval: Interval,
        lead: Sequence[StoredFix],
        rules: TrackingRules,
        *,
        is_from_start: bool,
    ) -> None:
        self._rules = rules
        self._interval = interval
        self._last_late_n = state.last_late_n
        self._erased_before_ms = state.erased_before_ms
        self._anchors = {one.delivery_id: one.anchor for one in state.deliveries}
        self._plans = {one.delivery_id: one.plan for one in state.deliveries}
        self._earliest_ms = {
            one.delivery_id: earliest_ms(state.clock, one.anchor.from_ms)
            for one in state.deliveries
        }
        """Per delivery: the time before which no fix counts."""
        before_window = [one for one in lead if not state.contains(one.fix)]
        begin = _first_to_derive(interval, before_window, is_from_start=is_from_start)
        at = {one.fix.point_id: n for n, one in enumerate(before_window)}
        begins: dict[str, int] = {}
        self._machines: dict[str, StatusMachine] = {}
        self._places: dict[str, list[int]] = {}
        """Per delivery: the indexes of the fixes of its transitions in force."""
        self._awaited: dict[str, list[tuple[str, int]]] = {}
        for delivery_state in state.deliveries:
            delivery_id, in_force = delivery_state.delivery_id, delivery_state.tip.transitions
            places = self._placed(delivery_id, in_force, at, before_window)
            first, is_reset = self._begin_of(
                delivery_state, places, before_window, begin, is_from_start
            )
            begins[delivery_id], self._places[delivery_id] = first, places
            kept = in_force[: sum(place < first for place in places)] if is_reset else ()
            anchor = delivery_state.anchor
            self._machines[delivery_id] = (
                StatusMachine(kept[-1].status if kept else anchor.status, kept)
                if is_reset
                else initial_machine(anchor.status, anchor.cause)
            )
        self._statuses = {
            delivery_state.delivery_id: [
                delivery_state.anchor.status,
                *(one.status for one in delivery_state.tip.transitions),
            ]
            for delivery_state in state.deliveries
        }
        self._begins = begins
        self._agreed: dict[str, int] = {}
        """Per delivery that needs no further folding: the number of passed transitions in force."""
        self._passed = 0
        self._alike = 0
        self._context: list[Fix] = []
        self._good: Fix | None = None
        self._bad: Fix | None = None
        self._found_bad: set[str] = set()
        self._last_late: Fix | None = None
        self._is_cut_off = False
        first = min((begin, *begins.values()))
        self._derives_from = begin
        self._context = [one.fix for one in before_window[max(0, first - LOOKBACK_FIXES) : first]]
        self._passed = first
        self._lead = before_window[first:]

    @property
    def is_done(self) -> bool:
        """Whether nothing after the fixes so far differs."""
        is_all_agreed = len(self._agreed) == len(self._machines)
        return self._alike >= LOOKBACK_FIXES and is_all_agreed

    @property
    def trigger(self) -> Fix | None:
        """The last of the late points, which a correction names."""
        return self._last_late

    def begin(self) -> list[Fix]:
        """Folds the lead; returns the fixes that changed."""
        return self.fold(self._lead)

    def fold(self, fixes: Sequence[StoredFix]) -> list[Fix]:
        """Folds the next fixes of the history; returns those that changed.

        Args:
            fixes: In order, without a gap after those before, none of them in the window.
        """
        changed = []
        for stored in fixes:
            if self.is_done:
                break
            for delivery_id, n in self._awaited.pop(stored.fix.point_id, ()):
                self._places[delivery_id][n] = self._passed
            fix, differs = self._derived(stored)
            if differs:
                changed.append(fix)
            self._step(fix)
            self._note_good(fix)
            self._passed += 1
            self._compare(fix)
        return changed

    def cut_off(self) -> None:
        """Records that the next fixes will not be folded, though they may differ.

        Nothing is known of what lies between here and the window: the window stays as it is, and so
        do the transitions of each delivery that does not agree yet.
        """
        self._is_cut_off = True

    def close(self, state: TruckState) -> SettlingResult:
        """Returns the state with the interval settled.

        Args:
            state: The truck's current state: later points may have been folded since the start.
        """
        window: list[Fix] = list(state.window)
        changed: list[Fix] = []
        is_done = self.is_done or self._is_cut_off
        if not is_done:
            window, changed = self._derived_window(state)
        delivery_states = [
            self._remembered(delivery_state, window) for delivery_state in state.deliveries
        ]
        good, stale_since_ms = (state.last_good, state.stale_since_ms)
        if not is_done and not any(fix.is_good for fix in window):
            good, stale_since_ms = self._last_good(state, window)
        after = msgspec.structs.replace(
            state,
            window=state.window.replaced(window),
            last_good=good,
            stale_since_ms=stale_since_ms,
            unsettled=self._left(state),
            deliveries=tuple(delivery_states),
        )
        return SettlingResult(state=after, changed=tuple(changed))

    def _left(self, state: TruckState) -> tuple[Interval, ...]:
        """Returns the intervals that are still unsettled."""
        if {one.delivery_id: one.anchor for one in state.deliveries} != self._anchors:
            # A delivery is new, or was declared again, since the start: it was not folded here.
            return state.unsettled
        if state.last_late_n != self._last_late_n:
            # Late points have arrived since the start, perhaps for a time that was folded by then.
            return state.unsettled
        return tuple(one for one in state.unsettled if not _covers(self._interval, one))

    def _placed(
        self,
        delivery_id: str,
        in_force: Sequence[Transition],
        at: Mapping[str, int],
        fixes: Sequence[StoredFix],
    ) -> list[int]:
        """Returns the index of each transition's fix; it may be before all, or awaited."""
        places = []
        for n, one in enumerate(in_force):
            place = at.get(one.point_id or "")
            if place is None:
                # A transition based on erased points stays as the log has it.
                is_before = one.effective_at_ms <= self._erased_before_ms or (
                    bool(fixes) and one.effective_at_ms < fixes[0].fix.event_at_ms
                )
                place = _BEFORE if is_before else _AFTER
                if not is_before and one.point_id is not None:
                    self._awaited.setdefault(one.point_id, []).append((delivery_id, n))
            places.append(place)
        return places

    def _begin_of(
        self,
        delivery_state: DeliveryState,
        places: Sequence[int],
        fixes: Sequence[StoredFix],
        begin: int,
        is_from_start: bool,
    ) -> tuple[int, bool]:
        """Returns the index of the first fix to step the machine with, and its status's source.

        The source is True for the status in force there, after a reset point or where points
        were erased, and False for the status of the delivery's anchor.

        Raises:
            EarlierFixesNeededError: No reset point is among the fixes, and the history has more.
        """
        rules, plan, in_force = (
            self._rules.status,
            delivery_state.plan,
            delivery_state.tip.transitions,
        )
        is_erased = self._erased_before_ms > 0 and _BEFORE in places
        earliest = self._earliest_ms[delivery_state.delivery_id]
        for place in range(begin - 1, -1, -1):
            fix = fixes[place].fix
            if fix.event_at_ms < earliest:
                return place + 1, is_erased
            if (
                not fixes[place].is_settled
                or place in places
                or not _counts(fix, delivery_state.anchor)
            ):
                continue
            passed = sum(at < place for at in places)
            status = in_force[passed - 1].status if passed else delivery_state.anchor.status
            if is_reset_point(status, fix, plan, rules):
                return place + 1, True
        if is_from_start or self._interval.from_ms <= earliest:
            return 0, is_erased
        raise EarlierFixesNeededError

    def _derived(self, stored: StoredFix) -> tuple[Fix, bool]:
        """Returns the fix derived again, and whether its document must be written."""
        if self._passed < self._derives_from or (
            stored.is_settled and self._alike >= LOOKBACK_FIXES and self._is_after_interval(stored)
        ):
            fix, differs = stored.fix, False
        else:
            fix = derive(stored.fix, self._context, self._rules.enrichment)
            differs = fix != stored.fix or not stored.is_settled
        if not stored.is_settled:
            self._last_late = stored.fix
        is_alike = stored.is_settled and not differs and self._passed >= self._derives_from
        self._alike = self._alike + 1 if is_alike and self._is_after_interval(stored) else 0
        self._context = [*self._context[-LOOKBACK_FIXES + 1 :], fix]
        return fix, differs

    def _is_after_interval(self, stored: StoredFix) -> bool:
        return stored.fix.event_at_ms > self._interval.to_ms

    def _step(self, fix: Fix) -> None:
        for delivery_id, machine in self._machines.items():
            if delivery_id in self._agreed or self._passed < self._begins[delivery_id]:
                continue
            if _counts(fix, self._anchors[delivery_id]):
                plan = self._plans[delivery_id]
                self._machines[delivery_id] = step(machine, fix, plan, self._rules.status)

    def _compare(self, fix: Fix) -> None:
        if self._alike < LOOKBACK_FIXES:
            return
        for delivery_id, machine in self._machines.items():
            if delivery_id in self._agreed:
                continue
            is_begun = fix.event_at_ms >= self._earliest_ms[delivery_id]
            if is_begun and not _counts(fix, self._anchors[delivery_id]):
                continue  # a fix of a correct clock among those of a slow one
            passed = sum(place < self._passed for place in self._places[delivery_id])
            status = self._statuses[delivery_id][passed]
            plan = self._plans[delivery_id]
            if machine.status is status and is_reset_point(status, fix, plan, self._rules.status):
                self._agreed[delivery_id] = passed

    def _derived_window(self, state: TruckState) -> tuple[list[Fix], list[Fix]]:
        window, changed, context = [], [], self._context
        for old in state.window:
            new = derive(old, context, self._rules.enrichment)
            context = [*context[-LOOKBACK_FIXES + 1 :], new]
            window.append(new)
            if new != old:
                changed.append(new)
        return window, changed

    def _remembered(self, delivery_state: DeliveryState, window: Sequence[Fix]) -> DeliveryState:
        machine = self._machines.get(delivery_state.delivery_id)
        if machine is None or self._anchors[delivery_state.delivery_id] != delivery_state.anchor:
            # new, or declared again, since the start: it has an interval of its own
            return delivery_state
        agreed = self._agreed.get(delivery_state.delivery_id)
        if agreed is not None:
            return msgspec.structs.replace(
                delivery_state, tip=_spliced(delivery_state.tip, machine, agreed)
            )
        if self._is_cut_off:
            return delivery_state
        tip = machine
        for fix in window:
            if _counts(fix, delivery_state.anchor):
                tip = step(tip, fix, delivery_state.plan, self._rules.status)
        return msgspec.structs.replace(delivery_state, tip=tip)

    def _note_good(self, fix: Fix) -> None:
        if fix.is_good:
            self._good, self._bad = fix, None
        else:
            self._bad = self._bad or fix
            self._found_bad.add(fix.point_id)

    def _last_good(self, state: TruckState, window: Sequence[Fix]) -> tuple[Fix | None, int | None]:
        """Returns the last good fix before the window, and when the bad ones after it began."""
        known = state.last_good
        if known is not None and known.point_id in self._found_bad:
            known = None
        if self._good is None or (known is not None and known.order >= self._good.order):
            return known, state.stale_since_ms
        if self._bad is not None:
            return self._good, self._bad.event_at_ms
        _, bad = last_good_and_bad(window)
        return self._good, None if bad is None else bad.event_at_ms


_BEFORE, _AFTER = -1, 1 << 60


def _first_to_derive(interval: Interval, fixes: Sequence[StoredFix], *, is_from_start: bool) -> int:
    """Returns the index of the first fix to derive again, with enough settled ones before it.

    Raises:
        EarlierFixesNeededError: There are too few settled ones, and the history has more.
    """
    begin = next(
        (n for n, one in enumerate(fixes) if one.fix.event_at_ms >= interval.from_ms), len(fixes)
    )
    while True:
        context = range(max(0, begin - LOOKBACK_FIXES), begin)
        unsettled = next((n for n in context if not fixes[n].is_settled), None)
        if unsettled is None:
            break
        begin = unsettled
    if begin < LOOKBACK_FIXES and not is_from_start:
        raise EarlierFixesNeededError
    return begin


def _counts(fix: Fix, anchor: Anchor) -> bool:
    return fix.counts_at_ms >= anchor.from_ms


def _covers(settled: Interval, other: Interval) -> bool:
    return settled.from_ms <= other.from_ms and other.to_ms <= settled.to_ms


def _spliced(old: StatusMachine, refolded: StatusMachine, passed: int) -> StatusMachine:
    """Returns the old machine with its transitions replaced up to where the two agree."""
    return msgspec.structs.replace(
        old, transitions=(*refolded.transitions, *old.transitions[passed:])
    )
