"""Writes the raw log: with generated ids like Firehose, or with repeatable ids for a replay.

Documents with ids that OpenSearch generates are duplicated each time they are written. Those of a
replay have an id derived from their content: a repeated replay overwrites its own writes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import msgspec
from opensearchpy import OpenSearch

from rtdts.position_store.bulk import Action, ItemOutcome, head, send_bulk
from rtdts.position_store.index_definitions import RAW_PREFIX


class RawDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One record for the raw log, on one line, as it is in the stream."""

    index: str
    source: bytes


def raw_index_of(arrived_at: datetime) -> str:
    """Returns the daily index of an arrival: ``truck-raw-2026-11-24``."""
    return f"{RAW_PREFIX}{arrived_at:%Y-%m-%d}"


def on_one_line(payload: bytes) -> bytes:
    """Returns a record as a line of a bulk request: a line break in it would corrupt the others.

    Raises:
        ValueError: It is not a JSON object, which OpenSearch requires.
    """
    value = json.loads(payload)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - of the data, not of a caller
    stripped = payload.strip()
    is_broken = b"\n" in stripped or b"\r" in stripped
    return json.dumps(value, separators=(",", ":")).encode() if is_broken else stripped


class RawLog:
    """The raw log in OpenSearch.

    Args:
        repeatable: Whether writing the same document again overwrites it.
    """

    def __init__(self, client: OpenSearch, *, repeatable: bool = False) -> None:
        self._client = client
        self._repeatable = repeatable

    def index(self, documents: Sequence[RawDocument]) -> list[ItemOutcome]:
        """Indexes all in bulk; returns one outcome per document, in order.

        Raises:
            StoreUnavailable: The results are unknown.
        """
        return send_bulk(self._client, [self._action(document) for document in documents])

    def _action(self, document: RawDocument) -> Action:
        identity = (
            {"_id": f"replayed-{sha256(document.source).hexdigest()[:32]}"}
            if self._repeatable
            else {}
        )
        return Action(
            head=head("index", _index=document.index, **identity), document=document.source
        )
