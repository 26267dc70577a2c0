"""The consumer's reads of the history: copies of points, and a truck's fixes around a time.

Reads by id are realtime. A search sees only writes before the last refresh: call `refresh` before
`around`, `before` and `after`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from opensearchpy import OpenSearch

from rtdts.position_store.client import translating_errors
from rtdts.position_store.documents import decode_stored_fix, index_of
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from rtdts.tracking.fixes import Fix
from rtdts.tracking.instants import format_instant, parse_instant
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point

MGET_IDS = 500
"""Documents per request by id."""
SEARCH_IDS = 1_000
"""Ids per search; far below `index.max_result_window` and `indices.query.bool.max_clause_count`."""
MAX_HITS = 10_000
"""Hits per search: `index.max_result_window`."""
MAX_CLAUSES = 256
"""Intervals per search; `indices.query.bool.max_clause_count` is 1,024."""

STAMPS_APART_MS = 3_600_000
"""Maximum difference between two stamps that a point gets within a short time. They differ by the
time between its two receipts and, if only one of them shifts the clock, by at most the time that
the clock is ahead."""

_ANY_INDEX = {"ignore_unavailable": "true", "allow_no_indices": "true"}
# A point missing from a shard's response would be corrected as if erased; a replica may lag behind.
_COMPLETE = {**_ANY_INDEX, "allow_partial_search_results": "false", "preference": "_primary"}
_HITS = "hits.hits._id,hits.hits._source,hits.hits._version,_shards,timed_out"
_FOUND = "docs._id,docs._source,docs.found,docs.error"
_STAMP_FIELDS = ["event_at", "n", "beyond"]


class Stamp(NamedTuple):
    """The time and ordinal under which the history holds a point."""

    event_at_ms: int
    n: int
    beyond: bool


class HistoryInterval(NamedTuple):
    """A closed interval of a truck's ``event_at``."""

    truck_id: str
    from_ms: int
    to_ms: int


class HistoryFix(NamedTuple):
    """A fix of the history."""

    fix: Fix
    version: int
    """Grows with the data that it was derived from; 1: provisional."""
    beyond: bool


class _StampDocument(msgspec.Struct, frozen=True):
    event_at: str
    n: int = 0
    beyond: bool = False


class HistoryPages:
    """Reads the history for the consumer.

    Every method raises `StoreUnavailable` when OpenSearch, or some of its shards, are unavailable.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def known_trucks(self, truck_ids: Sequence[str]) -> frozenset[str]:
        """Returns the trucks with points in the history, except for the last second."""
        known: set[str] = set()
        for start in range(0, len(truck_ids), SEARCH_IDS):
            some = list(truck_ids[start : start + SEARCH_IDS])
            with translating_errors("look for trucks"):
                response = self._client.search(
                    index=POSITIONS_PATTERN,
                    body={
                        "size": 0,
                        "query": {"terms": {"truck_id": some}},
                        "aggs": {"trucks": {"terms": {"field": "truck_id", "size": len(some)}}},
                    },
                    params=_COMPLETE,
                )
            buckets = response.get("aggregations", {}).get("trucks", {}).get("buckets", [])
            known |= {bucket["key"] for bucket in buckets}
        return frozenset(known)

    def stored(self, points: Sequence[Point]) -> dict[str, Stamp]:
        """Returns the stamps of those of the points that the history holds, by id.

        Points written within the last second are found too, provided that the two stamps lie within
        `STAMPS_APART_MS` of each other: these are read by id. Of several copies the earliest
        counts, because it is the original's.

        Args:
            points: Points with their current stamps.
        """
        found: dict[str, Stamp] = {}
        shifted = [point_id(point) for point in points if _may_be_elsewhere(point)]
        places = [
            {"_index": index, "_id": point_id(point)}
            for point in points
            for index in _possible_indexes(point)
        ]
        for identity, stamp in (*self._searched(shifted), *self._by_id(places)):
            known = found.get(identity)
            if known is None or stamp.event_at_ms < known.event_at_ms:
                found[identity] = stamp
        return found

    def refresh(self) -> None:
        """Makes earlier writes visible to searches."""
        with translating_errors("refresh the history"):
            self._client.indices.refresh(index=POSITIONS_PATTERN, params=_ANY_INDEX)

    def around(self, expected: Sequence[HistoryInterval]) -> dict[str, list[HistoryFix]]:
        """Returns the fixes of each truck's intervals, with one search for all, in any order.

        A truck whose fixes can't all be read at once is left out.
        """
        found: dict[str, dict[tuple[int, str], HistoryFix]] = {}
        too_many: set[str] = set()
        for start in range(0, len(expected), MAX_CLAUSES):
            self._around(expected[start : start + MAX_CLAUSES], found, too_many)
        return {
            truck_id: list(fixes.values())
            for truck_id, fixes in found.items()
            if truck_id not in too_many
        }

    def before(self, truck_id: str, event_at_ms: int, limit: int) -> list[HistoryFix]:
        """Returns a truck's last fixes before a time, at most `limit`, in any order.

        Where the limit falls among fixes of one moment, it is undefined which of them are left out.
        """
        return self._page(truck_id, None, event_at_ms - 1, limit)

    def after(self, truck_id: str, from_ms: int, limit: int) -> list[HistoryFix]:
        """Returns a truck's first fixes from a time on, at most `limit`, by ``event_at``.

        Fixes of one moment come in any order, also where the limit falls among them.
        """
        return self._page(truck_id, from_ms, None, limit)

    def _around(
        self,
        expected: Sequence[HistoryInterval],
        found: dict[str, dict[tuple[int, str], HistoryFix]],
        too_many: set[str],
    ) -> None:
        query = {"bool": {"should": [_within(*one) for one in expected]}}
        hits = self._hits({"query": query, "size": MAX_HITS})
        if len(hits) < MAX_HITS:
            for one in hits:  # intervals of two searches may overlap and have fixes in common
                found.setdefault(one.fix.truck_id, {})[one.fix.order] = one
        elif len(expected) == 1:
            too_many.add(expected[0].truck_id)
        else:
            half = len(expected) // 2
            self._around(expected[:half], found, too_many)
            self._around(expected[half:], found, too_many)

    def _page(
        self, truck_id: str, from_ms: int | None, to_ms: int | None, limit: int
    ) -> list[HistoryFix]:
        """Returns the first fixes from a time on, or the last ones up to a time."""
        found: dict[tuple[int, str], HistoryFix] = {}
        size, step = (min(limit, MAX_HITS), 1 if to_ms is None else -1)
        while True:
            hits = self._hits(
                {
                    "query": _within(truck_id, from_ms, to_ms),
                    "sort": [{"event_at": "asc" if to_ms is None else "desc"}],
                    "size": size,
                }
            )
            found.update((one.fix.order, one) for one in hits)
            if len(hits) < size or len(found) >= limit:
                return list(found.values())[:limit]
            # The next page begins with the moment at which this page was cut: fixes of one moment
            # have no order from which a search could continue.
            edge_ms = hits[-1].fix.event_at_ms
            if hits[0].fix.event_at_ms == edge_ms:
                edge_ms += step
            from_ms, to_ms = (edge_ms, None) if to_ms is None else (None, edge_ms)

    def _hits(self, body: Mapping[str, Any]) -> list[HistoryFix]:
        response = self._checked({**body, "version": True})
        return [_history_fix(hit) for hit in response["hits"].get("hits", [])]

    def _checked(self, body: Mapping[str, Any]) -> Any:
        operation = "read the history"
        with translating_errors(operation):
            response = self._client.search(
                index=POSITIONS_PATTERN,
                body=body,
                params={**_COMPLETE, "filter_path": _HITS},
            )
        if response.get("timed_out") or response.get("_shards", {}).get("failed"):
            raise StoreUnavailable(operation, None, "not all shards responded")
        response.setdefault("hits", {})
        return response

    def _searched(self, ids: Sequence[str]) -> Iterator[tuple[str, Stamp]]:
        for start in range(0, len(ids), SEARCH_IDS):
            some = list(ids[start : start + SEARCH_IDS])
            response = self._checked(
                {
                    "_source": _STAMP_FIELDS,
                    "query": {"ids": {"values": some}},
                    "size": min(2 * len(some), MAX_HITS),
                    "sort": [{"event_at": "desc"}],
                }
            )
            for hit in response["hits"].get("hits", []):
                yield hit["_id"], _stamp(hit["_source"])

    def _by_id(self, places: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Stamp]]:
        operation = "look for copies"
        for start in range(0, len(places), MGET_IDS):
            some = places[start : start + MGET_IDS]
            with translating_errors(operation):
                response = self._client.mget(
                    body={"docs": [{**place, "_source": _STAMP_FIELDS} for place in some]},
                    params={"filter_path": _FOUND},
                )
            for document in response.get("docs", []):
                if "error" in document:
                    if document["error"].get("type") != "index_not_found_exception":
                        raise StoreUnavailable(operation, None, str(document["error"]))
                elif document.get("found"):
                    yield document["_id"], _stamp(document["_source"])


def _may_be_elsewhere(point: Point) -> bool:
    """Returns whether the point may have another stamp: its clock is, or recently was, ahead."""
    return point.event_at_ms != point.recorded_at_ms or point.recorded_at_ms > point.received_at_ms


def _possible_indexes(point: Point) -> tuple[str, ...]:
    """Returns where a copy may lie: at this time or, if the clock is wrong, at an earlier one."""
    moments_ms = [point.event_at_ms, point.event_at_ms - STAMPS_APART_MS]
    if abs(point.recorded_at_ms - point.event_at_ms) <= STAMPS_APART_MS:
        moments_ms.append(point.recorded_at_ms)
    return tuple(dict.fromkeys(map(index_of, moments_ms)))


def _within(truck_id: str, from_ms: int | None, to_ms: int | None) -> Mapping[str, Any]:
    ends = (("gte", from_ms), ("lte", to_ms))
    within = {name: format_instant(at_ms) for name, at_ms in ends if at_ms is not None}
    return {"bool": {"filter": [{"term": {"truck_id": truck_id}}, {"range": {"event_at": within}}]}}


def _history_fix(hit: Mapping[str, Any]) -> HistoryFix:
    stored = decode_stored_fix(hit["_source"])
    return HistoryFix(stored.fix, hit["_version"], stored.beyond)


def _stamp(source: Any) -> Stamp:
    document = msgspec.convert(source, _StampDocument)
    return Stamp(parse_instant(document.event_at), document.n, document.beyond)
