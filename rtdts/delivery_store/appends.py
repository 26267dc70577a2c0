"""Splits an append to a delivery's log into transactions within DynamoDB's limits.

Each transaction advances the row to the fold of the log up to its own last event. So if a crash, a
conflict or a rejection stops the rest, the log has no gap and the row is the fold of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from rtdts.delivery_store.items import MAX_ITEM_BYTES, item_bytes, to_item
from rtdts.delivery_store.transactions import MAX_BYTES_TOGETHER, MAX_WRITES_TOGETHER
from rtdts.tracking.deliveries import CLOSED, Delivery, DeliveryEvent

_BESIDE_EVENTS = 3
"""Writes beside the events: the row, and the matches of the truck that had the delivery and of the
one that has it now."""
MAX_EVENTS_TOGETHER = MAX_WRITES_TOGETHER - _BESIDE_EVENTS
MAX_EVENT_BYTES_TOGETHER = MAX_BYTES_TOGETHER - _BESIDE_EVENTS * MAX_ITEM_BYTES


class Change(NamedTuple):
    """The changes to append to a delivery's log."""

    before: Delivery
    """The row on which the change was decided."""
    after: Delivery
    events: Sequence[DeliveryEvent]


def groups(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Groups changes of different deliveries into transactions, within the limit of writes.

    Changes with too many events for one transaction are left out. Bytes are not counted: if
    DynamoDB rejects a group as too large, each change is appended by itself.
    """
    group: list[Change] = []
    free_writes = MAX_WRITES_TOGETHER
    for change in changes:
        writes = 1 + len(change.events)
        if writes > MAX_WRITES_TOGETHER:
            continue
        if writes > free_writes:
            yield group
            group, free_writes = [], MAX_WRITES_TOGETHER
        group.append(change)
        free_writes -= writes
    if group:
        yield group


class Part(NamedTuple):
    """The content of one transaction."""

    before: Delivery | None
    """The row before this transaction; None for a new delivery."""
    after: Delivery
    """The fold of the log up to the last of `events`."""
    events: Sequence[DeliveryEvent]
    is_last: bool


def parts(
    before: Delivery | None, after: Delivery, events: Sequence[DeliveryEvent]
) -> Iterator[Part]:
    """Yields the transactions of an append, in order; nearly always one.

    The last transaction also writes `after`'s changed plan, and the time from which it is shown.

    Args:
        before: The row on which the change was decided; None for a new delivery.
        after: The row after the append.
        events: The versions after `before`'s, up to `after`'s.
    """
    row = before
    for some in _fitting(events):
        is_last = some[-1].version == after.version
        grown = after if is_last else _folded(row or _planned(after), some)
        yield Part(row, grown, some, is_last)
        row = grown


def _fitting(events: Sequence[DeliveryEvent]) -> Iterator[Sequence[DeliveryEvent]]:
    start, free_bytes = 0, MAX_EVENT_BYTES_TOGETHER
    for position, event in enumerate(events):
        size_bytes = item_bytes(to_item(event))
        is_full = position - start == MAX_EVENTS_TOGETHER or size_bytes > free_bytes
        if is_full and position > start:
            yield events[start:position]
            start, free_bytes = position, MAX_EVENT_BYTES_TOGETHER
        free_bytes -= size_bytes
    yield events[start:]


def _planned(after: Delivery) -> Delivery:
    """Returns a new delivery before its first event."""
    return msgspec.structs.replace(after, closed_at_ms=None)


def _folded(row: Delivery, events: Sequence[DeliveryEvent]) -> Delivery:
    closed_at_ms = row.closed_at_ms
    for event in events:
        if event.status not in CLOSED:
            closed_at_ms = None
        elif closed_at_ms is None:
            closed_at_ms = event.effective_at_ms
    return msgspec.structs.replace(
        row,
        status=events[-1].status,
        version=events[-1].version,
        updated_at_ms=events[-1].recorded_at_ms,
        closed_at_ms=closed_at_ms,
    )
