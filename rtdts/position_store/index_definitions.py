"""The indexes as data, and their installation.

====================================  ============  ==========================================
index                                 mapping       holds
====================================  ============  ==========================================
``truck-raw-YYYY-MM-DD``              not dynamic   the raw log: Firehose's, by arrival
``truck-positions-YYYY.MM.DD``        strict        the history, by ``event_at``
``truck-latest``                      strict        each truck's newest point, ``_id`` = truck
``truck-state``                       not dynamic   the consumer's states, ``_id`` = truck
====================================  ============  ==========================================

Templates must exist before anything is written: otherwise the first document would fix the type of
``truck_id`` as text. So they cover ``truck-latest`` and ``truck-state`` too, although these indexes
are created here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import RequestError

RAW_PREFIX = "truck-raw-"
RAW_PATTERN = "truck-raw-*"
POSITIONS_PATTERN = "truck-positions-*"
POSITIONS_PREFIX = "truck-positions-"
LATEST_INDEX = "truck-latest"
STATE_INDEX = "truck-state"

Mapped = dict[str, Any]

KEYWORD: Mapped = {"type": "keyword"}
DATE: Mapped = {"type": "date", "format": "strict_date_time||strict_date_time_no_millis"}
FLOAT: Mapped = {"type": "float"}
LONG: Mapped = {"type": "long"}
BOOLEAN: Mapped = {"type": "boolean"}


def _kept(mapped: Mapped) -> Mapped:
    """Maps a field that is not searched, sorted or aggregated, at a third of the work."""
    return {**mapped, "index": False, "doc_values": False}


def _unsearched(properties: Mapped) -> Mapped:
    return {name: _kept(mapped) for name, mapped in properties.items()}


_TIED = {**LONG, "index": False}
"""Breaks ties among equal times in a sort; is not searched."""
_SUMMED = {**DATE, "index": False}
"""Aggregated (an erasure finds the maximum); is not searched."""

_POINT: Mapped = {
    "v": _kept({"type": "byte"}),
    "truck_id": KEYWORD,
    "seq": _TIED,
    "recorded_at": _kept(DATE),
    "event_at": DATE,
    "received_at": _SUMMED,
    "clock": _kept(KEYWORD),
    "clock_offset_ms": _kept(LONG),
    "source": _kept(KEYWORD),
    "location": {"type": "geo_point"},
    "accuracy_m": _kept(FLOAT),
    "speed_mps": _kept(FLOAT),
    "heading_deg": _kept(FLOAT),
    "altitude_m": _kept(FLOAT),
    "satellites": _kept({"type": "integer"}),
    "hdop": _kept(FLOAT),
    "ignition": _kept(BOOLEAN),
    "battery_pct": _kept(FLOAT),
    "odometer_m": _kept({"type": "double"}),
}
"""A point of the stream, its ``lat`` and ``lon`` as ``location``."""

_DERIVED: Mapped = {
    "distance_m": _kept(FLOAT),
    "implied_speed_mps": _kept(FLOAT),
    "track_speed_mps": _kept(FLOAT),
    "track_heading_deg": _kept(FLOAT),
    "derived": _kept(KEYWORD),
    "moving": _kept(BOOLEAN),
    "quality": KEYWORD,
    "counts_at": _kept(DATE),
}

_PROGRESS: Mapped = {"delivery_id": KEYWORD, "distance_remaining_m": _kept(FLOAT)}
_ETA: Mapped = {
    "type": "object",
    "dynamic": "strict",
    "properties": _unsearched({"earliest": DATE, "latest": DATE}),
}
# Searched by one field only, so an entry needs no (nested) document of its own: that would double
# what is indexed and merged.
_DELIVERIES: Mapped = {"type": "object", "dynamic": "strict", "properties": _PROGRESS}
_DELIVERIES_WITH_ETA: Mapped = {
    "type": "object",
    "dynamic": "strict",
    "properties": {**_PROGRESS, "eta": _ETA},
}

RAW_MAPPINGS: Mapped = {
    "dynamic": False,
    "properties": {
        "truck_id": KEYWORD,
        "seq": LONG,
        "event_at": DATE,
        "recorded_at": DATE,
        "received_at": DATE,
    },
}

POSITIONS_MAPPINGS: Mapped = {
    "dynamic": "strict",
    "properties": {
        **_POINT,
        **_DERIVED,
        "deliveries": _DELIVERIES,
        "n": _kept(LONG),
        "beyond": _kept(BOOLEAN),
        # Few documents have it: only those of slow clocks.
        "counts_at": {**DATE, "doc_values": False},
    },
}

_INSTANT: Mapped = {"type": "date", "format": "epoch_millis"}
"""In milliseconds, as copied from the document to the viewer. It has doc values, so that a filter
by it checks only the trucks in view, and not all trucks in the index that pass it."""

_FLEET: Mapped = {
    "type": "object",
    "dynamic": "strict",
    "properties": {
        # Clusters are aggregated from it.
        "location": {"type": "geo_point"},
        "at": _INSTANT,
        "received_at": _INSTANT,
        "heading_deg": _kept(FLOAT),
        "speed_mps": _kept(FLOAT),
        "delivery_id": {**KEYWORD, "doc_values": False},
        "status": {**KEYWORD, "doc_values": False},
        "late_from": _INSTANT,
    },
}
"""What a view of the fleet filters by, and what it shows of a truck: its last good position."""

LATEST_MAPPINGS: Mapped = {
    "dynamic": "strict",
    "properties": {
        **_POINT,
        # Read with its document: searches use `fleet`'s own location.
        "location": _kept({"type": "geo_point"}),
        "fleet": _FLEET,
        **_DERIVED,
        "deliveries": _DELIVERIES_WITH_ETA,
        "is_shown": _kept(BOOLEAN),
        # Read with its document, by id. Parsing it was a third of the work of an upsert.
        "shown": {"type": "object", "enabled": False},
        "stale_since": _kept(DATE),
    },
}

STATE_MAPPINGS: Mapped = {
    "dynamic": False,
    "properties": {"truck_id": KEYWORD, "is_unsettled": BOOLEAN},
}


def _template(pattern: str, mappings: Mapped, settings: Mapping[str, str]) -> Mapped:
    return {
        "index_patterns": [pattern],
        "priority": 100,
        "template": {"settings": {"index": dict(settings)}, "mappings": mappings},
    }


_DURABLE = {"auto_expand_replicas": "0-1"}
"""A replica wherever there is a second node, so that a lost node turns no index red."""
_SEARCHED = {"refresh_interval": "1s"}
_OF_SMALL_SEGMENTS = {**_SEARCHED, "merge.policy.floor_segment": "2mb"}
"""Each refresh creates a segment of less than a megabyte. Merges treat all segments below the floor
as equal: with the default of 16 MB, each merge would rewrite up to that much for ten such
segments."""
_REFRESHED_FIRST = {**_DURABLE, "refresh_interval": "60s"}
"""Searched when a worker takes a shard over, and after an explicit refresh."""


def index_templates(shards: int = 1) -> dict[str, Mapped]:
    """Returns the index templates by name, with the given number of primary shards."""
    indexes = (
        (RAW_PATTERN, RAW_MAPPINGS, {**_DURABLE, **_SEARCHED}),
        (POSITIONS_PATTERN, POSITIONS_MAPPINGS, {**_DURABLE, **_OF_SMALL_SEGMENTS}),
        (LATEST_INDEX, LATEST_MAPPINGS, {**_DURABLE, **_OF_SMALL_SEGMENTS}),
        (STATE_INDEX, STATE_MAPPINGS, _REFRESHED_FIRST),
    )
    return {
        pattern.removesuffix("-*"): _template(
            pattern, mappings, {"number_of_shards": str(shards), **settings}
        )
        for pattern, mappings, settings in indexes
    }


SINGLE_INDEXES: Mapping[str, Mapped] = {
    LATEST_INDEX: LATEST_MAPPINGS,
    STATE_INDEX: STATE_MAPPINGS,
}
_GROWING = (
    (POSITIONS_PATTERN, POSITIONS_MAPPINGS),
    (LATEST_INDEX, LATEST_MAPPINGS),
    (STATE_INDEX, STATE_MAPPINGS),
)


def install_index_templates(client: OpenSearch, *, shards: int = 1) -> None:
    """Puts the templates, and creates the indexes that are not daily.

    Idempotent. Existing indexes, today's and those of past days, get the fields that they do not
    have yet: a strict mapping rejects unknown fields, and any other does not find them. The type of
    an existing field can't be changed; a change takes effect with the next day's index.

    Args:
        client: See `rtdts.position_store.client.connect`.
        shards: Primary shards of each index that is created.

    Raises:
        opensearchpy.exceptions.RequestError: A field exists with another type.
    """
    for name, template in index_templates(shards).items():
        client.indices.put_index_template(name=name, body=template)
    for index in SINGLE_INDEXES:
        try:
            client.indices.create(index=index)
        except RequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
    for pattern, mappings in _GROWING:
        for index, there in client.indices.get_mapping(index=pattern).items():
            if added := missing_properties(
                there["mappings"].get("properties", {}), mappings["properties"]
            ):
                client.indices.put_mapping(index=index, body={"properties": added})


def missing_properties(there: Mapped, expected: Mapped) -> Mapped:
    """Returns the properties that a mapping does not have, or has with another type."""
    added: Mapped = {}
    for name, mapped in expected.items():
        kind = mapped.get("type", "object")
        if name not in there or there[name].get("type", "object") != kind:
            added[name] = mapped
        elif within := missing_properties(
            there[name].get("properties", {}), mapped.get("properties", {})
        ):
            added[name] = {"type": kind, "properties": within}
    return added
