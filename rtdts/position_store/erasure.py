"""Erasing from OpenSearch: a truck's documents, and a delivery's traces in the documents of trucks.

By query, a bounded number of documents a request: whoever is killed leaves no task running behind,
and whoever goes on finds less to do. Every count is OpenSearch's own, after a refresh.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError

from rtdts.position_store.client import telling_errors_apart
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import (
    LATEST_INDEX,
    POSITIONS_PATTERN,
    RAW_PATTERN,
    STATE_INDEX,
)
from rtdts.position_store.state import StateWrite, StoredState, TruckStateStore
from rtdts.tracking.positions import EnrichedPoint, LatestPosition
from rtdts.tracking.truck_state import TruckState

BATCH_DOCUMENTS = 10_000
"""Documents a request: seconds, and well below any time limit on the way to a domain."""
MAX_FRUITLESS = 5
"""Requests in a row of which every document was changed by somebody else meanwhile."""

BY_QUERY = (RAW_PATTERN, POSITIONS_PATTERN)
BY_ID = (LATEST_INDEX, STATE_INDEX)

_WITH_DELIVERIES = f"{POSITIONS_PATTERN},{LATEST_INDEX}"
_ANY_INDEX = {"ignore_unavailable": "true", "allow_no_indices": "true"}

_FORGET_DELIVERIES = """
void forget(def point, def ids) {
  if (point != null && point.deliveries != null) {
    point.deliveries.removeIf(one -> ids.contains(one.delivery_id));
  }
}
forget(ctx._source, params.ids);
forget(ctx._source.shown, params.ids);
"""


class TruckErasure:
    """Erases trucks.

    Args:
        client: See `rtdts.position_store.client.connect`.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def count(self, truck_id: str) -> dict[str, int]:
        """How many documents of a truck there are, by index or pattern of indexes.

        Raises:
            StoreUnavailable: OpenSearch can't answer now, or not for all of its shards.
        """
        counts = {
            pattern: _count(self._client, pattern, _of_truck(truck_id)) for pattern in BY_QUERY
        }
        with telling_errors_apart("count by id"):
            answer = self._client.mget(
                body={
                    "docs": [
                        {"_index": index, "_id": truck_id, "_source": False} for index in BY_ID
                    ]
                }
            )
        for index, document in zip(BY_ID, answer["docs"], strict=True):
            if "error" in document:
                raise StoreUnavailable("count by id", None, str(document["error"]))
            counts[index] = int(document.get("found", False))
        return counts

    def last_received_at(self, truck_id: str) -> str | None:
        """When the newest point of a truck was received, RFC 3339; None when none is known.

        Raises:
            StoreUnavailable: OpenSearch can't answer now.
        """
        with telling_errors_apart("read the latest position"):
            answer = self._client.mget(index=LATEST_INDEX, body={"ids": [truck_id]})
        (document,) = answer["docs"]
        source = document.get("_source") or {}
        return source.get("received_at")

    def erase(self, truck_id: str) -> Iterator[tuple[str, int]]:
        """Deletes a truck's documents, those that others read last: the memory goes at the end.

        Yields:
            An index or pattern, and how many documents have gone from it since the last time.

        Raises:
            StoreUnavailable: OpenSearch can't answer now, or kept refusing.
        """
        for pattern in BY_QUERY:
            for deleted in _by_query(self._client, "delete", pattern, _of_truck(truck_id)):
                yield pattern, deleted
        for index in BY_ID:
            with telling_errors_apart(f"delete in {index}"):
                try:
                    self._client.delete(index=index, id=truck_id, params={"refresh": "true"})
                except NotFoundError:
                    continue
            yield index, 1


class DeliveryErasure:
    """Takes deliveries out of the documents of the trucks that carried them.

    A document names the deliveries that its truck carried, and how far each destination was: a few
    of them tell where it is.

    Args:
        client: See `rtdts.position_store.client.connect`.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client
        self._states = TruckStateStore(client)

    def count(self, delivery_ids: Collection[str], truck_ids: Collection[str]) -> dict[str, int]:
        """How many documents still name one of the deliveries.

        Args:
            delivery_ids: The deliveries.
            truck_ids: Every truck that carried one.

        Raises:
            StoreUnavailable: OpenSearch can't answer now, or not for all of its shards.
        """
        if not delivery_ids:
            return {}
        found = {
            pattern: _count(self._client, pattern, _naming(delivery_ids))
            for pattern in (POSITIONS_PATTERN, LATEST_INDEX)
        }
        stored = self._states.load(list(truck_ids))
        naming = [one for one in stored.values() if _names(one, delivery_ids)]
        return {**found, STATE_INDEX: len(naming)}

    def erase(
        self, delivery_ids: Collection[str], truck_ids: Collection[str]
    ) -> Iterator[tuple[str, int]]:
        """Takes the deliveries out, and leaves all else of the documents as it is.

        A memory keeps its writer's name: the consumer that holds it takes the change for its own
        and goes on, whoever writes first.

        Args:
            delivery_ids: The deliveries.
            truck_ids: Every truck that carried one.

        Yields:
            An index or pattern, and how many of its documents have changed since the last time.

        Raises:
            StoreUnavailable: OpenSearch can't answer now, or kept refusing.
        """
        if not delivery_ids:
            return
        script = {"source": _FORGET_DELIVERIES, "params": {"ids": sorted(delivery_ids)}}
        query = _naming(delivery_ids)
        for changed in _by_query(self._client, "update", _WITH_DELIVERIES, query, script=script):
            yield _WITH_DELIVERIES, changed
        for truck_id, stored in self._states.load(list(truck_ids)).items():
            if not _names(stored, delivery_ids):
                continue
            if stored.state is None:
                # Nobody can read it, and a truck goes on without one.
                with telling_errors_apart(f"delete in {STATE_INDEX}"):
                    self._client.delete(index=STATE_INDEX, id=truck_id)
            else:
                state = _without(stored.state, delivery_ids)
                # Refused when the consumer wrote meanwhile: the next round of the erasure sees.
                self._states.save([StateWrite(state=state, replaces=stored.version)])
            yield STATE_INDEX, 1


def _of_truck(truck_id: str) -> Mapping[str, Any]:
    return {"term": {"truck_id": truck_id}}


def _naming(delivery_ids: Collection[str]) -> Mapping[str, Any]:
    def nested(path: str) -> Mapping[str, Any]:
        terms = {"terms": {f"{path}.delivery_id": sorted(delivery_ids)}}
        # The history has nothing shown.
        return {"nested": {"path": path, "query": terms, "ignore_unmapped": True}}

    return {"bool": {"should": [nested("deliveries"), nested("shown.deliveries")]}}


def _count(client: OpenSearch, pattern: str, query: Mapping[str, Any]) -> int:
    with telling_errors_apart(f"count in {pattern}"):
        client.indices.refresh(index=pattern, params=_ANY_INDEX)
        answer = client.count(index=pattern, body={"query": query}, params=_ANY_INDEX)
    shards = answer["_shards"]
    if shards["failed"]:
        raise StoreUnavailable(f"count in {pattern}", None, f"of {shards['total']} shards not all")
    return int(answer["count"])


def _by_query(
    client: OpenSearch,
    operation: str,
    pattern: str,
    query: Mapping[str, Any],
    *,
    script: Mapping[str, Any] | None = None,
) -> Iterator[int]:
    """Deletes or updates what a query finds; yields how many documents each request changed."""
    act = client.delete_by_query if operation == "delete" else client.update_by_query
    body = {"query": query} if script is None else {"query": query, "script": script}
    fruitless = 0
    with telling_errors_apart(f"refresh {pattern}"):
        client.indices.refresh(index=pattern, params=_ANY_INDEX)
    while True:
        with telling_errors_apart(f"{operation} in {pattern}"):
            answer = act(
                index=pattern,
                body=body,
                params={
                    **_ANY_INDEX,
                    "conflicts": "proceed",
                    "refresh": "true",
                    "max_docs": BATCH_DOCUMENTS,
                },
            )
        if answer.get("failures") or answer.get("timed_out"):
            told = str(answer.get("failures") or "timed out")
            raise StoreUnavailable(f"{operation} in {pattern}", None, told)
        changed = int(answer.get("deleted", 0)) + int(answer.get("updated", 0))
        if changed:
            fruitless = 0
            yield changed
        elif answer.get("version_conflicts"):
            fruitless += 1
            if fruitless == MAX_FRUITLESS:
                raise StoreUnavailable(f"{operation} in {pattern}", None, "somebody keeps writing")
        else:
            return


def _names(stored: StoredState, delivery_ids: Collection[str]) -> bool:
    """Whether a memory names one of the deliveries; of one that can't be read nobody knows."""
    state = stored.state
    if state is None:
        return True
    latest = state.latest
    points = [] if latest is None else [latest.newest, *([latest.shown] if latest.shown else [])]
    named = {memory.delivery_id for memory in state.deliveries}
    named |= {progress.delivery_id for point in points for progress in point.deliveries}
    return not named.isdisjoint(delivery_ids)


def _without(state: TruckState, delivery_ids: Collection[str]) -> TruckState:
    return msgspec.structs.replace(
        state,
        latest=None if state.latest is None else _latest_without(state.latest, delivery_ids),
        deliveries=tuple(one for one in state.deliveries if one.delivery_id not in delivery_ids),
    )


def _latest_without(latest: LatestPosition, delivery_ids: Collection[str]) -> LatestPosition:
    def without(point: EnrichedPoint) -> EnrichedPoint:
        kept: Sequence[Any] = [
            one for one in point.deliveries if one.delivery_id not in delivery_ids
        ]
        return msgspec.structs.replace(point, deliveries=tuple(kept))

    return msgspec.structs.replace(
        latest,
        newest=without(latest.newest),
        shown=without(latest.shown) if latest.shown else None,
    )
