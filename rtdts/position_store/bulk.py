"""Sends bulk requests, and returns the result of each item."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from opensearchpy import OpenSearch

from rtdts.position_store.client import STORES_OWN_FAULTS, translating_errors

MAX_ITEMS = 2_000
MAX_BYTES = 8_000_000
"""Size of one request: far below `http.max_content_length` (100 MB, 10 MB on small AWS domains)."""

_FILTER_PATH = (
    "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
)
_WITH_VERSIONS = f"{_FILTER_PATH},items.*._seq_no,items.*._primary_term"


class WriteResult(enum.Enum):
    """How the write of one item ended."""

    WRITTEN = "written"
    CONFLICT = "conflict"
    """The index has a newer version, or not the expected one."""
    REJECTED = "rejected"
    """The item is invalid, and will never be accepted."""
    RETRYABLE = "retryable"
    """The store is at fault: the same item may be accepted later."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a bulk request.

    ``head`` is the action's line, ``document`` the source's; both are JSON without line breaks. A
    deletion has no source.
    """

    head: bytes
    document: bytes = b""


class ItemOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one item, and the reason."""

    result: WriteResult
    reason: str = ""
    """The reason for a rejection or a temporary failure."""
    seq_no: int = -1
    primary_term: int = -1


def head(operation: str, **parameters: Any) -> bytes:
    """Encodes an action's line: ``{"index":{"_index":…,"_id":…}}``."""
    return msgspec.json.encode({operation: parameters})


_WRITTEN = ItemOutcome(result=WriteResult.WRITTEN)


def send_bulk(
    client: OpenSearch, actions: Sequence[Action], *, versions: bool = False
) -> list[ItemOutcome]:
    """Sends all, in requests of bounded size; returns one outcome per action, in order.

    Args:
        client: The OpenSearch client.
        actions: The actions to send.
        versions: Whether the outcomes include the sequence numbers of what was written, which are
            more than half of the response.

    Raises:
        StoreUnavailable: A request failed as a whole. Earlier ones may have been written, so every
            action must be safe to repeat.
    """
    filter_path = _WITH_VERSIONS if versions else _FILTER_PATH
    outcomes: list[ItemOutcome] = []
    for chunk in _chunks(actions):
        body = b"".join(part for action in chunk for part in _lines(action))
        with translating_errors("bulk"):
            response = client.bulk(body=body, params={"filter_path": filter_path})
        items = [next(iter(item.items())) for item in response.get("items", [])]
        if len(items) != len(chunk):
            items += [("", {"status": 503})] * (len(chunk) - len(items))
        outcomes += [_outcome(*item) for item in items[: len(chunk)]]
    return outcomes


def _outcome(operation: str, item: dict[str, Any]) -> ItemOutcome:
    status = item.get("status", 503)
    if status == 404 and operation == "delete":  # the document, or its whole index, does not exist
        return _WRITTEN
    if 200 <= status < 300:
        if "_seq_no" not in item:
            return _WRITTEN
        return ItemOutcome(
            result=WriteResult.WRITTEN,
            seq_no=item["_seq_no"],
            primary_term=item.get("_primary_term", -1),
        )
    if status == 409:
        return ItemOutcome(result=WriteResult.CONFLICT)
    error = item.get("error", {})
    details = (error.get("type"), error.get("reason"), error.get("caused_by", {}).get("reason"))
    reason = f"{status} " + ": ".join(part for part in details if part)
    # With 400 the mapping or the parser rejected this document, except for some types of errors.
    # Any other status (429, 5xx, 403 of a full disk, 404 of an index that is being created) is the
    # store's fault.
    is_own_fault = status == 400 and error.get("type") not in STORES_OWN_FAULTS
    result = WriteResult.REJECTED if is_own_fault else WriteResult.RETRYABLE
    return ItemOutcome(result=result, reason=reason[:500])


def _lines(action: Action) -> tuple[bytes, ...]:
    if not action.document:
        return action.head, b"\n"
    return action.head, b"\n", action.document, b"\n"


def _chunks(actions: Sequence[Action]) -> Iterator[list[Action]]:
    chunk: list[Action] = []
    size = 0
    for action in actions:
        item_size = len(action.head) + len(action.document) + 2
        if chunk and (len(chunk) == MAX_ITEMS or size + item_size > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(action)
        size += item_size
    if chunk:
        yield chunk
