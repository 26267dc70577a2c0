"""``truck-state``: the consumer's memory, written only by who has read what it replaces.

Each document names its writer. So a refused write can be told apart: the document that stands is
one's own (the answer to an earlier attempt got lost: success), or another process has taken over.

All fields of a memory are fields of its document as they are, but for the window, which is packed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from opensearchpy import OpenSearch

from rtdts.position_store.bulk import Action, Fate, ItemOutcome, head, send_bulk
from rtdts.position_store.client import telling_errors_apart
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import STATE_INDEX
from rtdts.position_store.window_codec import pack_window, unpack_window
from rtdts.tracking.truck_state import TruckState

MGET_IDS = 200
"""Documents a request of `load`: some 2 MB."""

_FOUND = "docs._id,docs._source,docs._seq_no,docs._primary_term,docs.found,docs.error"

_ENCODER = msgspec.json.Encoder()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentVersion:
    """Which version of a document was read: OpenSearch's own numbers."""

    seq_no: int
    primary_term: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredState:
    """A memory, and the version of the document that holds it."""

    state: TruckState | None
    """None when the document can't be read as one: it may only be replaced."""
    version: DocumentVersion


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateWrite:
    """A memory to write in place of a version; None: there must be none yet."""

    state: TruckState
    replaces: DocumentVersion | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateOutcome:
    """What became of a `StateWrite`."""

    fate: Fate
    version: DocumentVersion | None = None
    """When written."""
    reason: str = ""


class TruckStateStore:
    """Reads and writes trucks' memories.

    Args:
        client: See `rtdts.position_store.client.connect`.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def load(self, truck_ids: Sequence[str]) -> dict[str, StoredState]:
        """Those trucks' memories that exist, by truck, without any refresh lag.

        Raises:
            StoreUnavailable: OpenSearch can't answer now.
        """
        found: dict[str, StoredState] = {}
        for start in range(0, len(truck_ids), MGET_IDS):
            with telling_errors_apart("read truck states"):
                answer = self._client.mget(
                    index=STATE_INDEX,
                    body={"ids": list(truck_ids[start : start + MGET_IDS])},
                    params={"filter_path": _FOUND},
                )
            for document in answer.get("docs", []):
                if "error" in document:
                    raise StoreUnavailable("read truck states", None, str(document["error"]))
                if document.get("found"):
                    found[document["_id"]] = _stored(document)
        return found

    def save(self, writes: Sequence[StateWrite]) -> list[StateOutcome]:
        """Writes memories, each on the condition that it replaces what it says.

        Raises:
            StoreUnavailable: A whole request failed; repeat all.
        """
        outcomes = send_bulk(self._client, [_action(write) for write in writes], versions=True)
        return [_state_outcome(outcome) for outcome in outcomes]


class _Packed(msgspec.Struct):
    truck_id: str
    window: bytes


def encode_state(state: TruckState) -> bytes:
    """The document of ``truck-state``."""
    fields = msgspec.structs.asdict(state)
    return _ENCODER.encode({**fields, "window": pack_window(state.window)})


def decode_state(source: Any) -> TruckState:
    """A document of ``truck-state``.

    Raises:
        ValueError: It isn't one.
    """
    try:
        packed = msgspec.convert(source, _Packed)
        window = unpack_window(packed.truck_id, packed.window)
        return msgspec.convert({**source, "window": window}, TruckState)
    except msgspec.ValidationError as problem:
        raise ValueError(f"not a truck's memory: {problem}") from problem


def _stored(document: Mapping[str, object]) -> StoredState:
    try:
        state = decode_state(document["_source"])
    except ValueError:
        state = None
    return StoredState(
        state=state,
        version=msgspec.convert(
            {"seq_no": document["_seq_no"], "primary_term": document["_primary_term"]},
            DocumentVersion,
        ),
    )


def _action(write: StateWrite) -> Action:
    truck_id, replaces = write.state.truck_id, write.replaces
    if replaces is None:
        line = head("create", _index=STATE_INDEX, _id=truck_id)
    else:
        line = head(
            "index",
            _index=STATE_INDEX,
            _id=truck_id,
            if_seq_no=replaces.seq_no,
            if_primary_term=replaces.primary_term,
        )
    return Action(head=line, document=encode_state(write.state))


def _state_outcome(outcome: ItemOutcome) -> StateOutcome:
    version = None
    if outcome.fate is Fate.WRITTEN:
        version = DocumentVersion(seq_no=outcome.seq_no, primary_term=outcome.primary_term)
    return StateOutcome(fate=outcome.fate, version=version, reason=outcome.reason)
