"""A truck's state, from which the consumer continues: the document of ``truck-state``."""

from __future__ import annotations

import itertools

import msgspec

from rtdts.tracking.clock_lag import ClockLag
from rtdts.tracking.deliveries import Place, PlannedRoute, Promise
from rtdts.tracking.delivery_log import Anchor
from rtdts.tracking.eta import EtaBaseline, TruckPace
from rtdts.tracking.fixes import Fix
from rtdts.tracking.status_machine import StatusMachine, Transition
from rtdts.tracking.stream_position import StreamPosition
from rtdts.tracking.window import Window


class Interval(msgspec.Struct, frozen=True, array_like=True):
    """A closed interval of ``event_at``."""

    from_ms: int
    to_ms: int


class DeliveryState(msgspec.Struct, frozen=True, kw_only=True):
    """One open delivery's machine."""

    delivery_id: str
    assignment: int
    assigned_at_ms: int
    match_version: int
    """Version of the match with which `anchor` was read: with another one the log is read again."""
    origin: Place
    destination: Place
    anchor: Anchor
    tip: StatusMachine
    """The machine after all fixes except the unsettled ones."""
    in_log: tuple[Transition, ...] = ()
    """The rules' transitions in force by the log, as far as this state knows."""
    log_length: int = 0
    """Events after the anchor that `in_log` accounts for."""
    eta: EtaBaseline | None = None
    """The truck's values when the cargo got under way; not used in settling."""
    promise: Promise = Promise()
    """The delivery's promise; no rule uses it."""

    @property
    def version(self) -> int:
        """The version of the log that this state accounts for."""
        return self.anchor.version + self.log_length

    @property
    def plan(self) -> PlannedRoute:
        """Its origin and destination."""
        return PlannedRoute(origin=self.origin, destination=self.destination)


_SETTLING = 1 << 24

ERASURE = "erasure"
"""The writer of tombstones: no worker has this name."""


class TruckState(msgspec.Struct, frozen=True, kw_only=True):
    """The data that the consumer needs to continue with a truck; the history holds the rest."""

    truck_id: str
    writer_id: str = ""
    """The process that wrote the state: only this process may continue from it."""
    applied: dict[str, tuple[str, int]] = {}
    """Last applied sequence and sub-sequence number, by shard (text: it exceeds 64 bits)."""
    last_ordinal: int = 0
    """The ordinal of the truck's last point. The same records give the same ordinals, wherever
    batches end and workers crash."""
    settlings: int = 0
    """How often late points were settled."""
    shown_from: int = 0
    """The sum of `last_ordinal` and `settlings` when the newest point came; late points that await
    their settling do not count."""
    window: Window
    """The last fixes, by `Fix.order`: the ones that the rules look back at."""
    has_left: bool = False
    """Whether fixes have left the window: then a fix before it is late."""
    last_good: Fix | None = None
    """The last good fix when the window has none."""
    stale_since_ms: int | None = None
    """``event_at`` of the first bad fix after `last_good`, when it has left the window."""
    doubted_until_ms: int = 0
    """Points received up to then may be copies with another stamp: the clock was wrong."""
    unsettled: tuple[Interval, ...] = ()
    """Intervals of late points that the machines have not folded yet, by time, disjoint."""
    last_late_n: int = 0
    """The ordinal of the last point that left something unsettled."""
    last_late_ms: int = 0
    """``received_at`` of the last late or out-of-order point."""
    has_moved_times: bool = False
    """Whether a corrected time waits until late points have paused."""
    pace: TruckPace | None = None
    """How far and how fast the truck drove, in order; not used in settling."""
    deliveries: tuple[DeliveryState, ...] = ()
    erased_before_ms: int = 0
    """Points received up to then were erased: any of them that returns is dropped."""
    clock: ClockLag | None = None
    """How slow the truck's clock is, by its requests in the stream's order; None: it was never
    slow. Not used in settling, because a fix keeps the value of its own time."""

    @property
    def is_tombstone(self) -> bool:
        """Whether the truck was erased, and no point has been accepted since."""
        return self.writer_id == ERASURE

    @property
    def is_unsettled(self) -> bool:
        """Whether there is something to settle, now or once late points have paused."""
        return bool(self.unsettled) or self.has_moved_times

    @property
    def knowledge(self) -> int:
        """The version of what is derived with this state: grows with points, and with settlings.

        A settling counts for more than any number of points that may come until the next one. So a
        write of a settling that was lost in a crash is never taken for up to date.
        """
        return self.last_ordinal + self.settlings * _SETTLING

    @property
    def revision(self) -> int:
        """How often what is shown may have changed since the newest point came."""
        return self.last_ordinal + self.settlings - self.shown_from

    def after_settling(self) -> TruckState:
        """Returns the state after one more settling, of any number of intervals.

        A settling that is repeated after a crash may find fewer intervals: its version must not be
        lower than that of the lost one.
        """
        return msgspec.structs.replace(self, settlings=self.settlings + 1)

    def applied_in(self, shard_id: str) -> StreamPosition | None:
        """Returns the last record of a shard that this state includes."""
        position = self.applied.get(shard_id)
        return None if position is None else StreamPosition(int(position[0]), position[1])

    def contains(self, fix: Fix) -> bool:
        """Returns whether a fix lies in the window, by its time."""
        return bool(self.window) and fix.order >= self.window[0].order

    def is_late(self, order: tuple[int, str]) -> bool:
        """Returns whether a fix belongs before the window, where only the history holds fixes."""
        return self.has_left and bool(self.window) and order < self.window[0].order


ORDINALS_PER_MS = 256
"""First ordinal of a truck without a state, per millisecond of the wall clock: it grows faster than
any truck's points arrive."""
_ORDINALS_PER_SETTLING = 128 * ORDINALS_PER_MS
"""A truck is settled less often than this: every 128 ms."""


def initial_state(truck_id: str, first_ordinal: int) -> TruckState:
    """Returns the state of a truck that has none.

    Args:
        truck_id: The truck.
        first_ordinal: Above all ordinals of an earlier state that may have been lost: the wall
            clock, by `ORDINALS_PER_MS`. So versions are higher than with that state, too.
    """
    settlings = first_ordinal // _ORDINALS_PER_SETTLING
    return TruckState(
        truck_id=truck_id,
        window=Window(truck_id),
        last_ordinal=first_ordinal,
        settlings=settlings,
        shown_from=first_ordinal + settlings,
    )


def tombstone(truck_id: str, before: TruckState | None, erased_before_ms: int) -> TruckState:
    """Returns what is kept of an erased truck's state: counters, and the time of the erasure.

    The counters are kept so that later derived values have a higher version than any write of a
    worker that does not know of the erasure yet.

    Args:
        truck_id: The truck.
        before: Its state; None when it has none, or an unreadable one.
        erased_before_ms: Points received up to then are erased.
    """
    kept = before or initial_state(truck_id, erased_before_ms * ORDINALS_PER_MS)
    settlings = kept.settlings + 1
    return TruckState(
        truck_id=truck_id,
        writer_id=ERASURE,
        window=Window(truck_id),
        applied=kept.applied,
        last_ordinal=kept.last_ordinal,
        settlings=settlings,
        shown_from=kept.last_ordinal + settlings,
        erased_before_ms=max(erased_before_ms, kept.erased_before_ms),
    )


MERGED_MS = 600_000
"""Unsettled intervals closer than this are merged: about what settling reads around each."""
MAX_INTERVALS = 8


def with_interval(
    intervals: tuple[Interval, ...], from_ms: int, to_ms: int
) -> tuple[Interval, ...]:
    """Adds an interval; neighbours are merged, and so are the closest where there are too many."""
    merged: list[Interval] = []
    for one in sorted((*intervals, Interval(from_ms, to_ms)), key=lambda each: each.from_ms):
        if merged and one.from_ms - merged[-1].to_ms <= MERGED_MS:
            merged[-1] = Interval(merged[-1].from_ms, max(merged[-1].to_ms, one.to_ms))
        else:
            merged.append(one)
    while len(merged) > MAX_INTERVALS:
        gaps = [later.from_ms - earlier.to_ms for earlier, later in itertools.pairwise(merged)]
        at = gaps.index(min(gaps))
        merged[at : at + 2] = [Interval(merged[at].from_ms, merged[at + 1].to_ms)]
    return tuple(merged)
