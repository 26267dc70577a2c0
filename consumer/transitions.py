"""Appends the status machines' transitions to the delivery logs, once, despite other writers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from consumer.ports import DeliveryLogPort, ParkingPort
from consumer.retrying import Budget
from rtdts.delivery_store.appends import Change, groups
from rtdts.delivery_store.errors import VersionConflict
from rtdts.delivery_store.matches import match_of
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.runtime.aws_errors import is_rejection
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.parking import delivery_events_name
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, OpenMatch, shown_from
from rtdts.tracking.delivery_log import CORRECTED_EVENTS, fold_log
from rtdts.tracking.delivery_state import (
    DeliveryPlan,
    DeliveryUpdate,
    Settlement,
    delivery_state_of,
    reconcile_delivery,
    reconcile_with_log,
)
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.status_rules import StatusRules
from rtdts.tracking.stream_position import ShardPosition
from rtdts.tracking.truck_fold import TruckUpdate, is_remembered, unfolded_interval
from rtdts.tracking.truck_state import DeliveryState, Interval, TruckState, with_interval

ATTEMPTS = 10
"""Conflicts in a row on one delivery before it is left to the next batch: dispatchers are people,
and write slowly."""


MAX_CONCURRENT = 16
"""Deliveries of one truck that are read or appended to at once."""

A = TypeVar("A")
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Appended:
    """A truck whose transitions are in the logs."""

    state: TruckState
    nudges: tuple[TransitionNudge, ...]
    appended: int
    is_match_outdated: bool
    """Whether a delivery turned out to be closed, or another truck's."""
    parked: int
    """Deliveries whose events were rejected and parked."""


@dataclasses.dataclass(frozen=True)
class _Written:
    delivery_state: DeliveryState
    versions: tuple[int, ...]
    """Events to push to viewers: appended now, or found already written by the same cause."""
    appended: int = 0
    is_parked: bool = False
    has_moved_times: bool = False
    unfolded: Interval | None = None
    """The part of the history with which the delivery's new anchor must be folded."""


class TransitionWriter:
    """Brings delivery logs and truck states together.

    Args:
        rules: Distances and dwells, to fold again after a concurrent declaration.
        parking: Where events that the store rejects are parked.
        log: Where a delivery that can't be processed is logged.
        now_ms: The time at which events are recorded.
        trace: Where points of the traced trucks that changed a status are logged.
    """

    def __init__(
        self,
        log_store: DeliveryLogPort,
        rules: StatusRules,
        *,
        parking: ParkingPort,
        log: Logger,
        now_ms: Callable[[], int],
        trace: PointTrace,
    ) -> None:
        self._store = log_store
        self._rules = rules
        self._parking = parking
        self._log = log
        self._now_ms = now_ms
        self._trace = trace
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="deliveries")

    def plans(
        self, state: TruckState | None, truck_id: str, matches: Iterable[OpenMatch], budget: Budget
    ) -> dict[str, DeliveryPlan]:
        """Reads the logs of matches that are not in the truck's state yet.

        A delivery that has ended since its match was read has no plan.

        Raises:
            RetriesExhausted: DynamoDB stayed unavailable for the whole budget.
        """
        unknown = [match.delivery_id for match in matches if not is_remembered(state, match)]
        rows = self._rows(unknown, budget)
        plans = self._each(
            unknown,
            lambda delivery_id: self._guarded(
                delivery_id,
                partial(self._plan, truck_id, delivery_id, rows.get(delivery_id), budget),
            ),
        )
        return {plan.match.delivery_id: plan for plan in plans if plan is not None}

    def append(self, update: TruckUpdate, here: ShardPosition, budget: Budget) -> Appended:
        """Appends the transitions of a truck's deliveries, as found by a batch or a settling.

        If the store rejects one delivery's events, they are parked and retried with the truck's
        next batch; the other deliveries continue. Several deliveries whose logs are at the state's
        versions are read and appended to together. If that is rejected, and for all other
        deliveries, it is done one by one.

        Args:
            update: The result of the batch or settling.
            here: The last record up to which the truck's points are processed.
            budget: How long to keep trying.

        Raises:
            RetriesExhausted: DynamoDB stayed unavailable for the whole budget.
        """
        pending = [one for one in update.deliveries if one.pending]
        written: dict[str, _Written | None] = {}
        written.update(self._append_together(update, pending, here, budget))
        left = [one for one in pending if one.after.delivery_id not in written]
        results = self._each(
            left,
            lambda delivery: self._guarded(
                delivery.after.delivery_id,
                partial(self._append_one, update, delivery, here, budget),
            ),
        )
        written.update(
            (delivery.after.delivery_id, result)
            for delivery, result in zip(left, results, strict=True)
        )
        delivery_states: list[DeliveryState] = []
        nudges: list[TransitionNudge] = []
        unsettled = update.state.unsettled
        has_moved_times = False
        for delivery in update.deliveries:
            delivery_id = delivery.after.delivery_id
            if not delivery.pending:
                delivery_states.append(delivery.after)
                has_moved_times |= delivery.has_moved_times
                continue
            result = written[delivery_id]
            if result is None:
                continue
            delivery_states.append(result.delivery_state)
            has_moved_times |= result.has_moved_times
            if result.unfolded is not None:
                unsettled = with_interval(unsettled, result.unfolded.from_ms, result.unfolded.to_ms)
            nudges += (
                TransitionNudge(delivery_id=delivery_id, version=version)
                for version in result.versions
            )
        found = [result for result in written.values() if result is not None]
        return Appended(
            state=msgspec.structs.replace(
                update.state,
                deliveries=tuple(delivery_states),
                unsettled=unsettled,
                has_moved_times=has_moved_times,
            ),
            nudges=tuple(nudges),
            appended=sum(result.appended for result in found),
            is_match_outdated=len(found) < len(written),
            parked=sum(result.is_parked for result in found),
        )

    def _each(self, values: Sequence[A], function: Callable[[A], T]) -> list[T]:
        """Calls a function for many deliveries at once: one by one would block the shard."""
        if len(values) < 2:
            return [function(value) for value in values]
        return list(self._threads.map(function, values))

    def _rows(self, delivery_ids: Sequence[str], budget: Budget) -> Mapping[str, Delivery]:
        """Returns the readable rows of several deliveries, by id; none for a single delivery."""
        if len(delivery_ids) < 2:
            return {}
        return budget.call("read deliveries", partial(self._store.get_many, delivery_ids)).by_id

    def _plan(
        self, truck_id: str, delivery_id: str, row: Delivery | None, budget: Budget
    ) -> DeliveryPlan | None:
        if row is None:
            row = budget.call("read a delivery", partial(self._store.get, delivery_id))
        if row is None or not _is_assigned_to(row, truck_id):
            return None
        return _plan_of(row, self._events(row, budget))

    def _append_together(
        self,
        update: TruckUpdate,
        pending: Sequence[DeliveryUpdate],
        here: ShardPosition,
        budget: Budget,
    ) -> dict[str, _Written]:
        """Appends to the logs that need nothing else, several transactions at once.

        Returns:
            The results of the deliveries that were appended to, by delivery. The others are left
            out: their logs are at another version, or a transaction with them was rejected.
        """
        rows = self._rows([one.after.delivery_id for one in pending], budget)
        ready: dict[str, tuple[DeliveryUpdate, Change]] = {}
        for delivery in pending:
            row = rows.get(delivery.after.delivery_id)
            if (
                row is not None
                and _is_assigned_to(row, update.state.truck_id)
                and row.version == delivery.before.version
            ):
                lag_ms = 0 if update.state.clock is None else update.state.clock.lag_ms
                append_events = partial(
                    _with_events, row, delivery.pending, self._now_ms(), here, lag_ms
                )
                if (appended := self._guarded(row.delivery_id, append_events)) is not None:
                    ready[row.delivery_id] = (delivery, Change(row, *appended))
        some = list(groups(change for _, change in ready.values()))
        are_appended = self._each(some, partial(self._append_group, budget))
        written = {}
        for group, is_appended in zip(some, are_appended, strict=True):
            for row, _, new in group if is_appended else ():
                delivery, _ = ready[row.delivery_id]
                self._report(delivery.after, new)
                written[row.delivery_id] = _Written(
                    delivery.after,
                    tuple(event.version for event in new),
                    appended=len(new),
                    has_moved_times=delivery.has_moved_times,
                )
        return written

    def _append_group(self, budget: Budget, group: Sequence[Change]) -> bool:
        """Returns whether it was appended; not if another writer was first, or it was rejected."""
        append = partial(self._store.append_together, group)
        try:
            budget.call("append to deliveries' logs", append)
        except VersionConflict:
            return False
        except (ClientError, BotoCoreError) as error:
            if not is_rejection(error):
                raise
            return False
        return True

    def _append_one(
        self, update: TruckUpdate, delivery: DeliveryUpdate, here: ShardPosition, budget: Budget
    ) -> _Written | None:
        """Appends to one log; returns None if the delivery has ended or is another truck's."""
        unfolded: Interval | None = None
        for _ in range(ATTEMPTS):
            delivery_id = delivery.after.delivery_id
            row = budget.call("read a delivery", partial(self._store.get, delivery_id))
            if row is None or not _is_assigned_to(row, update.state.truck_id):
                return None
            if row.version == delivery.before.version:
                # The log holds exactly the events that the state accounts for.
                settlement = Settlement(
                    delivery_state=delivery.after,
                    append=delivery.pending,
                    already_there=(),
                    has_moved_times=delivery.has_moved_times,
                )
            else:
                events = self._events(row, budget)
                plan = _plan_of(row, events)
                if plan.log.anchor != delivery.before.anchor:
                    delivery, unfolded = self._restarted(update, plan)
                settlement = reconcile_with_log(
                    delivery,
                    plan.log,
                    self._rules,
                    trigger=update.newest_new_fix,
                    is_behind=unfolded is not None or plan.log.includes_later_than(here),
                    may_move_times=update.may_move_times,
                )
            written = _Written(
                settlement.delivery_state,
                settlement.already_there,
                has_moved_times=settlement.has_moved_times,
                unfolded=unfolded,
            )
            if not settlement.append:
                return written
            lag_ms = 0 if update.state.clock is None else update.state.clock.lag_ms
            after, new = _with_events(row, settlement.append, self._now_ms(), here, lag_ms)
            append = partial(self._store.append, row, after, new, matches=False)
            try:
                budget.call("append to a delivery's log", append)
            except VersionConflict:
                continue
            except (ClientError, BotoCoreError) as error:
                if not is_rejection(error):
                    raise
                self._park(row, new, error, budget)
                return _Written(delivery.unsettled, (), is_parked=True, unfolded=unfolded)
            self._report(settlement.delivery_state, new)
            versions = (*settlement.already_there, *(event.version for event in new))
            return dataclasses.replace(written, versions=versions, appended=len(new))
        self._log.warning("delivery_contended", delivery_id=delivery.after.delivery_id)
        return _Written(delivery.unsettled, (), unfolded=unfolded)

    def _park(
        self, row: Delivery, events: Sequence[DeliveryEvent], error: Exception, budget: Budget
    ) -> None:
        body = msgspec.json.encode(
            {"delivery_id": row.delivery_id, "truck_id": row.truck_id, "events": events}
        )
        park = partial(
            self._parking.park,
            body,
            name=delivery_events_name(row.delivery_id, events[0].version),
            reason="delivery_rejected",
            detail=str(error),
            partition_key=row.truck_id,
        )
        key = budget.call("park a delivery's events", park)
        self._log.exception(
            "delivery_rejected",
            error,
            delivery_id=row.delivery_id,
            events=len(events),
            parked_as=key,
        )

    def _report(self, delivery_state: DeliveryState, events: Sequence[DeliveryEvent]) -> None:
        """Logs appended events, where required; the state already accounts for them."""
        truck_id, length = events[0].truck_id, delivery_state.log_length
        if length - len(events) < CORRECTED_EVENTS <= length:
            self._log.warning(
                "log_no_longer_corrected",
                delivery_id=delivery_state.delivery_id,
                truck_id=truck_id,
                events=length,
            )
        if self._trace.follows(truck_id):
            self._trace_events(events)

    def _trace_events(self, events: Iterable[DeliveryEvent]) -> None:
        for event in events:
            if event.point_id is not None:
                self._trace.log(
                    "status",
                    event.point_id,
                    delivery_id=event.delivery_id,
                    version=event.version,
                    status=str(event.status),
                    cause=str(event.cause),
                )

    def _restarted(
        self, update: TruckUpdate, plan: DeliveryPlan
    ) -> tuple[DeliveryUpdate, Interval | None]:
        """Restarts the machine at a concurrent declaration.

        Returns:
            The delivery, and the part of the history that must be folded for it first.
        """
        state = update.state
        before = delivery_state_of(plan, state.window, self._rules)
        unfolded = unfolded_interval(before, state)
        if unfolded is not None or state.unsettled:
            return DeliveryUpdate(before=before, after=before), unfolded
        after, reconciled = reconcile_delivery(
            before,
            trigger=update.newest_new_fix,
            rules=self._rules,
            may_move_times=update.may_move_times,
        )
        return DeliveryUpdate(before=before, after=after, pending=reconciled.append), None

    def _events(self, row: Delivery, budget: Budget) -> list[DeliveryEvent]:
        """Returns the log up to the row's version."""
        events = budget.call("read a delivery's log", lambda: self._store.events(row.delivery_id))
        return [event for event in events if event.version <= row.version]

    def _guarded(self, delivery_id: str, function: Callable[[], T | None]) -> T | None:
        """Calls a function; None if the delivery can't be processed: it must not stop others."""
        try:
            return function()
        except (msgspec.ValidationError, ValueError, TypeError, KeyError) as error:
            self._log.exception("delivery_unprocessable", error, delivery_id=delivery_id)
            return None


def _is_assigned_to(delivery: Delivery, truck_id: str) -> bool:
    return delivery.is_open and delivery.truck_id == truck_id


def _plan_of(delivery: Delivery, events: Sequence[DeliveryEvent]) -> DeliveryPlan:
    log = fold_log(events)
    match = msgspec.structs.replace(match_of(delivery), version=log.anchor.version)
    return DeliveryPlan(match=match, log=log)


def _with_events(
    row: Delivery, transitions: Sequence[Transition], now_ms: int, here: ShardPosition, lag_ms: int
) -> tuple[Delivery, list[DeliveryEvent]]:
    """Returns the row and the new events after appending transitions to its log.

    Transitions take effect by the truck's clock, which is slow by `lag_ms`. The time from which the
    customer is shown the truck is by our clock.
    """
    events = [
        DeliveryEvent(
            delivery_id=row.delivery_id,
            version=version,
            status=transition.status,
            cause=transition.cause,
            effective_at_ms=transition.effective_at_ms,
            recorded_at_ms=now_ms,
            assignment=row.assignment,
            truck_id=row.truck_id,
            point_id=transition.point_id,
            through=here,
            evidence=transition.evidence,
        )
        for version, transition in enumerate(transitions, row.version + 1)
    ]
    shown_from_ms = row.shown_from_ms
    for event in events:
        shown_from_ms = shown_from(shown_from_ms, event.status, event.effective_at_ms + lag_ms)
    after = msgspec.structs.replace(
        row,
        status=events[-1].status,
        version=events[-1].version,
        updated_at_ms=now_ms,
        shown_from_ms=shown_from_ms,
    )
    return after, events
