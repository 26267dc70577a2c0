"""Reads a view of the fleet from ``truck-latest``, and updates trucks' current deliveries there.

A view takes two searches at most. The first counts the trucks in view and groups them into
clusters; only when there are few are the trucks themselves read. The cost depends on what is in
view: the box is evaluated first, and all other filters check only the trucks in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError

from rtdts.position_store.bulk import Action, WriteResult, head, send_bulk
from rtdts.position_store.client import translating_errors
from rtdts.position_store.documents import decode_fleet_truck, encode_current, eta_earliest_ms
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.index_definitions import LATEST_INDEX
from rtdts.tracking.current_delivery import CarriedDelivery, current_delivery
from rtdts.tracking.fleet_messages import Ages, FleetCluster, FleetTruck
from rtdts.tracking.fleet_view import MAX_CLUSTERS, FleetStatus, FleetView

_COUNTED: Final = "hits.total.value,aggregations,_shards.failed,timed_out"
_READ: Final = "hits.hits._id,hits.hits._source,_shards.failed,timed_out"

ATTEMPTS: Final = 5
"""Enough for a truck that sends ten points per second; each of them updates the delivery anyway."""


class FleetCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many trucks are in view, and where they cluster."""

    total: int
    clusters: tuple[FleetCluster, ...]


class FleetReader:
    """Reads views; synchronous, safe to call from several threads.

    Writes of the last second may be missing.

    Args:
        ages: The ages from which a truck is stale or offline.

    Every method raises `StoreUnavailable` when OpenSearch is unavailable or its result incomplete.
    """

    def __init__(self, client: OpenSearch, ages: Ages) -> None:
        self._client = client
        self._ages = ages

    def count(self, view: FleetView, *, as_of_ms: int) -> FleetCounts:
        """Counts the trucks in view, tile by tile.

        Args:
            view: The box, and the filter.
            as_of_ms: The time for which late, stale and offline are evaluated.
        """
        flags = {
            "late": self._late(as_of_ms),
            "stale": self._stale(as_of_ms),
            "offline": self._offline(as_of_ms),
        }
        response = self._search(
            {
                "query": self._query(view, as_of_ms),
                "size": 0,
                "track_total_hits": True,
                "aggs": {
                    "tiles": {
                        "geotile_grid": {
                            "field": "fleet.location",
                            "precision": view.precision,
                            "size": MAX_CLUSTERS,
                            "shard_size": MAX_CLUSTERS,
                        },
                        "aggs": {
                            "middle": {"geo_centroid": {"field": "fleet.location"}},
                            **{name: {"filter": query} for name, query in flags.items()},
                        },
                    }
                },
            },
            _COUNTED,
        )
        tiles = response.get("aggregations", {}).get("tiles", {}).get("buckets", [])
        return FleetCounts(
            total=response["hits"]["total"]["value"], clusters=tuple(map(_cluster, tiles))
        )

    def trucks(self, view: FleetView, *, as_of_ms: int, limit: int) -> list[FleetTruck]:
        """Returns the trucks in view, in no order.

        Args:
            view: The box, and the filter.
            as_of_ms: As in `count`.
            limit: The maximum number of trucks to read.
        """
        response = self._search(
            {
                "query": self._query(view, as_of_ms),
                "size": limit,
                "sort": ["_doc"],
                "track_total_hits": False,
                "_source": ["fleet"],
            },
            _READ,
        )
        return [
            decode_fleet_truck(hit["_id"], hit["_source"])
            for hit in response.get("hits", {}).get("hits", [])
        ]

    def _query(self, view: FleetView, as_of_ms: int) -> Mapping[str, Any]:
        west, south, east, north = view.bbox
        box = {"top_left": {"lat": north, "lon": west}, "bottom_right": {"lat": south, "lon": east}}
        needed: list[Mapping[str, Any]] = [{"geo_bounding_box": {"fleet.location": box}}]
        excluded: list[Mapping[str, Any]] = []
        expected = view.filter
        for flag, query in (
            (expected.late, self._late(as_of_ms)),
            (expected.stale, self._stale(as_of_ms)),
            (expected.offline, self._offline(as_of_ms)),
        ):
            if flag is not None:
                (needed if flag else excluded).append(query)
        if expected.status is not None:
            needed.append(_any_of([_of_status(status) for status in expected.status]))
        if expected.search is not None:
            starts = [
                {"prefix": {field: {"value": expected.search}}}
                for field in ("truck_id", "fleet.delivery_id")
            ]
            needed.append(_any_of(starts))
        return {"bool": {"filter": needed, "must_not": excluded}}

    def _late(self, as_of_ms: int) -> Mapping[str, Any]:
        return {"range": {"fleet.late_from": {"lte": as_of_ms}}}

    def _stale(self, as_of_ms: int) -> Mapping[str, Any]:
        return {"range": {"fleet.at": {"lt": as_of_ms - self._ages.stale_after_ms}}}

    def _offline(self, as_of_ms: int) -> Mapping[str, Any]:
        return {"range": {"fleet.received_at": {"lt": as_of_ms - self._ages.offline_after_ms}}}

    def _search(self, body: Mapping[str, Any], filter_path: str) -> Any:
        operation = "read the fleet"
        with translating_errors(operation):
            response = self._client.search(
                index=LATEST_INDEX, body=body, params={"filter_path": filter_path}
            )
        if response["_shards"]["failed"] or response.get("timed_out"):
            raise StoreUnavailable(operation, None, "not all shards responded")
        return response


class CurrentDeliveries:
    """Updates the delivery that a truck is shown with, when no point of the truck does so."""

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def put(self, truck_id: str, carried: Sequence[CarriedDelivery], *, now_ms: int) -> bool:
        """Writes a truck's current delivery beside its position, which stays as it is.

        The document keeps its version: the consumer's next point, or its next correction of the
        same point, overwrites it as usual.

        Args:
            truck_id: The truck.
            carried: The deliveries that it carries; the document has their expected arrivals.
            now_ms: The time.

        Returns:
            Whether it was written. False for a truck that is not shown, or when the document
            already has this delivery.

        Raises:
            StoreUnavailable: OpenSearch is unavailable, or the truck's points repeatedly conflicted
                with the write.
        """
        for _ in range(ATTEMPTS):
            found = self._get(truck_id)
            if found is None or "fleet" not in found["_source"]:
                return False
            source = found["_source"]
            expected = [_expected(one, source) for one in carried]
            document = encode_current(source, current_delivery(expected, known_at_ms=now_ms))
            if document is None:
                return False
            line = head(
                "index",
                _index=LATEST_INDEX,
                _id=truck_id,
                version=found["_version"],
                version_type="external_gte",
            )
            (outcome,) = send_bulk(self._client, [Action(head=line, document=document)])
            if outcome.result is WriteResult.WRITTEN:
                return True
            if outcome.result is not WriteResult.CONFLICT:
                raise StoreUnavailable("write a current delivery", None, outcome.reason)
        raise StoreUnavailable("write a current delivery", None, "points keep coming")

    def _get(self, truck_id: str) -> Any | None:
        with translating_errors("read a latest position"):
            try:
                return self._client.get(index=LATEST_INDEX, id=truck_id)
            except NotFoundError:
                return None


def _expected(one: CarriedDelivery, source: Any) -> CarriedDelivery:
    return msgspec.structs.replace(one, eta_earliest_ms=eta_earliest_ms(source, one.delivery_id))


def _any_of(queries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return queries[0] if len(queries) == 1 else {"bool": {"should": queries}}


def _of_status(status: FleetStatus) -> Mapping[str, Any]:
    if status is FleetStatus.NONE:
        return {"bool": {"must_not": [{"exists": {"field": "fleet.status"}}]}}
    return {"term": {"fleet.status": status.value}}


def _cluster(tile: Mapping[str, Any]) -> FleetCluster:
    middle = tile["middle"]["location"]
    return FleetCluster(
        tile["key"],
        middle["lat"],
        middle["lon"],
        tile["doc_count"],
        tile["late"]["doc_count"],
        tile["stale"]["doc_count"],
        tile["offline"]["doc_count"],
    )
