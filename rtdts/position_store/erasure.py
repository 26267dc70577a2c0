"""Erases from OpenSearch: a truck's documents, and deliveries' traces in the trucks' documents.

Each request processes a bounded number of documents: a killed process leaves no task running in
OpenSearch, and the next run has less to do. Every count is OpenSearch's own, after a refresh.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError

from rtdts.position_store.bulk import MAX_ITEMS, Action, WriteResult, head, send_bulk
from rtdts.position_store.client import translating_errors
from rtdts.position_store.documents import CURRENT_FIELDS
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import (
    LATEST_INDEX,
    POSITIONS_PATTERN,
    RAW_PATTERN,
    STATE_INDEX,
)
from rtdts.position_store.state import StateWrite, StoredState, TruckStateStore
from rtdts.tracking.instants import format_instant
from rtdts.tracking.truck_state import TruckState, tombstone

BATCH_DOCUMENTS = 10_000
"""Documents per request: takes seconds, well below any time limit between here and a domain."""
MAX_FRUITLESS = 5
"""Consecutive requests of which every document was changed concurrently by another writer."""

BY_QUERY = (RAW_PATTERN, POSITIONS_PATTERN)

_ANY_INDEX = {"ignore_unavailable": "true", "allow_no_indices": "true"}

_REMOVE_DELIVERIES = """
if (ctx._source.deliveries != null) {
  ctx._source.deliveries.removeIf(one -> params.ids.contains(one.delivery_id));
}
"""


class TruckErasure:
    """Erases trucks.

    Every method raises `StoreUnavailable` when OpenSearch or some of its shards are unavailable, or
    keep rejecting.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client
        self._states = TruckStateStore(client)

    def count(self, truck_id: str) -> dict[str, int]:
        """Counts a truck's documents, by index or pattern of indexes.

        A tombstone does not count.
        """
        counts = {
            pattern: _count(self._client, pattern, _of_truck(truck_id)) for pattern in BY_QUERY
        }
        with translating_errors(f"count in {LATEST_INDEX}"):
            shown = self._client.exists(index=LATEST_INDEX, id=truck_id)
        stored = self._states.load([truck_id]).get(truck_id)
        return {**counts, LATEST_INDEX: int(shown), STATE_INDEX: int(not _is_erased(stored))}

    def last_received_at(self, truck_id: str) -> str | None:
        """Returns when the last point to arrive was received, RFC 3339; None when there is none.

        This is not the newest point: a truck that was out of reach sends its newest point first,
        and the earlier ones after it.
        """
        indexes = ",".join((*BY_QUERY, LATEST_INDEX))
        _refresh(self._client, indexes)
        with translating_errors("look for the point that came last"):
            response = self._client.search(
                index=indexes,
                body={
                    "size": 0,
                    "query": _of_truck(truck_id),
                    "aggs": {"last": {"max": {"field": "received_at"}}},
                },
                params={**_ANY_INDEX, "allow_partial_search_results": "false"},
            )
        last_ms = response["aggregations"]["last"]["value"]
        return None if last_ms is None else format_instant(int(last_ms))

    def erase(self, truck_id: str, *, now_ms: int) -> Iterator[tuple[str, int]]:
        """Replaces a truck's state with a tombstone, then deletes the truck's documents.

        The tombstone comes first: a consumer with this state in memory finds it with its next
        write, and withdraws what it wrote in between. In the other order it would write the erased
        points again after their deletion. Points received up to `now_ms` are erased.

        Yields:
            An index or pattern, and how many of its documents were deleted since the last time.
        """
        if self._write_tombstone(truck_id, now_ms):
            yield STATE_INDEX, 1
        for pattern in BY_QUERY:
            for deleted in _by_query(self._client, "delete", pattern, _of_truck(truck_id)):
                yield pattern, deleted
        with translating_errors(f"delete in {LATEST_INDEX}"):
            try:
                self._client.delete(index=LATEST_INDEX, id=truck_id, params={"refresh": "true"})
            except NotFoundError:
                return
        yield LATEST_INDEX, 1

    def _write_tombstone(self, truck_id: str, now_ms: int) -> bool:
        """Writes the tombstone; returns whether it replaced anything else."""
        for _ in range(MAX_FRUITLESS):
            stored = self._states.load([truck_id]).get(truck_id)
            before = stored.state if stored is not None else None
            write = StateWrite.of(
                tombstone(truck_id, before, now_ms), stored.version if stored is not None else None
            )
            (outcome,) = self._states.save([write])
            if outcome.result is WriteResult.WRITTEN:
                return not _is_erased(stored)
            if outcome.result is not WriteResult.CONFLICT:
                raise StoreUnavailable(f"write in {STATE_INDEX}", None, outcome.reason)
        raise StoreUnavailable(f"write in {STATE_INDEX}", None, "the consumer keeps writing")


class DeliveryErasure:
    """Removes deliveries from the documents of the trucks that carried them.

    A document names the deliveries that its truck carried, and the remaining distance to each
    destination: a few such distances reveal where the destination is.

    Every method raises `StoreUnavailable` when OpenSearch or some of its shards are unavailable, or
    keep rejecting.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client
        self._states = TruckStateStore(client)

    def count(self, delivery_ids: Collection[str], truck_ids: Collection[str]) -> dict[str, int]:
        """Counts the documents that still name one of the deliveries."""
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
        """Removes the deliveries, and leaves the rest of the documents as it is.

        The states come first, and each is written again even if it names none of the deliveries: a
        consumer with this state in memory finds the new version with its next write, and withdraws
        what it wrote in between. In the other order it would name the erased deliveries again after
        their removal.

        A state keeps its writer's name: the consumer that holds it treats the change as its own and
        continues, whichever of the two writes first.

        Yields:
            An index or pattern, and how many of its documents were changed since the last time.
        """
        if not delivery_ids:
            return
        for truck_id in sorted(truck_ids):
            if self._remove_deliveries(truck_id, delivery_ids):
                yield STATE_INDEX, 1
        script = {"source": _REMOVE_DELIVERIES, "params": {"ids": sorted(delivery_ids)}}
        query = _naming(delivery_ids)
        for changed in _by_query(self._client, "update", POSITIONS_PATTERN, query, script=script):
            yield POSITIONS_PATTERN, changed
        for changed in _rewrite_latest(self._client, query, delivery_ids):
            yield LATEST_INDEX, changed

    def _remove_deliveries(self, truck_id: str, delivery_ids: Collection[str]) -> bool:
        """Writes a state without the deliveries; returns whether it named one."""
        for _ in range(MAX_FRUITLESS):
            stored = self._states.load([truck_id]).get(truck_id)
            if stored is None:
                return False
            if stored.state is None:
                # An unreadable state is useless, and a truck can continue without one.
                with translating_errors(f"delete in {STATE_INDEX}"):
                    self._client.delete(index=STATE_INDEX, id=truck_id)
                return True
            state = _without(stored.state, delivery_ids)
            (outcome,) = self._states.save([StateWrite.of(state, stored.version)])
            if outcome.result is WriteResult.WRITTEN:
                return _names(stored, delivery_ids)
            if outcome.result is not WriteResult.CONFLICT:
                raise StoreUnavailable(f"write in {STATE_INDEX}", None, outcome.reason)
        raise StoreUnavailable(f"write in {STATE_INDEX}", None, "the consumer keeps writing")


def _is_erased(stored: StoredState | None) -> bool:
    """Returns whether a truck has no stored state, or a tombstone."""
    if stored is None:
        return True
    state = stored.state
    return state is not None and state.is_tombstone


def _of_truck(truck_id: str) -> Mapping[str, Any]:
    return {"term": {"truck_id": truck_id}}


def _naming(delivery_ids: Collection[str]) -> Mapping[str, Any]:
    # `shown` is not searchable: it is older than the newest point, and names no other deliveries.
    ids = sorted(delivery_ids)
    # `fleet` may show a delivery that was assigned after the truck's newest point.
    fields = ("deliveries.delivery_id", "fleet.delivery_id")
    return {"bool": {"should": [{"terms": {field: ids}} for field in fields]}}


def _refresh(client: OpenSearch, pattern: str) -> None:
    with translating_errors(f"refresh {pattern}"):
        client.indices.refresh(index=pattern, params=_ANY_INDEX)


def _count(client: OpenSearch, pattern: str, query: Mapping[str, Any]) -> int:
    _refresh(client, pattern)
    with translating_errors(f"count in {pattern}"):
        response = client.count(index=pattern, body={"query": query}, params=_ANY_INDEX)
    shards = response["_shards"]
    if shards["failed"]:
        raise StoreUnavailable(f"count in {pattern}", None, "not all shards responded")
    return int(response["count"])


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
    _refresh(client, pattern)
    while True:
        with translating_errors(f"{operation} in {pattern}"):
            response = act(
                index=pattern,
                body=body,
                params={
                    **_ANY_INDEX,
                    "conflicts": "proceed",
                    "refresh": "true",
                    "max_docs": BATCH_DOCUMENTS,
                },
            )
        if response.get("failures") or response.get("timed_out"):
            failure = str(response.get("failures") or "timed out")
            raise StoreUnavailable(f"{operation} in {pattern}", None, failure)
        changed = int(response.get("deleted", 0)) + int(response.get("updated", 0))
        if changed:
            fruitless = 0
            yield changed
        elif response.get("version_conflicts"):
            fruitless += 1
            if fruitless == MAX_FRUITLESS:
                raise StoreUnavailable(f"{operation} in {pattern}", None, "documents keep changing")
        else:
            return


def _rewrite_latest(
    client: OpenSearch, query: Mapping[str, Any], delivery_ids: Collection[str]
) -> Iterator[int]:
    """Removes deliveries from latest positions; yields how many documents each request changed.

    Each document keeps its version, which an update by query would raise: the consumer's next
    correction of the same point has the version that follows, and would be rejected.
    """
    fruitless = 0
    while True:
        _refresh(client, LATEST_INDEX)
        with translating_errors(f"search in {LATEST_INDEX}"):
            response = client.search(
                index=LATEST_INDEX,
                body={"query": query, "size": MAX_ITEMS, "version": True},
                params={**_ANY_INDEX, "allow_partial_search_results": "false"},
            )
        found = response["hits"]["hits"]
        if not found:
            return
        outcomes = send_bulk(client, [_removal(one, delivery_ids) for one in found])
        for outcome in outcomes:
            if outcome.result not in (WriteResult.WRITTEN, WriteResult.CONFLICT):
                raise StoreUnavailable(f"update in {LATEST_INDEX}", None, outcome.reason)
        changed = sum(outcome.result is WriteResult.WRITTEN for outcome in outcomes)
        if changed:
            fruitless = 0
            yield changed
        else:
            fruitless += 1
            if fruitless == MAX_FRUITLESS:
                raise StoreUnavailable(f"update in {LATEST_INDEX}", None, "documents keep changing")


def _removal(found: Mapping[str, Any], delivery_ids: Collection[str]) -> Action:
    source = found["_source"]
    for point in (source, source.get("shown") or {}):
        if point.get("deliveries"):
            kept = [one for one in point["deliveries"] if one["delivery_id"] not in delivery_ids]
            point["deliveries"] = kept
    fleet = source.get("fleet") or {}
    if fleet.get("delivery_id") in delivery_ids:
        for name in CURRENT_FIELDS:
            fleet.pop(name, None)
    line = head(
        "index",
        _index=LATEST_INDEX,
        _id=found["_id"],
        version=found["_version"],
        version_type="external_gte",
    )
    return Action(head=line, document=msgspec.json.encode(source))


def _names(stored: StoredState, delivery_ids: Collection[str]) -> bool:
    """Returns whether a state names one of the deliveries; True for an unreadable state."""
    state = stored.state
    if state is None:
        return True
    return any(one.delivery_id in delivery_ids for one in state.deliveries)


def _without(state: TruckState, delivery_ids: Collection[str]) -> TruckState:
    return msgspec.structs.replace(
        state,
        deliveries=tuple(one for one in state.deliveries if one.delivery_id not in delivery_ids),
    )
