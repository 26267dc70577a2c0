"""One batch of a shard, from records to what is durable.

The order is the guarantee:

1. what can't be indexed is parked; the history and the deliveries' transitions are durable
2. then ``truck-latest``: nobody is shown a point that the history lacks
3. then the nudges: nobody is called to look before there is something to see
4. then ``truck-state``, which says that all this is done
5. and only then may the caller checkpoint

Whatever fails in between, the same records come again; every step may be repeated.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from consumer.arrivals import (
    Arrival,
    Fault,
    SortedOut,
    StreamRecord,
    by_stream_record,
    not_applied,
    possible_copies,
    sort_out,
    without_copies,
)
from consumer.match_cache import MatchCache
from consumer.memory import Memory
from consumer.nudging import Nudger
from consumer.point_steps import point_steps
from consumer.ports import Nudging, ParkingPlace, PositionFinding, PositionWriting
from consumer.retrying import Budget, Patience
from consumer.transitions import TransitionWriter
from consumer.writing import write_all
from rtdts.position_store.writer import HistoryWrite
from rtdts.push_queue.nudges import Nudge, PositionNudge
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.parking import stream_record_name
from rtdts.telemetry_stream.shard_range import ANY_KEY, ShardRange
from rtdts.tracking.deliveries import OpenMatch
from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.truck_fold import TrackingRules, TruckUpdate, fold_truck
from rtdts.tracking.truck_state import TruckState


@dataclasses.dataclass(kw_only=True)
class BatchReport:
    """What a batch came to; one line of log."""

    records: int = 0
    trucks: int = 0
    points: int = 0
    duplicates: int = 0
    skipped: int = 0
    """Records that had been applied before."""
    late: int = 0
    """Points earlier than their truck's window: indexed, but no status rests on them."""
    parked: int = 0
    transitions: int = 0
    nudges: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stores:
    """Everything that a batch is written to or looked up in."""

    writer: PositionWriting
    finder: PositionFinding
    nudges: Nudging
    parking: ParkingPlace


class BatchPipeline:
    """Processes the batches of one shard.

    Args:
        shard_id: The shard.
        stores: What to write to.
        memory: The trucks' memories.
        matches: Which deliveries the trucks carry.
        transitions: Writes into the deliveries' logs.
        rules: All limits of the domain.
        patience: How long to wait for stores that are away.
        log: Where it tells what it parked.
        trace: Where it tells what became of each point of some trucks.
        shard_range: Which trucks' records belong to the shard; others' are parked.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        shard_id: str,
        *,
        stores: Stores,
        memory: Memory,
        matches: MatchCache,
        transitions: TransitionWriter,
        rules: TrackingRules,
        patience: Patience,
        log: Logger,
        trace: PointTrace,
        shard_range: ShardRange = ANY_KEY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shard_id = shard_id
        self._shard_range = shard_range
        self._stores = stores
        self._memory = memory
        self._matches = matches
        self._transitions = transitions
        self._rules = rules
        self._patience = patience
        self._log = log
        self._trace = trace
        self._nudger = Nudger(stores.nudges, patience=patience, log=log, clock=clock)

    def process(self, records: Sequence[StreamRecord]) -> BatchReport:
        """Makes a batch durable; returns only when it is.

        Raises:
            StoreGone: A store stayed away for the whole budget.
            TakenOver: Another process owns the shard.
        """
        budget = self._patience.start()
        report = BatchReport(records=len(records))
        if not records:
            return report
        sorted_out = sort_out(records, self._shard_range)
        self._park(sorted_out.faults, report, budget)
        updates, arrivals = self._fold(sorted_out, report, budget)
        if not updates:
            self._tell_points(sorted_out, updates, ())
            return report
        refused = self._write_history(updates, arrivals, report, budget)
        self._tell_points(sorted_out, updates, refused)
        states, nudges = self._settle(updates, report, budget)
        self._write_latest([one.latest for one in updates if one.latest], budget)
        report.nudges = len(nudges)
        self._nudger.send(nudges)
        self._memory.keep(states, max(record.position for record in records), budget)
        return report

    def _fold(
        self, sorted_out: SortedOut, report: BatchReport, budget: Budget
    ) -> tuple[list[TruckUpdate], dict[str, Arrival]]:
        states = self._memory.recall(list(sorted_out.by_truck), budget)
        fresh = self._fresh(sorted_out.by_truck, states, report, budget)
        matches = budget.call("read matches", lambda: self._matches.of(fresh))
        updates: list[TruckUpdate] = []
        arrivals: dict[str, Arrival] = {}
        for truck_id, of_truck in fresh.items():
            update = self._fold_one(
                truck_id, states.get(truck_id), of_truck, matches[truck_id], report, budget
            )
            if update is not None:
                updates.append(update)
                arrivals.update((point_id(one.point), one) for one in reversed(of_truck))
        report.trucks = len(updates)
        return updates, arrivals

    def _fold_one(
        self,
        truck_id: str,
        state: TruckState | None,
        arrivals: Sequence[Arrival],
        matches: Sequence[OpenMatch],
        report: BatchReport,
        budget: Budget,
    ) -> TruckUpdate | None:
        plans = self._transitions.plans(state, truck_id, matches, budget)
        # What has just been read from the log is newer than the match.
        current = [
            plans[match.delivery_id].match if match.delivery_id in plans else match
            for match in matches
        ]
        try:
            update = fold_truck(
                truck_id, state, by_stream_record(arrivals), current, plans, self._rules
            )
        except Exception as error:
            # A bug of ours that one truck's points bring out: they are kept for whoever mends it,
            # and the other trucks go on.
            self._log.exception("truck_unprocessable", error, truck_id=truck_id)
            faults = [
                Fault(record=one.record, reason="unprocessable", detail=repr(error))
                for one in arrivals
            ]
            self._park(faults, report, budget)
            return None
        report.points += len(arrivals) - update.duplicates
        report.duplicates += update.duplicates
        report.late += len(update.beyond_window)
        return update

    def _fresh(
        self,
        by_truck: Mapping[str, tuple[Arrival, ...]],
        states: Mapping[str, TruckState],
        report: BatchReport,
        budget: Budget,
    ) -> dict[str, tuple[Arrival, ...]]:
        """What is neither applied already nor a copy of what the history holds."""
        unseen, report.skipped = not_applied(by_truck, states, self._shard_id)
        doubtful = possible_copies(unseen, states)
        if not doubtful:
            return unseen
        known = budget.call("look for copies", partial(self._stores.finder.first_stamps, doubtful))
        fresh, report.duplicates = without_copies(unseen, known)
        return fresh

    def _write_history(
        self,
        updates: Sequence[TruckUpdate],
        arrivals: Mapping[str, Arrival],
        report: BatchReport,
        budget: Budget,
    ) -> Collection[str]:
        """Returns the ids of points that the history refused; they are parked."""
        writes = [
            HistoryWrite(
                fix=indexed.fix,
                deliveries=indexed.deliveries,
                knowledge=max(update.state.taken, 1),
                keep_existing=is_late,
            )
            for update in updates
            for indexed, is_late in itertools.chain(
                zip(update.positions, itertools.repeat(False)),
                zip(update.beyond_window, itertools.repeat(True)),
            )
        ]
        write_history = self._stores.writer.write_history
        rejected = write_all("write the history", writes, write_history, budget)
        faults = []
        for write, reason in rejected:
            arrival = arrivals.get(write.fix.point_id)
            if arrival is not None:  # one of an earlier batch, derived anew, is there already
                faults.append(Fault(record=arrival.record, reason="not_indexable", detail=reason))
        self._park(faults, report, budget)
        return {write.fix.point_id for write, _ in rejected}

    def _tell_points(
        self, sorted_out: SortedOut, updates: Sequence[TruckUpdate], refused: Collection[str]
    ) -> None:
        if not self._trace.is_on:
            return
        by_truck = {update.state.truck_id: update for update in updates}
        for truck_id, arrivals in sorted_out.by_truck.items():
            if self._trace.follows(truck_id):
                for step in point_steps(arrivals, by_truck.get(truck_id), refused):
                    self._trace.tell(**step, shard_id=self._shard_id)

    def _write_latest(self, latest: Sequence[LatestPosition], budget: Budget) -> None:
        # A conflict says that a newer one is there: that is what the version is for.
        rejected = write_all(
            "write latest positions", latest, self._stores.writer.write_latest, budget
        )
        for one, reason in rejected:  # its point was refused by the history too, and is parked
            self._log.error("latest_rejected", truck_id=one.newest.truck_id, reason=reason)

    def _settle(
        self, updates: Sequence[TruckUpdate], report: BatchReport, budget: Budget
    ) -> tuple[list[TruckState], list[Nudge]]:
        states: list[TruckState] = []
        nudges: list[Nudge] = []
        for update in updates:
            settled = self._transitions.settle(update, budget)
            report.transitions += settled.appended
            report.parked += settled.parked
            if settled.is_match_old:
                self._matches.forget(update.state.truck_id)
            states.append(settled.state)
            nudges += settled.nudges
            if update.latest is not None:
                at_ms = update.latest.newest.event_at_ms
                nudges += (
                    PositionNudge(delivery_id=delivery_id, event_at_ms=at_ms)
                    for delivery_id in update.close_to_customer
                )
        return states, nudges

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
