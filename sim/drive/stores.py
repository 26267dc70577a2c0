"""Counts what OpenSearch holds of a drive, by point id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import aiohttp

from rtdts.tracking.instants import parse_instant
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point

PAGE = 1000
RAW_INDEXES = "truck-raw-*"
HISTORY_INDEXES = "truck-positions-*"
LATEST_INDEX = "truck-latest"


class StoreError(Exception):
    """OpenSearch did not respond, or not as expected."""


@dataclass(frozen=True)
class StoreCounts:
    """What the stores hold of the requested points.

    Attributes:
        in_history: Ids in the history.
        history_copies: Documents in the history beyond one per id.
        in_raw: Ids in the raw log, in any number of copies.
        latest_at_ms: ``event_at`` of each truck's latest position.
    """

    in_history: frozenset[str]
    history_copies: int
    in_raw: frozenset[str]
    latest_at_ms: Mapping[str, int]


class StoreReader:
    """Reads the indexes of a system whose OpenSearch is accessible."""

    def __init__(self, session: aiohttp.ClientSession, opensearch_url: str) -> None:
        self._session = session
        self._url = opensearch_url.rstrip("/")

    async def count(self, ids: Mapping[str, Sequence[str]]) -> StoreCounts:
        """Count the points in the stores.

        Args:
            ids: The points' ids by truck.

        Raises:
            StoreError: OpenSearch is unavailable.
        """
        await self._request("POST", f"/{RAW_INDEXES},{HISTORY_INDEXES},{LATEST_INDEX}/_refresh", {})
        expected = frozenset(one for of_truck in ids.values() for one in of_truck)
        found = [hit async for hit in self._history(sorted(expected))]
        raw: set[str] = set()
        for truck_id in ids:
            raw |= await self._raw(truck_id)
        return StoreCounts(
            in_history=frozenset(found),
            history_copies=len(found) - len(set(found)),
            in_raw=expected & raw,
            latest_at_ms=await self._latest(sorted(ids)),
        )

    async def _history(self, ids: Iterable[str]) -> Any:
        remaining = iter(ids)
        while chunk := list(islice(remaining, PAGE)):
            # Twice the size: a point in the indexes of two days must not hide another.
            body = {"query": {"ids": {"values": chunk}}, "_source": False, "size": 2 * PAGE}
            for hit in await self._search(HISTORY_INDEXES, body):
                yield hit["_id"]

    async def _raw(self, truck_id: str) -> set[str]:
        """Ids of all of a truck's documents: the raw log's own ids are Firehose's."""
        found: set[str] = set()
        after: list[Any] | None = None
        while True:
            body: dict[str, Any] = {
                "query": {"term": {"truck_id": truck_id}},
                "_source": ["truck_id", "recorded_at", "seq", "lat", "lon"],
                "sort": [{"recorded_at": "asc"}, {"seq": "asc"}],
                "size": PAGE,
            }
            if after is not None:
                body["search_after"] = after
            hits = await self._search(RAW_INDEXES, body)
            found |= {_raw_id(hit["_source"]) for hit in hits}
            if len(hits) < PAGE:
                return found
            # Copies of a point have equal sort keys: skipping those past a page's end loses no id.
            after = hits[-1]["sort"]

    async def _latest(self, truck_ids: Sequence[str]) -> Mapping[str, int]:
        response = await self._request("POST", f"/{LATEST_INDEX}/_mget", {"ids": list(truck_ids)})
        return {
            doc["_id"]: parse_instant(doc["_source"]["event_at"])
            for doc in response["docs"]
            if doc.get("found")
        }

    async def _search(self, indexes: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        path = f"/{indexes}/_search?ignore_unavailable=true"
        hits: list[dict[str, Any]] = (await self._request("POST", path, body))["hits"]["hits"]
        return hits

    async def _request(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        try:
            async with self._session.request(
                method, self._url + path, json=body, timeout=aiohttp.ClientTimeout(total=30)
            ) as response:
                if response.status != 200:
                    raise StoreError(f"{path}: HTTP {response.status}: {await response.text()}")
                return await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise StoreError(f"{path}: {error}") from error


def _raw_id(source: Mapping[str, Any]) -> str:
    recorded_at_ms = parse_instant(source["recorded_at"])
    return point_id(
        Point(
            truck_id=source["truck_id"],
            recorded_at_ms=recorded_at_ms,
            lat=source["lat"],
            lon=source["lon"],
            seq=source.get("seq"),
            event_at_ms=recorded_at_ms,
            received_at_ms=recorded_at_ms,
        )
    )
