"""Folding a batch of one truck's points into its memory: pure, and the same however they come.

Points are taken record by record, as they lie in the stream, so that the log of a delivery does
not depend on how the stream was cut into batches; within a record they are ordered by time.

Limits: a point earlier than everything in the window is indexed (enriched as far as possible) but
no longer moves a delivery's status. How late a point may be is so the length of the window.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from rtdts.tracking.deliveries import OpenMatch, Status
from rtdts.tracking.delivery_memory import (
    DeliveryPlan,
    DeliveryUpdate,
    believe,
    fold_on,
    forget,
    progress_at,
    refold,
    remember,
)
from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, LatestPosition, fix_of
from rtdts.tracking.positions import DeliveryProgress, Point
from rtdts.tracking.status_machine import StatusRules, Transition
from rtdts.tracking.truck_state import DeliveryMemory, TruckState

_CLOSE_TO_CUSTOMER = frozenset({Status.NEARBY, Status.ARRIVED})


class TrackingRules(msgspec.Struct, frozen=True, kw_only=True):
    """All limits of the domain."""

    enrichment: EnrichmentRules = EnrichmentRules()
    status: StatusRules = StatusRules()
    window_points: int = 120
    """Fixes kept of each truck: 20 minutes of one every 10 s."""


class IndexedFix(NamedTuple):
    """A fix on its way into the history."""

    fix: Fix
    deliveries: tuple[DeliveryProgress, ...] = ()
    """How far the truck's open deliveries had come with it."""


class TruckUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch made of one truck."""

    state: TruckState
    positions: tuple[IndexedFix, ...]
    """New points, and those that a late one made to be derived anew."""
    beyond_window: tuple[IndexedFix, ...]
    """New points earlier than the window."""
    latest: LatestPosition | None
    """When it changed."""
    deliveries: tuple[DeliveryUpdate, ...]
    newest_news: Fix
    """The last point of the stream that said something new: what a correction names."""
    duplicates: int

    @property
    def close_to_customer(self) -> tuple[str, ...]:
        """Deliveries whose viewers want to see this truck move."""
        return tuple(
            update.after.delivery_id
            for update in self.deliveries
            if update.after.tip.status in _CLOSE_TO_CUSTOMER
        )


def is_remembered(state: TruckState | None, match: OpenMatch) -> bool:
    """Whether a match is the one that the memory of its delivery was made from."""
    return state is not None and any(
        memory.delivery_id == match.delivery_id
        and memory.assignment == match.assignment
        and memory.match_version == match.version
        for memory in state.deliveries
    )


def fold_truck(
    truck_id: str,
    state: TruckState | None,
    records: Sequence[Sequence[Point]],
    matches: Sequence[OpenMatch],
    plans: Mapping[str, DeliveryPlan],
    rules: TrackingRules,
) -> TruckUpdate:
    """Folds a batch of points into a truck's memory.

    Args:
        truck_id: The truck.
        state: Its memory; None when it has none yet.
        records: Its points, one inner sequence a record of the stream, in the stream's order.
        matches: Its open deliveries.
        plans: By delivery, for those of the matches that are not `is_remembered`.
        rules: The limits.

    Raises:
        ValueError: There is no point.
    """
    fold = _Fold(truck_id, state, records, matches, plans, rules)
    for record in records:
        fold.take(record)
    return fold.result()


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
    ) -> None:
        points = list(itertools.chain.from_iterable(records))
        if not points:
            raise ValueError("no point to fold")
        self._rules = rules
        self._has_memory = state is not None
        self._state = state or TruckState(truck_id=truck_id)
        self._window = list(self._state.window)
        self._written = frozenset(fix.point_id for fix in self._window)
        self._known = set(self._written)
        self._changed: dict[str, Fix] = {}
        self._beyond: dict[str, Fix] = {}
        self._window_from_ms = self._state.window_from_ms
        self._last_good_gone: Fix | None = None
        self._stale_since_ms: int | None = None
        self._duplicates = 0
        self._taken = self._state.taken
        self._taken_with_newest = self._state.taken_with_newest
        self._news = self._window[-1] if self._window else fix_of(points[-1])
        self._before = {
            match.delivery_id: memory
            for match in matches
            if (memory := self._memory_of(match, plans)) is not None
        }
        self._now = dict(self._before)
        self._pending: dict[str, tuple[Transition, ...]] = dict.fromkeys(self._before, ())
        self._settle_beliefs(None)

    def take(self, record: Sequence[Point]) -> None:
        fixes = self._new_fixes(record)
        if not fixes:
            return
        self._news = fixes[-1]
        self._taken += len(fixes)
        newest_at_ms = self._window[-1].event_at_ms if self._window else None
        fixes.sort(key=lambda fix: fix.order)
        is_in_order = not self._window or fixes[0].order > self._window[-1].order
        start = len(self._window)
        if is_in_order:
            self._window += fixes
        else:
            start = bisect.bisect(self._window, fixes[0].order, key=lambda fix: fix.order)
            self._window[start:] = sorted(
                [*self._window[start:], *fixes], key=lambda fix: fix.order
            )
        if self._window[-1].event_at_ms != newest_at_ms:
            self._taken_with_newest = self._taken
        self._derive_from(start)
        rules = self._rules.status
        if is_in_order:
            self._each(lambda memory: fold_on(memory, self._window[start:], rules))
        else:
            self._each(lambda memory: refold(memory, self._window, rules))
        self._settle_beliefs({fix.point_id for fix in fixes})
        self._evict()

    def result(self) -> TruckUpdate:
        latest = self._latest()
        state = msgspec.structs.replace(
            self._state,
            window=tuple(self._window),
            window_from_ms=self._window_from_ms,
            taken=self._taken,
            taken_with_newest=self._taken_with_newest,
            latest=latest,
            deliveries=tuple(self._now.values()),
        )
        after = {memory.delivery_id: memory for memory in state.deliveries}
        return TruckUpdate(
            state=state,
            positions=tuple(IndexedFix(fix, self._progress(fix)) for fix in self._changed.values()),
            beyond_window=tuple(
                map(
                    IndexedFix,
                    enrich(
                        sorted(self._beyond.values(), key=lambda fix: fix.order),
                        self._rules.enrichment,
                    ),
                )
            ),
            latest=latest if latest != self._state.latest else None,
            deliveries=tuple(
                DeliveryUpdate(
                    before=self._before[delivery_id],
                    after=after[delivery_id],
                    pending=self._pending[delivery_id],
                )
                for delivery_id in self._before
            ),
            newest_news=self._news,
            duplicates=self._duplicates,
        )

    def _memory_of(
        self, match: OpenMatch, plans: Mapping[str, DeliveryPlan]
    ) -> DeliveryMemory | None:
        if match.delivery_id in plans:
            return remember(
                plans[match.delivery_id],
                self._window,
                self._rules.status,
                window_from_ms=self._state.window_from_ms,
                has_memory=self._has_memory,
            )
        if not is_remembered(self._state, match):
            return None
        return next(
            memory for memory in self._state.deliveries if memory.delivery_id == match.delivery_id
        )

    def _new_fixes(self, record: Sequence[Point]) -> list[Fix]:
        fixes = []
        for point in record:
            fix = fix_of(point)
            if fix.point_id in self._known or fix.point_id in self._beyond:
                self._duplicates += 1
            elif fix.event_at_ms < self._window_from_ms:
                self._beyond[fix.point_id] = fix
            else:
                self._known.add(fix.point_id)
                fixes.append(fix)
        return fixes

    def _derive_from(self, start: int) -> None:
        derived = enrich(self._window, self._rules.enrichment, start=start)
        for old, new in zip(self._window[start:], derived[start:], strict=True):
            if old != new or new.point_id not in self._written:
                self._changed[new.point_id] = new
        self._window = derived

    def _evict(self) -> None:
        """Lets go of what is too much, after each record: where a batch ends must not matter."""
        evicted = self._window[: -self._rules.window_points]
        if not evicted:
            return
        newest, bad = _last_good(self._window)
        if newest is not None and newest.order <= evicted[-1].order:
            self._last_good_gone = newest
            self._stale_since_ms = bad.event_at_ms if bad is not None else None
        self._window = self._window[len(evicted) :]
        self._window_from_ms = self._window[0].event_at_ms
        self._each(lambda memory: forget(memory, evicted, self._rules.status))

    def _each(self, change: Callable[[DeliveryMemory], DeliveryMemory]) -> None:
        self._now = {delivery_id: change(memory) for delivery_id, memory in self._now.items()}

    def _settle_beliefs(self, new_ids: Collection[str] | None) -> None:
        for delivery_id, memory in self._now.items():
            self._now[delivery_id], lacking = believe(memory, because=self._news, new_ids=new_ids)
            self._pending[delivery_id] += lacking

    def _progress(self, fix: Fix) -> tuple[DeliveryProgress, ...]:
        progress = (progress_at(memory, fix) for memory in self._now.values())
        return tuple(one for one in progress if one is not None)

    def _latest(self) -> LatestPosition | None:
        before = self._state.latest
        if not self._window:
            return before
        newest = self._window[-1]
        deliveries = self._progress(newest)
        good, bad = _last_good(self._window)
        stale_since_ms = bad.event_at_ms if bad is not None else None
        shown, shown_deliveries = good, deliveries
        if good is None and self._last_good_gone is not None:  # it has left with this batch
            shown = self._last_good_gone
            shown_deliveries = self._progress(shown)
            stale_since_ms = self._stale_since_ms
        elif good is None:  # it left the window before, and so may the first bad one have
            shown = before.shown if before else None
            shown_deliveries = before.shown_deliveries if before else ()
            if before is not None and before.stale_since_ms is not None:
                stale_since_ms = before.stale_since_ms
        elif good is not newest:
            shown_deliveries = self._progress(good)
        # Counted in points, not in batches: whoever has taken more of them must have the higher
        # revision, however his batches were cut, or what knew less stands in his way.
        late = self._taken - self._taken_with_newest
        now = LatestPosition(
            newest=newest,
            deliveries=deliveries,
            shown=shown,
            shown_deliveries=shown_deliveries,
            stale_since_ms=stale_since_ms,
            revision=late,
        )
        if before is None or before.newest.event_at_ms != newest.event_at_ms:
            return now
        if msgspec.structs.replace(now, revision=before.revision) == before:
            return before
        return msgspec.structs.replace(now, revision=max(late, before.revision + 1))


def _last_good(window: Sequence[Fix]) -> tuple[Fix | None, Fix | None]:
    """The last good fix, and the first of the bad ones after it."""
    bad = list(itertools.takewhile(lambda fix: not fix.is_good, reversed(window)))
    good = window[-len(bad) - 1] if len(bad) < len(window) else None
    return good, bad[-1] if bad else None
