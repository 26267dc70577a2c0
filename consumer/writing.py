"""The documents of an update, and writing many items until each has a final outcome."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from consumer.retrying import FIRST_WAIT_S, MAX_WAIT_S, Budget
from rtdts.position_store.bulk import ItemOutcome, WriteResult
from rtdts.position_store.writer import PROVISIONAL, HistoryWrite
from rtdts.runtime.backoff import backoff_s
from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.positions import DeliveryProgress
from rtdts.tracking.truck_fold import TruckUpdate

W = TypeVar("W")


def write_all(
    operation: str,
    writes: Sequence[W],
    write: Callable[[Sequence[W]], list[ItemOutcome]],
    budget: Budget,
) -> list[tuple[W, str]]:
    """Writes all; only transient failures are written again.

    Args:
        operation: The operation's name, for the log.
        writes: The writes, each of which must be repeatable.
        write: Executes writes, and returns the outcome of each.
        budget: How long to keep trying.

    Returns:
        Writes that were rejected as invalid, with the reasons. A conflict is not a rejection: it
        means that something newer is stored.

    Raises:
        RetriesExhausted: The budget is used up.
    """
    rejected: list[tuple[W, str]] = []
    pending = list(writes)
    waits_s = backoff_s(first_s=FIRST_WAIT_S, max_s=MAX_WAIT_S)
    while pending:
        outcomes = budget.call(operation, partial(write, pending))
        results = list(zip(pending, outcomes, strict=True))
        rejected += [(one, o.reason) for one, o in results if o.result is WriteResult.REJECTED]
        passing = [(one, o.reason) for one, o in results if o.result is WriteResult.RETRYABLE]
        pending = [one for one, _ in passing]
        if passing:
            budget.wait(operation, next(waits_s), passing[0][1])
    return rejected


def history_writes(update: TruckUpdate) -> Iterator[HistoryWrite]:
    """Yields the documents of a batch's new and changed points."""
    knowledge = max(update.state.knowledge, PROVISIONAL + 1)
    for one in update.positions:
        yield HistoryWrite(fix=one.fix, deliveries=one.deliveries, knowledge=knowledge)
    # A settling writes them again; until then the stored documents will do.
    for one in update.late:
        yield HistoryWrite(fix=one.fix, deliveries=one.deliveries)
    for one in update.beyond:
        yield HistoryWrite(fix=one.fix, beyond=True)


def without_deliveries(update: TruckUpdate, delivery_ids: Collection[str]) -> list[HistoryWrite]:
    """Returns the documents of an update that name one of the deliveries, without their names."""
    return [
        msgspec.structs.replace(write, deliveries=_left(write.deliveries, delivery_ids))
        for write in history_writes(update)
        if any(one.delivery_id in delivery_ids for one in write.deliveries)
    ]


def latest_without(latest: LatestPosition, delivery_ids: Collection[str]) -> LatestPosition:
    """Returns a latest position without the names of some deliveries."""
    current = latest.current
    return msgspec.structs.replace(
        latest,
        current=None if current and current.delivery_id in delivery_ids else current,
        deliveries=_left(latest.deliveries, delivery_ids),
        shown_deliveries=_left(latest.shown_deliveries, delivery_ids),
    )


def _left(
    progress: Iterable[DeliveryProgress], delivery_ids: Collection[str]
) -> tuple[DeliveryProgress, ...]:
    return tuple(one for one in progress if one.delivery_id not in delivery_ids)
