"""Groups items for the stream into calls within `PutRecords`' limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def calls_of(
    items: Iterable[T], size: Callable[[T], int], *, max_items: int, max_bytes: int
) -> Iterator[list[T]]:
    """Yields the items in order, in calls that are as large as allowed.

    Args:
        items: The items to put. An item that is larger than a call gets its own call.
        size: An item's size, in bytes.
        max_items: Items per call.
        max_bytes: Bytes per call.
    """
    call: list[T] = []
    total = 0
    for item in items:
        if call and (len(call) == max_items or total + size(item) > max_bytes):
            yield call
            call, total = [], 0
        call.append(item)
        total += size(item)
    if call:
        yield call
