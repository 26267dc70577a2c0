"""OpenSearch's `_bulk`: lines of actions and sources; one response item per action, in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Set
from typing import Any

import msgspec

from sim.fault_shim.batches import Entry, Failures


@dataclasses.dataclass(frozen=True)
class _Item:
    operation: str
    index: str
    id: str
    lines: tuple[bytes, ...]


class BulkBatch:
    """A bulk request, split into its items. A ``filter_path`` must keep one field of every item.

    Args:
        body: The uncompressed body.
        index: The index in the path, for items that name none.

    Raises:
        msgspec.DecodeError: The body is not a bulk request.
    """

    def __init__(self, body: bytes, *, index: str = "") -> None:
        self._items = tuple(_items(body, index))
        self.entries: tuple[Entry, ...] = tuple((item.index, item.id) for item in self._items)

    def without(self, failing: Set[int]) -> bytes | None:
        """See `Batch`."""
        kept = [
            line
            for place, item in enumerate(self._items)
            if place not in failing
            for line in item.lines
        ]
        return b"".join(line + b"\n" for line in kept) if kept else None

    def respond(self, upstream: bytes | None, failures: Failures) -> bytes:
        """See `Batch`."""
        document: dict[str, Any] = msgspec.json.decode(upstream) if upstream else {"took": 0}
        done = iter(document.get("items", ()))
        items = []
        for place, item in enumerate(self._items):
            failure = failures.get(place)
            if failure is None:
                items.append(next(done))
                continue
            error = {"type": failure.code, "reason": failure.message}
            outcome = {"_index": item.index, "_id": item.id, "status": failure.status}
            items.append({item.operation: {**outcome, "error": error}})
        return msgspec.json.encode({**document, "errors": True, "items": items})


def _items(body: bytes, index: str) -> Iterator[_Item]:
    lines = iter(line for line in body.split(b"\n") if line.strip())
    for head in lines:
        ((operation, parameters),) = msgspec.json.decode(
            head, type=dict[str, dict[str, Any]]
        ).items()
        source = () if operation == "delete" else (next(lines, b""),)
        yield _Item(
            operation,
            parameters.get("_index", index),
            str(parameters.get("_id", "")),
            (head, *source),
        )
