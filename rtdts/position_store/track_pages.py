"""A truck's history for people, one page at a time.

A page ends between two moments: points of one moment are never split. So the time alone defines
where the next page begins, and no order among points of one moment has to be stored.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec
from opensearchpy import OpenSearch

from rtdts.position_store.client import translating_errors
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from rtdts.tracking.instants import format_instant, parse_instant

_HITS: Final = "hits.hits._id,hits.hits._source"


class PagePoint(NamedTuple):
    """A good point; its speed and heading are the device's, or derived."""

    event_at_ms: int
    lat: float
    lon: float
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None


class TrackPage(NamedTuple):
    """Some of a truck's points, by time."""

    points: tuple[PagePoint, ...]
    next_ms: int | None
    """Start of the next page; None at the end."""


class _Location(msgspec.Struct, frozen=True):
    lat: float
    lon: float


class _Document(msgspec.Struct, frozen=True):
    event_at: str
    location: _Location
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None


class TrackPages:
    """Reads tracks."""

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def page(self, truck_id: str, *, from_ms: int, to_ms: int, limit: int) -> TrackPage:
        """Returns a truck's good points, by ``event_at``.

        A point that was written within the last second may be missing. If one moment has more than
        `limit` points, only that many are read: no truck sends so many.

        Args:
            truck_id: The truck.
            from_ms: The interval's start.
            to_ms: The interval's end, exclusive.
            limit: The maximum number of points, 1 to 5,000: half of `index.max_result_window`.

        Raises:
            StoreUnavailable: OpenSearch is unavailable.
        """
        within = {"gte": format_instant(from_ms), "lt": format_instant(to_ms)}
        body: dict[str, Any] = {
            "_source": list(_Document.__struct_fields__),
            "query": {
                "bool": {
                    "filter": [{"term": {"truck_id": truck_id}}, {"range": {"event_at": within}}],
                    # An empty list is not indexed: a point without a quality keyword is good.
                    "must_not": [{"exists": {"field": "quality"}}],
                }
            },
            "sort": [{"event_at": "asc"}],
            "size": limit + 1,
        }
        with translating_errors("read a track"):
            response = self._client.search(
                index=POSITIONS_PATTERN,
                body=body,
                params={
                    "filter_path": _HITS,
                    "ignore_unavailable": "true",
                    "allow_no_indices": "true",
                    # A page without a shard's points would look complete.
                    "allow_partial_search_results": "false",
                },
            )
        hits = response.get("hits", {}).get("hits", [])
        # Copies of a shifted point may lie in two daily indexes: keeps one per page.
        found = list({hit["_id"]: _point(hit["_source"]) for hit in hits}.values())
        found.sort(key=lambda point: point.event_at_ms)
        return _cut(found, is_last=len(hits) <= limit, limit=limit, to_ms=to_ms)


def _cut(found: list[PagePoint], *, is_last: bool, limit: int, to_ms: int) -> TrackPage:
    if is_last:
        return TrackPage(tuple(found), None)
    # There may be more points of the last moment than were read: it begins the next page.
    edge_ms = found[-1].event_at_ms
    complete = tuple(point for point in found if point.event_at_ms < edge_ms)
    if complete:
        return TrackPage(complete, edge_ms)
    following_ms = edge_ms + 1
    # At the interval's end there is no next page, and no cursor.
    return TrackPage(tuple(found[:limit]), following_ms if following_ms < to_ms else None)


def _point(source: Any) -> PagePoint:
    document = msgspec.convert(source, _Document)
    return PagePoint(
        event_at_ms=parse_instant(document.event_at),
        lat=document.location.lat,
        lon=document.location.lon,
        speed_mps=document.speed_mps,
        heading_deg=document.heading_deg,
        accuracy_m=document.accuracy_m,
    )
