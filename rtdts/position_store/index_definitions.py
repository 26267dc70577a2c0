"""The indexes as data, and their installation.

====================================  ============  ==========================================
index                                 mapping       holds
====================================  ============  ==========================================
``truck-raw-YYYY-MM-DD``              not dynamic   the raw log: Firehose's, by arrival
``truck-positions-YYYY.MM.DD``        strict        the history, by ``event_at``
``truck-latest``                      strict        each truck's newest point, ``_id`` = truck
``truck-state``                       not dynamic   the consumer's memory, ``_id`` = truck
====================================  ============  ==========================================

Templates must be there before anything writes: the first document would otherwise decide for ever
that ``truck_id`` is a text. So they cover ``truck-latest`` and ``truck-state`` too, although these
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

_POINT: Mapped = {
    "v": {"type": "byte"},
    "truck_id": KEYWORD,
    "seq": LONG,
    "recorded_at": DATE,
    "event_at": DATE,
    "received_at": DATE,
    "clock": KEYWORD,
    "clock_offset_ms": LONG,
    "source": KEYWORD,
    "location": {"type": "geo_point"},
    "accuracy_m": FLOAT,
    "speed_mps": FLOAT,
    "heading_deg": FLOAT,
    "altitude_m": FLOAT,
    "satellites": {"type": "integer"},
    "hdop": FLOAT,
    "ignition": BOOLEAN,
    "battery_pct": FLOAT,
    "odometer_m": {"type": "double"},
}
"""A point of the stream, its ``lat`` and ``lon`` as ``location``."""

_ENRICHMENT: Mapped = {
    "distance_m": FLOAT,
    "implied_speed_mps": FLOAT,
    "moving": BOOLEAN,
    "quality": KEYWORD,
}

_PROGRESS: Mapped = {"delivery_id": KEYWORD, "distance_remaining_m": FLOAT}
_ETA: Mapped = {
    "type": "object",
    "dynamic": "strict",
    "properties": {"earliest": DATE, "latest": DATE},
}
_DELIVERIES: Mapped = {"type": "nested", "dynamic": "strict", "properties": _PROGRESS}
_DELIVERIES_WITH_ETA: Mapped = {
    "type": "nested",
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
    "properties": {**_POINT, **_ENRICHMENT, "deliveries": _DELIVERIES},
}

_LATEST_POINT: Mapped = {**_POINT, **_ENRICHMENT, "deliveries": _DELIVERIES_WITH_ETA}

LATEST_MAPPINGS: Mapped = {
    "dynamic": "strict",
    "properties": {
        **_LATEST_POINT,
        "shown": {"type": "object", "dynamic": "strict", "properties": _LATEST_POINT},
        "stale_since": DATE,
    },
}

STATE_MAPPINGS: Mapped = {"dynamic": False, "properties": {"truck_id": KEYWORD}}


def _template(pattern: str, mappings: Mapped, settings: Mapping[str, str]) -> Mapped:
    return {
        "index_patterns": [pattern],
        "priority": 100,
        "template": {"settings": {"index": dict(settings)}, "mappings": mappings},
    }


_DURABLE = {"auto_expand_replicas": "0-1"}
"""A replica wherever there is a second node."""
_EXPENDABLE = {"number_of_replicas": "0"}
"""The raw log is kept for days, and the stream and its backup hold the same."""
_SEARCHED = {"refresh_interval": "1s"}
# Both are read by id, which needs no refresh.
_READ_BY_ID = {**_DURABLE, "refresh_interval": "5s"}


def index_templates(shards: int = 1) -> dict[str, Mapped]:
    """The index templates by name, each index in so many primary shards."""
    indexes = (
        (RAW_PATTERN, RAW_MAPPINGS, {**_EXPENDABLE, **_SEARCHED}),
        (POSITIONS_PATTERN, POSITIONS_MAPPINGS, {**_DURABLE, **_SEARCHED}),
        (LATEST_INDEX, LATEST_MAPPINGS, _READ_BY_ID),
        (STATE_INDEX, STATE_MAPPINGS, _READ_BY_ID),
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


def install_index_templates(client: OpenSearch, *, shards: int = 1) -> None:
    """Puts the templates, and creates the indexes that are not one a day.

    Idempotent: run again, it adds to the single indexes the fields that they lack.

    Args:
        client: See `rtdts.position_store.client.connect`.
        shards: Primary shards of each index that is not there yet.

    Raises:
        opensearchpy.exceptions.RequestError: A field exists with another type.
    """
    for name, template in index_templates(shards).items():
        client.indices.put_index_template(name=name, body=template)
    for index, mappings in SINGLE_INDEXES.items():
        try:
            client.indices.create(index=index)
        except RequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
            client.indices.put_mapping(index=index, body=mappings)
