"""Makes the results of a batch or a settling durable, in the order of `consumer.pipeline`."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence

from consumer.nudging import Nudger
from consumer.ports import NudgePort, ParkingPort, PositionReaderPort, PositionWriterPort
from consumer.retrying import Budget
from consumer.transitions import TransitionWriter
from consumer.truck_states import TruckStates
from consumer.writing import latest_without, without_deliveries, write_all
from rtdts.position_store.writer import HistoryWrite
from rtdts.push_queue.nudges import Nudge, PositionNudge, TransitionNudge
from rtdts.runtime.logs import Logger
from rtdts.tracking.deliveries import OpenMatch
from rtdts.tracking.delivery_state import DeliveryPlan
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.stream_position import ShardPosition, StreamPosition
from rtdts.tracking.truck_fold import TruckUpdate
from rtdts.tracking.truck_state import TruckState


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stores:
    """The stores that a batch is written to or looked up in."""

    writer: PositionWriterPort
    finder: PositionReaderPort
    nudges: NudgePort
    parking: ParkingPort


@dataclasses.dataclass(frozen=True, kw_only=True)
class Committed:
    """The results that became durable."""

    states: tuple[TruckState, ...]
    transitions: int
    nudges: int
    parked: int
    outdated_matches: tuple[str, ...]
    """Trucks with a match that turned out to be out of date."""
    void: tuple[str, ...]
    """Trucks erased meanwhile, or whose states were deleted: none of their results count."""


class Committer:
    """Writes logs, latest positions, nudges and states, in this order.

    Args:
        log: Where rejected writes are logged.

    Attributes:
        position: The shard's record up to which everything is durable; None if it is not known.
    """

    def __init__(
        self,
        writer: PositionWriterPort,
        *,
        truck_states: TruckStates,
        transitions: TransitionWriter,
        nudger: Nudger,
        log: Logger,
    ) -> None:
        self._writer = writer
        self._truck_states = truck_states
        self._transitions = transitions
        self._nudger = nudger
        self._log = log
        self.position: StreamPosition | None = None

    def plans(
        self, state: TruckState | None, truck_id: str, matches: Iterable[OpenMatch], budget: Budget
    ) -> dict[str, DeliveryPlan]:
        """See `TransitionWriter.plans`."""
        return self._transitions.plans(state, truck_id, matches, budget)

    def write_history(
        self, writes: Sequence[HistoryWrite], budget: Budget
    ) -> list[tuple[HistoryWrite, str]]:
        """Writes points; returns those that the history rejects because they are invalid.

        Raises:
            RetriesExhausted: OpenSearch stayed unavailable for the whole budget.
        """
        if not writes:
            return []
        return write_all("write the history", writes, self._writer.write_history, budget)

    def commit(
        self, updates: Sequence[TruckUpdate], here: ShardPosition, budget: Budget
    ) -> Committed:
        """Writes the results; the points are already in the history.

        Args:
            updates: The results, one per truck.
            here: The last record of the shard up to which the trucks' points are processed.
            budget: How long to keep trying.

        Raises:
            RetriesExhausted: A store stayed unavailable for the whole budget.
            LeaseLost: Another process has the shard's lease.
        """
        states: list[TruckState] = []
        nudges: list[Nudge] = []
        outdated_matches = []
        transitions = parked = 0
        for update in updates:
            appended = self._transitions.append(update, here, budget)
            transitions += appended.appended
            parked += appended.parked
            if appended.is_match_outdated:
                outdated_matches.append(update.state.truck_id)
            states.append(appended.state)
            nudges += appended.nudges
            if update.is_rebuilt:
                # A worker that was killed before it stored the state may have appended events.
                nudges += (
                    TransitionNudge(delivery_id=one.delivery_id, version=one.version)
                    for one in appended.state.deliveries
                    if one.version > 1
                )
            if update.latest is not None:
                at_ms = update.latest.newest.event_at_ms
                nudges += (
                    PositionNudge(delivery_id=delivery_id, event_at_ms=at_ms)
                    for delivery_id in update.close_to_customer
                )
        self._write_latest([one.latest for one in updates if one.latest], budget)
        self._nudger.send(nudges)
        by_truck = {update.state.truck_id: update for update in updates}
        void = self._truck_states.save(
            states,
            here.position,
            budget,
            remove_deliveries=lambda truck_id, erased: self._remove_deliveries(
                by_truck[truck_id], erased, budget
            ),
        )
        return Committed(
            states=tuple(state for state in states if state.truck_id not in void),
            transitions=transitions,
            nudges=len(nudges),
            parked=parked,
            outdated_matches=tuple(outdated_matches),
            void=void,
        )

    def delete_erased(
        self, states: Collection[TruckState], written: Iterable[Fix], budget: Budget
    ) -> None:
        """Deletes erased points that were written before the erasure was known.

        Args:
            states: The trucks' states.
            written: The trucks' points that may be in the history.
            budget: How long to keep trying.

        Raises:
            RetriesExhausted: OpenSearch stayed unavailable for the whole budget.
        """
        until_ms = {state.truck_id: state.erased_before_ms for state in states}
        erased = [fix for fix in written if fix.received_at_ms <= until_ms.get(fix.truck_id, 0)]
        # A truck without any point since its erasure must not be shown at all.
        hidden = [state.truck_id for state in states if state.is_tombstone]
        if erased:
            write_all("delete erased points", erased, self._writer.delete_history, budget)
        if hidden:
            write_all("delete erased positions", hidden, self._writer.delete_latest, budget)

    def _remove_deliveries(
        self, update: TruckUpdate, erased: Collection[str], budget: Budget
    ) -> None:
        """Removes erased deliveries' names from what was written before the erasure was known.

        This is done before the state is stored, which marks these records as applied: if the worker
        is killed in between, its successor writes them again and knows of the erasure.
        """
        self.write_history(without_deliveries(update, erased), budget)
        if update.latest is not None:
            self._write_latest([latest_without(update.latest, erased)], budget)

    def _write_latest(self, latest: Sequence[LatestPosition], budget: Budget) -> None:
        if not latest:
            return
        # A conflict means that a newer position is stored: that is what the version is for.
        rejected = write_all("write latest positions", latest, self._writer.write_latest, budget)
        for one, reason in rejected:
            self._log.error("latest_rejected", truck_id=one.newest.truck_id, reason=reason)
