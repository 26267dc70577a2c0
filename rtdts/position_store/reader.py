"""Other components' reads of positions: the latest by truck, and the track of an interval.

Each read fetches and decodes only what it needs of a document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opensearchpy import OpenSearch

from rtdts.position_store.client import translating_errors
from rtdts.position_store.documents import (
    SHOWN_FIELDS,
    SHOWN_LATEST_FIELDS,
    TRACK_FIELDS,
    decode_shown_latest,
    decode_shown_point,
    decode_track_point,
)
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import LATEST_INDEX, POSITIONS_PATTERN
from rtdts.tracking.instants import format_instant
from rtdts.tracking.positions import ShownLatest, TrackPoint, TruckInterval

MGET_IDS = 500
"""Documents per request of `shown`."""

MSEARCH_INTERVALS = 100
"""Searches per request of `last_of`: each mostly reads one document of one day."""

_FOUND = "docs._id,docs._source,docs.error"
_HITS = "hits.total.value,hits.hits._id,hits.hits._source,aggregations"
_LAST_FOUND = "responses.hits.hits._source,responses.status,responses.error"


class PositionReader:
    """Reads positions; synchronous, safe to call from several threads.

    Every method raises `StoreUnavailable` when OpenSearch is unavailable.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def shown(self, truck_ids: Sequence[str]) -> dict[str, ShownLatest]:
        """Returns what viewers may see of the trucks' latest positions, without any refresh lag."""
        found: dict[str, ShownLatest] = {}
        operation = "read latest positions"
        expected = list(dict.fromkeys(truck_ids))
        for start in range(0, len(expected), MGET_IDS):
            with translating_errors(operation):
                response = self._client.mget(
                    index=LATEST_INDEX,
                    body={"ids": expected[start : start + MGET_IDS]},
                    params={
                        "filter_path": _FOUND,
                        "_source_includes": ",".join(SHOWN_LATEST_FIELDS),
                    },
                )
            for document in response.get("docs", []):
                if "error" in document:
                    raise StoreUnavailable(operation, None, str(document["error"]))
                shown = decode_shown_latest(document.get("_source", {}))
                if shown is not None:
                    found[document["_id"]] = shown
        return found

    def last_of(self, intervals: Sequence[TruckInterval]) -> list[ShownLatest | None]:
        """Returns for each interval what viewers may see of the truck: its last good point then.

        A point that was written within the last second may be missing, as in `track`.
        """
        found: list[ShownLatest | None] = []
        for start in range(0, len(intervals), MSEARCH_INTERVALS):
            found += self._last_of(intervals[start : start + MSEARCH_INTERVALS])
        return found

    def track(
        self, truck_id: str, *, start_ms: int, end_ms: int | None, limit: int
    ) -> list[TrackPoint]:
        """Returns a truck's good points of an interval, in order, thinned evenly in time.

        The first and the newest point of the interval are always among them. A point that was
        written within the last second may be missing: the history is searched, not read by id.

        Args:
            truck_id: The truck.
            start_ms: The interval's start, by our clock: see `Fix.counts_at_ms`.
            end_ms: The interval's end, exclusive; None for no end.
            limit: The maximum number of points.
        """
        if limit < 1:
            return []
        query = _good_points(truck_id, start_ms, end_ms)
        response = self._search(
            {
                "query": query,
                "size": limit + 1,
                "sort": [{"event_at": "asc"}],
                "aggs": {
                    "first": {"min": {"field": "event_at"}},
                    "last": {"max": {"field": "event_at"}},
                },
            }
        )
        hits = response["hits"].get("hits", [])
        if len(hits) > limit:
            hits = self._thinned(query, response["aggregations"], limit)
        return _distinct(hits)

    def _last_of(self, intervals: Sequence[TruckInterval]) -> list[ShownLatest | None]:
        operation = "read last positions"
        body: list[dict[str, Any]] = []
        for one in intervals:
            body.append({"ignore_unavailable": True, "allow_no_indices": True})
            body.append(
                {
                    "query": _good_points(one.truck_id, one.start_ms, one.end_ms),
                    "_source": list(SHOWN_FIELDS),
                    "size": 1,
                    "sort": [{"event_at": "desc"}],
                }
            )
        with translating_errors(operation):
            response = self._client.msearch(
                index=POSITIONS_PATTERN, body=body, params={"filter_path": _LAST_FOUND}
            )
        responses = response.get("responses", [])
        bad = next((one for one in responses if "error" in one), None)
        if bad is not None or len(responses) != len(intervals):
            raise StoreUnavailable(operation, None, str(bad or "a response is missing"))
        return [_first_shown(one.get("hits", {}).get("hits", [])) for one in responses]

    def _thinned(self, query: dict[str, Any], range_: dict[str, Any], limit: int) -> list[Any]:
        first_ms, last_ms = int(range_["first"]["value"]), int(range_["last"]["value"])
        if limit == 1:
            newest = {"query": query, "size": 1, "sort": [{"event_at": "desc"}]}
            return list(self._search(newest)["hits"].get("hits", []))
        # Buckets of a histogram begin at whole multiples of their interval, so the span may touch
        # one bucket more than its length suggests; and the newest point is added to them.
        interval_ms = max(1, -(-(last_ms - first_ms + 1) // max(1, limit - 2)))
        response = self._search(
            {
                "query": query,
                "size": 1,
                "sort": [{"event_at": "desc"}],
                "aggs": {
                    "slots": {
                        "date_histogram": {
                            "field": "event_at",
                            "fixed_interval": f"{interval_ms}ms",
                            "offset": f"{first_ms % interval_ms}ms",
                            "min_doc_count": 1,
                        },
                        "aggs": {
                            "first": {
                                "top_hits": {
                                    "size": 1,
                                    "sort": [{"event_at": "asc"}],
                                    "_source": list(TRACK_FIELDS),
                                }
                            }
                        },
                    }
                },
            }
        )
        slots = response["aggregations"]["slots"]["buckets"]
        return [*_first_hits(slots), *response["hits"].get("hits", [])]

    def _search(self, body: dict[str, Any]) -> Any:
        with translating_errors("search the history"):
            response = self._client.search(
                index=POSITIONS_PATTERN,
                body={"_source": list(TRACK_FIELDS), **body},
                params={
                    "filter_path": _HITS,
                    "ignore_unavailable": "true",
                    "allow_no_indices": "true",
                },
            )
        response.setdefault("hits", {})
        return response


def _good_points(truck_id: str, start_ms: int, end_ms: int | None) -> dict[str, Any]:
    within = {"gte": format_instant(start_ms)}
    if end_ms is not None:
        within["lt"] = format_instant(end_ms)
    return {
        "bool": {
            "filter": [
                {"term": {"truck_id": truck_id}},
                {
                    "bool": {
                        "should": [
                            {"range": {"counts_at": within}},
                            {
                                "bool": {
                                    "filter": [{"range": {"event_at": within}}],
                                    # Only points stamped by a slow clock have it.
                                    "must_not": [{"exists": {"field": "counts_at"}}],
                                }
                            },
                        ]
                    }
                },
            ],
            # An empty list is not indexed: a point without a quality keyword is good.
            "must_not": [{"exists": {"field": "quality"}}],
        }
    }


def _first_shown(hits: Sequence[Any]) -> ShownLatest | None:
    return decode_shown_point(hits[0]["_source"]) if hits else None


def _first_hits(slots: Sequence[Any]) -> Iterator[Any]:
    for slot in slots:
        yield from slot["first"]["hits"]["hits"]


def _distinct(hits: Sequence[Any]) -> list[TrackPoint]:
    """Returns one point per id: copies of a shifted point may lie in two daily indexes."""
    by_id = {hit["_id"]: decode_track_point(hit["_source"]) for hit in hits}
    return sorted(by_id.values(), key=lambda point: point.event_at_ms)
