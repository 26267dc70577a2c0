"""Writing the raw log: by Firehose's stand-in as Firehose does, by a replay so that it can repeat.

Documents under ids of OpenSearch's making are there once more each time they come. Those of a
replay have an id made of their content: a replay that is run again overwrites what it wrote.
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
    """One record on its way into the raw log, on one line, as it is in the stream."""

    index: str
    source: bytes


def raw_index_of(arrived_at: datetime) -> str:
    """The daily index of an arrival: ``truck-raw-2026-11-24``."""
    return f"{RAW_PREFIX}{arrived_at:%Y-%m-%d}"


def on_one_line(payload: bytes) -> bytes:
    """A record as a line of a bulk request: a line break in it would garble its neighbours.

    Raises:
        ValueError: It is no JSON object, and OpenSearch takes nothing else.
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
        client: See `rtdts.position_store.client.connect`.
        repeatable: Whether the same document again overwrites itself.
    """

    def __init__(self, client: OpenSearch, *, repeatable: bool = False) -> None:
        self._client = client
        self._repeatable = repeatable

    def index(self, documents: Sequence[RawDocument]) -> list[ItemOutcome]:
        """Indexes all in bulk; an outcome a document, in order.

        Raises:
            StoreUnavailable: Nothing is known of any of them.
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
