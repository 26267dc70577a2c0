"""Processes one batch of a shard: from records to durable results.

The order is the guarantee:

1. records that can't be indexed are parked; the history and the deliveries' transitions are durable
2. then ``truck-latest``: nothing is shown that is missing from the history
3. then the nudges: no broadcaster reads before the data is there
4. then ``truck-state``, which records that all this is done
5. and only then may the caller checkpoint

If any step fails, the same records are delivered again; every step may be repeated. Settling late
points (`consumer.settling`) writes in the same order.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from consumer.arrivals import (
    Arrival,
    Fault,
    StreamRecord,
    by_stream_record,
    decode_batch,
    doubtful_points,
    not_applied,
    not_erased,
    without_duplicates,
)
from consumer.committing import Committer, Stores
from consumer.match_cache import MatchCache
from consumer.point_steps import point_steps
from consumer.quota import QuotaEnforcer
from consumer.retrying import Budget, RetryPolicy
from consumer.settling import Settler, SettleReport
from consumer.truck_states import TruckStates
from consumer.writing import history_writes
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.parking import stream_record_name
from rtdts.telemetry_stream.shard_range import ANY_KEY, ShardRange
from rtdts.tracking.clock_lag import is_slow
from rtdts.tracking.deliveries import OpenMatch
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.instants import MS_PER_DAY
from rtdts.tracking.stream_position import StreamPosition, shard_position
from rtdts.tracking.truck_fold import WINDOW_FIXES, TrackingRules, TruckUpdate, fold_truck
from rtdts.tracking.truck_state import ORDINALS_PER_MS, TruckState

CLOCKS_APART_MS = 60_000
"""The stream's clock and ours differ by less than this."""


@dataclasses.dataclass(kw_only=True)
class BatchReport:
    """The result of a batch; one line of the log."""

    records: int = 0
    trucks: int = 0
    points: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Records that had been applied before."""
    erased: int = 0
    """Points received before their truck was erased: dropped."""
    late: int = 0
    """Points earlier than their truck's window: indexed, and settled soon."""
    beyond: int = 0
    """Points later than the horizon: indexed, but not used for any status."""
    parked: int = 0
    transitions: int = 0
    nudges: int = 0
    slow_clocks: int = 0
    """Trucks whose clocks are known to be slow."""


class BatchPipeline:
    """Processes the batches of one shard.

    Args:
        matches: Reads which deliveries the trucks carry.
        committer: Writes the results of a batch or a settling.
        settler: Settles late points between batches.
        quota: Blocks trucks that send too much.
        rules: All limits of the domain.
        retry_policy: How long to wait for unavailable stores.
        log: Where parked records are logged.
        trace: Where the outcome of each point of the traced trucks is logged.
        shard_range: Which trucks' records belong to the shard; those of others are parked.
        now_ms: Wall clock: the ordinals of a truck whose state was lost begin there, above all
            those that it may have had before.
    """

    def __init__(
        self,
        shard_id: str,
        *,
        stores: Stores,
        truck_states: TruckStates,
        matches: MatchCache,
        committer: Committer,
        settler: Settler,
        quota: QuotaEnforcer,
        rules: TrackingRules,
        retry_policy: RetryPolicy,
        log: Logger,
        trace: PointTrace,
        shard_range: ShardRange = ANY_KEY,
        now_ms: Callable[[], int] = wall_clock.now_ms,
    ) -> None:
        self._shard_id = shard_id
        self._shard_range = shard_range
        self._stores = stores
        self._truck_states = truck_states
        self._matches = matches
        self._committer = committer
        self._settler = settler
        self._quota = quota
        self._rules = rules
        self._retry_policy = retry_policy
        self._log = log
        self._trace = trace
        self._now_ms = now_ms

    def begin_after(self, position: StreamPosition | None) -> None:
        """Records that everything up to this record is durable: the last worker's checkpoint."""
        self._committer.position = position

    def settle(self, *, everything: bool = False) -> SettleReport | None:
        """Settles late points whose time has come; None when there are none.

        Args:
            everything: Whether to settle all, due or not, because the shard ends.

        Raises:
            RetriesExhausted: A store stayed unavailable for the whole budget.
            LeaseLost: Another process has the shard's lease.
        """
        return self._settler.run(self._retry_policy.start(), everything=everything)

    def process(self, records: Sequence[StreamRecord]) -> BatchReport:
        """Makes a batch durable; returns only when it is.

        Raises:
            RetriesExhausted: A store stayed unavailable for the whole budget.
            LeaseLost: Another process has the shard's lease.
        """
        budget = self._retry_policy.start()
        report = BatchReport(records=len(records))
        if not records:
            return report
        decoded = decode_batch(records, self._shard_range)
        self._park(decoded.faults, report, budget)
        # First, so that a slow batch does not delay blocks, which take load off the endpoints.
        self._quota.count(decoded.by_truck)
        position = max(record.position for record in records)
        void = self._apply(decoded.by_truck, position, report, budget)
        while void:
            void = self._apply(void, position, report, budget, is_again=True)
        return report

    def _apply(
        self,
        by_truck: Mapping[str, tuple[Arrival, ...]],
        position: StreamPosition,
        report: BatchReport,
        budget: Budget,
        *,
        is_again: bool = False,
    ) -> Mapping[str, tuple[Arrival, ...]]:
        """Makes points durable; returns those to process again.

        Those are of trucks that were erased meanwhile, or whose states were deleted: their results
        are based on an outdated cache. With `is_again`, a truck without a state had one.
        """
        batch = _Batch(self._truck_states.load(list(by_truck), budget), is_again)
        # Also for trucks with all points applied before: the worker that did so may have died.
        self._settler.note(batch.states.values())
        fresh = self._fresh(by_truck, batch, report, budget)
        batch.matches = budget.call("read matches", lambda: self._matches.of(fresh))
        updates = self._fold(fresh, batch, report, budget)
        rejected_ids = self._write_history(updates, fresh, batch, report, budget)
        self._trace_points(by_truck, updates, rejected_ids)
        self._committer.position = position
        if not updates:
            return {}
        here = shard_position(self._shard_id, position)
        committed = self._committer.commit(list(updates.values()), here, budget)
        report.transitions += committed.transitions
        report.nudges += committed.nudges
        report.parked += committed.parked
        for truck_id in committed.outdated_matches:
            self._matches.invalidate(truck_id)
        self._settler.note(committed.states)
        void = {truck_id: updates.pop(truck_id) for truck_id in committed.void}
        report.trucks += len(updates)
        for update in updates.values():
            report.points += update.points
            report.duplicates += update.duplicates
            report.late += len(update.late)
            report.beyond += len(update.beyond)
            report.slow_clocks += is_slow(update.state.clock)
            self._report_clock(update.state, batch.states.get(update.state.truck_id))
        if void:
            states = self._truck_states.load(list(void), budget)
            writes = (write for update in void.values() for write in history_writes(update))
            self._committer.delete_erased(states.values(), [one.fix for one in writes], budget)
        return {truck_id: fresh[truck_id] for truck_id in void}

    def _report_clock(self, state: TruckState, before: TruckState | None) -> None:
        was_slow = before is not None and is_slow(before.clock)
        if is_slow(state.clock) == was_slow:
            return
        event = "clock_correct" if was_slow else "clock_slow"
        lag_ms = state.clock.lag_ms if state.clock is not None else 0
        self._log.info(event, truck_id=state.truck_id, lag_ms=lag_ms)

    def _fresh(
        self,
        by_truck: Mapping[str, tuple[Arrival, ...]],
        batch: _Batch,
        report: BatchReport,
        budget: Budget,
    ) -> dict[str, tuple[Arrival, ...]]:
        """Returns points that are not applied, erased or copies of points in the history."""
        unapplied, skipped = not_applied(by_truck, batch.states, self._shard_id)
        report.skipped += skipped
        unseen, erased = not_erased(unapplied, batch.states)
        report.erased += len(erased)
        # Points that a killed worker had written before it knew of the erasure.
        states = [
            one for id_, one in batch.states.items() if one.erased_before_ms and id_ in unapplied
        ]
        self._committer.delete_erased(states, [fix_of(one.point) for one in erased], budget)
        stateless = [truck_id for truck_id in unseen if truck_id not in batch.states]
        if stateless:
            known = partial(self._stores.finder.known_trucks, stateless)
            lost = stateless if batch.is_again else budget.call("look for lost states", known)
            found = {truck_id: self._last_known(truck_id, budget) for truck_id in lost}
            batch.last_known = {truck_id: fixes for truck_id, fixes in found.items() if fixes}
        doubtful = doubtful_points(unseen, batch.states, batch.last_known)
        if not doubtful:
            return unseen
        find = partial(self._stores.finder.stored, doubtful)
        stored = budget.call("look for copies", find)
        fresh, duplicates = without_duplicates(unseen, stored, batch.states)
        report.duplicates += duplicates
        # A lost state is rebuilt even when no new points have arrived.
        return {**dict.fromkeys(batch.last_known, ()), **fresh}

    def _last_known(self, truck_id: str, budget: Budget) -> list[Fix]:
        budget.call("refresh the history", self._stores.finder.refresh)
        before = partial(
            self._stores.finder.before, truck_id, self._now_ms() + MS_PER_DAY, 2 * WINDOW_FIXES
        )
        found = budget.call("read a truck's last fixes", before)
        fixes = sorted((one.fix for one in found if not one.beyond), key=lambda fix: fix.order)
        self._log.warning("truck_state_lost", truck_id=truck_id)
        return fixes[-WINDOW_FIXES:]

    def _fold(
        self,
        fresh: Mapping[str, tuple[Arrival, ...]],
        batch: _Batch,
        report: BatchReport,
        budget: Budget,
    ) -> dict[str, TruckUpdate]:
        updates = {}
        for truck_id, arrivals in fresh.items():
            update = self._fold_one(truck_id, arrivals, batch, report, budget)
            if update is not None:
                updates[truck_id] = update
        return updates

    def _fold_one(
        self,
        truck_id: str,
        arrivals: Sequence[Arrival],
        batch: _Batch,
        report: BatchReport,
        budget: Budget,
        rejected_ids: Collection[str] = (),
    ) -> TruckUpdate | None:
        state, matches = batch.states.get(truck_id), batch.matches[truck_id]
        last_known = batch.last_known.get(truck_id, ())
        plans = self._committer.plans(state, truck_id, matches, budget)
        # The log has just been read and is newer than the match.
        current = [
            plans[match.delivery_id].match if match.delivery_id in plans else match
            for match in matches
        ]
        try:
            return fold_truck(
                truck_id,
                state,
                by_stream_record(arrivals),
                current,
                plans,
                self._rules,
                last_known=last_known,
                first_ordinal=ORDINALS_PER_MS * self._first_ordinal_ms(arrivals, last_known),
                rejected_ids=rejected_ids,
            )
        except Exception as error:
            # One truck's points trigger a bug of ours: they are parked until the bug is fixed, and
            # the other trucks continue.
            self._log.exception("truck_unprocessable", error, truck_id=truck_id)
            faults = [
                Fault(record=one.record, reason="unprocessable", detail=repr(error))
                for one in arrivals
            ]
            self._park(faults, report, budget)
            return None

    def _first_ordinal_ms(self, arrivals: Sequence[Arrival], last_known: Sequence[Fix]) -> int:
        """Returns the time from which the first ordinal of a truck without a state is derived.

        For a new truck, two workers that process it at once (one of them has lost the lease) must
        count alike, because the winner keeps what the loser wrote. For a truck whose state was lost
        the ordinals begin above all that it may have had, even if another worker's clock is ahead.
        They also begin above those of a worker that is killed before it has stored the rebuilt
        state.
        """
        arrived_at_ms = [one.record.arrived_at_ms for one in arrivals]
        if not last_known:
            return arrived_at_ms[0]
        known_ms = (fix.n // ORDINALS_PER_MS for fix in last_known)
        received_at_ms = (fix.received_at_ms for fix in last_known)
        now_ms = self._now_ms()
        known_to_ms = max(now_ms, *arrived_at_ms, *received_at_ms, *known_ms)
        return known_to_ms + CLOCKS_APART_MS + now_ms % MS_PER_DAY

    def _write_history(
        self,
        updates: dict[str, TruckUpdate],
        fresh: Mapping[str, tuple[Arrival, ...]],
        batch: _Batch,
        report: BatchReport,
        budget: Budget,
    ) -> Collection[str]:
        """Writes the history; returns the ids of points that it rejected, which are parked.

        A truck with rejected points is folded again without them: its other results must not depend
        on points that are missing from the history.
        """
        rejected_ids: set[str] = set()
        pending = dict(updates)
        while pending:
            writes = [write for update in pending.values() for write in history_writes(update)]
            rejected = self._committer.write_history(writes, budget)
            by_truck: dict[str, dict[str, str]] = {}
            for write, reason in rejected:
                by_truck.setdefault(write.fix.truck_id, {})[write.fix.point_id] = reason
            pending = {}
            for truck_id, reasons in by_truck.items():
                bad = [one for one in fresh[truck_id] if one.identity in reasons]
                faults = {
                    one.identity: Fault(
                        record=one.record, reason="not_indexable", detail=reasons[one.identity]
                    )
                    for one in reversed(bad)
                }
                self._park(list(faults.values()), report, budget)
                rejected_ids |= {*reasons}
                if not faults:  # from an earlier batch, derived again: its document stays as it was
                    continue
                del updates[truck_id]
                arrivals = fresh[truck_id]
                if all(one.identity in rejected_ids for one in arrivals):
                    continue
                update = self._fold_one(truck_id, arrivals, batch, report, budget, rejected_ids)
                if update is not None:
                    updates[truck_id] = pending[truck_id] = update
        return rejected_ids

    def _trace_points(
        self,
        by_truck: Mapping[str, Sequence[Arrival]],
        updates: Mapping[str, TruckUpdate],
        rejected_ids: Collection[str],
    ) -> None:
        if not self._trace.is_on:
            return
        for truck_id, arrivals in by_truck.items():
            if self._trace.follows(truck_id):
                for step in point_steps(arrivals, updates.get(truck_id), rejected_ids):
                    self._trace.log(**step, shard_id=self._shard_id)

    def _park(self, faults: Sequence[Fault], report: BatchReport, budget: Budget) -> None:
        if not faults:
            return
        for fault in faults:
            record = fault.record
            park = partial(
                self._stores.parking.park,
                record.data,
                name=stream_record_name(record.sequence_number, record.sub_sequence_number),
                reason=fault.reason,
                detail=fault.detail,
                partition_key=record.partition_key,
            )
            budget.call("park a record", park)
        report.parked += len(faults)
        first = faults[0]
        self._log.warning(
            "parked",
            shard_id=self._shard_id,
            count=len(faults),
            reasons=dict(Counter(fault.reason for fault in faults)),
            first_sequence_number=first.record.sequence_number,
            first_partition_key=first.record.partition_key,
            first_detail=first.detail,
        )


@dataclasses.dataclass
class _Batch:
    """The data read for a batch."""

    states: dict[str, TruckState]
    is_again: bool = False
    """Whether the trucks without a state had one."""
    matches: Mapping[str, Sequence[OpenMatch]] = dataclasses.field(default_factory=dict)
    last_known: Mapping[str, Sequence[Fix]] = dataclasses.field(default_factory=dict)
    """The last fixes of trucks that are in the history, but have no state."""
