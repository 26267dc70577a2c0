"""Writing what the machines found into the deliveries' logs, once, whoever else writes there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from consumer.ports import DeliveryLog, ParkingPlace
from consumer.retrying import Budget, is_refusal
from rtdts.delivery_store.errors import VersionConflict
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.parking import delivery_events_name
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, OpenMatch
from rtdts.tracking.delivery_log import standing
from rtdts.tracking.delivery_memory import (
    DeliveryPlan,
    DeliveryUpdate,
    believe,
    remember,
    settle,
)
from rtdts.tracking.status_machine import StatusRules, Transition
from rtdts.tracking.truck_fold import TruckUpdate, is_remembered
from rtdts.tracking.truck_state import DeliveryMemory, TruckState

ATTEMPTS = 10
"""Lost races on one delivery in a row before the next batch tries again: dispatchers are people."""


T = TypeVar("T")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settled:
    """A truck whose transitions are in the logs."""

    state: TruckState
    nudges: tuple[TransitionNudge, ...]
    appended: int
    is_match_old: bool
    """Whether a delivery turned out to be closed, or another truck's."""
    parked: int
    """Deliveries whose events were refused, and parked."""


@dataclasses.dataclass(frozen=True)
class _Written:
    memory: DeliveryMemory
    versions: tuple[int, ...]
    """What the viewers must hear of: appended now, or found already written by the same cause."""
    appended: int
    is_parked: bool = False


class TransitionWriter:
    """Brings logs and memories together.

    Args:
        log_store: The deliveries and their logs.
        rules: Distances and dwells, to fold anew when a declaration came in between.
        parking: Where the events go that the store refuses.
        log: Where a delivery that can't be processed is told.
        now_ms: What events are recorded at.
        trace: Where it tells which point of some trucks changed a status.
    """

    def __init__(
        self,
        log_store: DeliveryLog,
        rules: StatusRules,
        *,
        parking: ParkingPlace,
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

    def plans(
        self, state: TruckState | None, truck_id: str, matches: Iterable[OpenMatch], budget: Budget
    ) -> dict[str, DeliveryPlan]:
        """Of matches that the truck's memory doesn't know yet, what their logs tell.

        A match that has ended since it was read has none.

        Raises:
            StoreGone: DynamoDB stayed away.
        """
        plans = {}
        for match in matches:
            if not is_remembered(state, match):
                plan = self._guarded(
                    match.delivery_id, partial(self._plan, truck_id, match, budget)
                )
                if plan is not None:
                    plans[match.delivery_id] = plan
        return plans

    def settle(self, update: TruckUpdate, budget: Budget) -> Settled:
        """Appends what a batch found about a truck's deliveries.

        What the store refuses of one delivery is parked, and tried again with the truck's next
        batch: the others go on.

        Raises:
            StoreGone: DynamoDB stayed away.
        """
        memories: list[DeliveryMemory] = []
        nudges: list[TransitionNudge] = []
        appended, parked, is_match_old = 0, 0, False
        for delivery in update.deliveries:
            delivery_id = delivery.after.delivery_id
            if not delivery.pending:
                memories.append(delivery.after)
                continue
            written = self._guarded(
                delivery_id, partial(self._settle_one, update, delivery, budget)
            )
            if written is None:
                is_match_old = True
                continue
            memories.append(written.memory)
            appended += written.appended
            parked += written.is_parked
            nudges += (
                TransitionNudge(delivery_id=delivery_id, version=version)
                for version in written.versions
            )
        return Settled(
            state=msgspec.structs.replace(update.state, deliveries=tuple(memories)),
            nudges=tuple(nudges),
            appended=appended,
            is_match_old=is_match_old,
            parked=parked,
        )

    def _plan(self, truck_id: str, match: OpenMatch, budget: Budget) -> DeliveryPlan | None:
        read = self._read(match.delivery_id, budget)
        if read is None or not _is_carried(read[0], truck_id):
            return None
        delivery, events = read
        return _plan_of(delivery, events)

    def _settle_one(
        self, update: TruckUpdate, delivery: DeliveryUpdate, budget: Budget
    ) -> _Written | None:
        """None when the delivery has ended, or is another truck's."""
        for _ in range(ATTEMPTS):
            read = self._read(delivery.after.delivery_id, budget)
            if read is None or not _is_carried(read[0], update.state.truck_id):
                return None
            row, events = read
            plan = _plan_of(row, events)
            if plan.standing.anchor != delivery.before.anchor:
                delivery = self._begun_anew(update, plan)
            settlement = settle(
                delivery,
                plan.standing,
                update.state.window,
                self._rules,
                because=update.newest_news,
                window_from_ms=update.state.window_from_ms,
            )
            if not settlement.append:
                return _Written(settlement.memory, settlement.already_there, 0)
            after, new = _grown(row, settlement.append, self._now_ms())
            append = partial(self._store.append, row, after, new, matches=False)
            try:
                budget.call("append to a delivery's log", append)
            except VersionConflict:
                continue
            except (ClientError, BotoCoreError) as error:
                if not is_refusal(error):
                    raise
                self._park(row, new, error, budget)
                return _Written(delivery.unsettled, (), 0, is_parked=True)
            if self._trace.follows(row.truck_id):
                self._tell(new)
            versions = (*settlement.already_there, *(event.version for event in new))
            return _Written(settlement.memory, versions, len(new))
        self._log.warning("delivery_contended", delivery_id=delivery.after.delivery_id)
        return _Written(delivery.unsettled, (), 0)

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
            reason="delivery_refused",
            detail=str(error),
            partition_key=row.truck_id,
        )
        key = budget.call("park a delivery's events", park)
        self._log.exception(
            "delivery_refused",
            error,
            delivery_id=row.delivery_id,
            events=len(events),
            parked_as=key,
        )

    def _tell(self, events: Iterable[DeliveryEvent]) -> None:
        for event in events:
            if event.point_id is not None:
                self._trace.tell(
                    "status",
                    event.point_id,
                    delivery_id=event.delivery_id,
                    version=event.version,
                    status=str(event.status),
                    cause=str(event.cause),
                )

    def _begun_anew(self, update: TruckUpdate, plan: DeliveryPlan) -> DeliveryUpdate:
        """A declaration came in between: fold the window from there."""
        before = remember(
            plan,
            update.state.window,
            self._rules,
            window_from_ms=update.state.window_from_ms,
        )
        after, pending = believe(before, because=update.newest_news, new_ids=None)
        return DeliveryUpdate(before=before, after=after, pending=pending)

    def _read(
        self, delivery_id: str, budget: Budget
    ) -> tuple[Delivery, list[DeliveryEvent]] | None:
        """The row and the log up to its version."""
        row = budget.call("read a delivery", lambda: self._store.get(delivery_id))
        if row is None:
            return None
        events = budget.call("read a delivery's log", lambda: self._store.events(delivery_id))
        return row, [event for event in events if event.version <= row.version]

    def _guarded(self, delivery_id: str, function: Callable[[], T | None]) -> T | None:
        """One delivery that can't be processed must not stop its truck, nor all others."""
        try:
            return function()
        except (msgspec.ValidationError, ValueError, TypeError, KeyError) as error:
            self._log.exception("delivery_unprocessable", error, delivery_id=delivery_id)
            return None


def _is_carried(delivery: Delivery, truck_id: str) -> bool:
    return delivery.is_open and delivery.truck_id == truck_id


def _plan_of(delivery: Delivery, events: Sequence[DeliveryEvent]) -> DeliveryPlan:
    folded = standing(events)
    return DeliveryPlan(
        match=OpenMatch(
            delivery_id=delivery.delivery_id,
            assignment=delivery.assignment,
            assigned_at_ms=delivery.current.started_at_ms,
            version=folded.anchor.version,
            origin=delivery.origin,
            destination=delivery.destination,
        ),
        standing=folded,
    )


def _grown(
    row: Delivery, transitions: Sequence[Transition], now_ms: int
) -> tuple[Delivery, list[DeliveryEvent]]:
    """The row and the new events after appending transitions to its log."""
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
            evidence=transition.evidence,
        )
        for version, transition in enumerate(transitions, row.version + 1)
    ]
    after = msgspec.structs.replace(
        row, status=events[-1].status, version=events[-1].version, updated_at_ms=now_ms
    )
    return after, events
