"""``truck-state``: the trucks' states; a consumer may only replace a version that it has read.

Each document names its writer. So the reason for a rejected write is known: if the stored document
is the consumer's own, the response to an earlier attempt got lost and the write has succeeded;
otherwise another process has taken the shard over.

The state is one packed value of its document (`rtdts.tracking.state_codec`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from opensearchpy import OpenSearch

from rtdts.position_store.bulk import Action, ItemOutcome, WriteResult, head, send_bulk
from rtdts.position_store.client import translating_errors
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import STATE_INDEX
from rtdts.tracking.state_codec import pack_state, unpack_state
from rtdts.tracking.truck_state import TruckState

MGET_IDS = 200
"""Documents per request of `load`: some 2 MB."""

SEARCH_HITS = 5_000
"""Ids per search of `unsettled`."""

_FOUND = "docs._id,docs._source,docs._seq_no,docs._primary_term,docs.found,docs.error"

_ENCODER = msgspec.json.Encoder()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DocumentVersion:
    """The version of a document that was read: OpenSearch's own numbers."""

    seq_no: int
    primary_term: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredState:
    """A packed state, and the version of the document that holds it."""

    truck_id: str
    packed: bytes
    version: DocumentVersion

    @property
    def state(self) -> TruckState | None:
        """The state; None when the document can't be decoded: then it may only be replaced."""
        try:
            return unpack_state(self.truck_id, self.packed)
        except ValueError:
            return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateWrite:
    """A state to write in place of a version; None: no document may exist yet."""

    truck_id: str
    packed: bytes
    is_unsettled: bool
    """Whether a worker that takes the shard over has something to settle."""
    replaces: DocumentVersion | None

    @classmethod
    def of(cls, state: TruckState, replaces: DocumentVersion | None) -> StateWrite:
        """Creates the write of a state."""
        return cls(
            truck_id=state.truck_id,
            packed=pack_state(state),
            is_unsettled=state.is_unsettled,
            replaces=replaces,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class StateOutcome:
    """The result of a `StateWrite`."""

    result: WriteResult
    version: DocumentVersion | None = None
    """Set when written."""
    reason: str = ""


class TruckStateStore:
    """Reads and writes trucks' states."""

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def load(self, truck_ids: Sequence[str]) -> dict[str, StoredState]:
        """Returns the existing states of the trucks, by truck, without any refresh lag.

        Raises:
            StoreUnavailable: OpenSearch is unavailable.
        """
        found: dict[str, StoredState] = {}
        for start in range(0, len(truck_ids), MGET_IDS):
            with translating_errors("read truck states"):
                response = self._client.mget(
                    index=STATE_INDEX,
                    body={"ids": list(truck_ids[start : start + MGET_IDS])},
                    params={"filter_path": _FOUND},
                )
            for document in response.get("docs", []):
                if "error" in document:
                    raise StoreUnavailable("read truck states", None, str(document["error"]))
                if document.get("found"):
                    found[document["_id"]] = _stored(document)
        return found

    def unsettled(self) -> list[str]:
        """Returns the trucks of all shards whose states wait to be settled.

        Raises:
            StoreUnavailable: OpenSearch is unavailable, or some of its shards are.
        """
        operation = "look for unsettled trucks"
        found: list[str] = []
        with translating_errors(operation):
            self._client.indices.refresh(index=STATE_INDEX)
        while True:
            body: dict[str, Any] = {
                "query": {"term": {"is_unsettled": True}},
                "_source": False,
                "size": SEARCH_HITS,
                "sort": [{"truck_id": "asc"}],
            }
            if found:
                body["search_after"] = [found[-1]]
            with translating_errors(operation):
                response = self._client.search(
                    index=STATE_INDEX,
                    body=body,
                    params={"allow_partial_search_results": "false", "preference": "_primary"},
                )
            hits = response["hits"]["hits"]
            found += [hit["_id"] for hit in hits]
            if len(hits) < SEARCH_HITS:
                return found

    def save(self, writes: Sequence[StateWrite]) -> list[StateOutcome]:
        """Writes states, each on the condition that it replaces the version that it names.

        Raises:
            StoreUnavailable: A whole request failed; repeat all writes.
        """
        outcomes = send_bulk(self._client, [_action(write) for write in writes], versions=True)
        return [_state_outcome(outcome) for outcome in outcomes]


class _Document(msgspec.Struct, frozen=True):
    truck_id: str
    is_unsettled: bool
    state: bytes = b""


def _stored(document: Mapping[str, Any]) -> StoredState:
    try:
        packed = msgspec.convert(document["_source"], _Document).state
    except msgspec.ValidationError:
        packed = b""
    return StoredState(
        truck_id=document["_id"],
        packed=packed,
        version=msgspec.convert(
            {"seq_no": document["_seq_no"], "primary_term": document["_primary_term"]},
            DocumentVersion,
        ),
    )


def _action(write: StateWrite) -> Action:
    truck_id, replaces = write.truck_id, write.replaces
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
    document = _Document(truck_id, write.is_unsettled, write.packed)
    return Action(head=line, document=_ENCODER.encode(document))


def _state_outcome(outcome: ItemOutcome) -> StateOutcome:
    version = None
    if outcome.result is WriteResult.WRITTEN:
        version = DocumentVersion(seq_no=outcome.seq_no, primary_term=outcome.primary_term)
    return StateOutcome(result=outcome.result, version=version, reason=outcome.reason)
