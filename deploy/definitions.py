"""Writes what Terraform must know about the code as JSON, beside the zips of `make package`.

Tables, queues, routes, metrics and the settings of each deployable are declared once, in Python.
The local cloud is built from the declarations, an account from this file. The file is built with
the zips, so it always describes the code in them. Fields that do not apply are null.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import broadcaster.app
import broadcaster.bootstrap
import consumer.bootstrap
import consumer.record_processor
import delivery_lambda.routes
import deploy.test_issuer.issuer
import ingest_lambda.bootstrap
import ingest_lambda.routes
import ingest_lambda.service
import iot_lambda.batches
import iot_lambda.bootstrap
import mqtt_bridge.bootstrap
import mqtt_bridge.tally
import socket_lambda.authorizer
import socket_lambda.routes
import track_lambda.routes
from deploy.kcl_tables import NAME_SUFFIXES
from deploy.lambdas import DELIVERY, DEPLOYED_PACKAGES, INGEST, PRODUCTION, TRACK
from deploy.preflight import METHODS, PREFLIGHT_CACHED_S, REQUEST_HEADERS, RESPONSE_HEADERS
from deploy.queues import QUEUES, QueueDefinition
from deploy.tables import TABLES, IndexDefinition, TableDefinition
from rtdts.runtime.edge import HEADER
from rtdts.runtime.metrics import DIMENSION, NAMESPACE
from rtdts.runtime.settings import declared_settings

FILE_NAME: Final = "definitions.json"

CONTAINERS: Final = {
    "consumer": "consumer.settings",
    "broadcaster": "broadcaster.settings",
    "operations": "operations.settings",
    "mqtt_bridge": "mqtt_bridge.settings",
}
"""The module that declares each container's settings."""
METRICS: Final = {
    ingest_lambda.bootstrap.COMPONENT: ingest_lambda.service.METRICS,
    iot_lambda.bootstrap.COMPONENT: iot_lambda.batches.METRICS,
    socket_lambda.authorizer.METRICS_COMPONENT: socket_lambda.authorizer.METRICS,
    consumer.bootstrap.COMPONENT: consumer.record_processor.METRICS,
    broadcaster.bootstrap.COMPONENT: broadcaster.app.METRICS,
    mqtt_bridge.bootstrap.COMPONENT: mqtt_bridge.tally.METRICS,
}
"""The metrics that every component emits about itself."""


def definitions() -> dict[str, Any]:
    """All definitions, in the form of the file."""
    return {
        "runtime": f"python{PRODUCTION.python}",
        "edge_header": HEADER,
        "tables": {table.logical_name: _table(table) for table in TABLES},
        "kcl_tables": {
            table.logical_name: {**_table(table), "name_suffix": suffix}
            for table, suffix in NAME_SUFFIXES.items()
        },
        "queues": {queue.logical_name: _queue(queue) for queue in QUEUES},
        "functions": {
            package.name: {"handler": package.handler, **_settings(package.settings)}
            for package in DEPLOYED_PACKAGES
        },
        "containers": {name: _settings(module) for name, module in CONTAINERS.items()},
        "http_routes": {
            INGEST.name: _keys(ingest_lambda.routes.ROUTES),
            DELIVERY.name: _keys(delivery_lambda.routes.ROUTES),
            TRACK.name: _keys(track_lambda.routes.ROUTES),
        },
        "open_http_routes": {
            INGEST.name: _keys(ingest_lambda.routes.OPEN_ROUTES),
            DELIVERY.name: _keys(delivery_lambda.routes.OPEN_ROUTES),
        },
        "pages": {
            "methods": list(METHODS),
            "request_headers": list(REQUEST_HEADERS),
            "response_headers": list(RESPONSE_HEADERS),
            "preflight_cached_s": PREFLIGHT_CACHED_S,
        },
        "metrics": {
            "namespace": NAMESPACE,
            "dimension": DIMENSION,
            "components": {
                component: {metric.name: metric.unit for metric in metrics}
                for component, metrics in METRICS.items()
            },
        },
        "test_issuer_routes": _keys(deploy.test_issuer.issuer.ROUTES),
        "socket": {
            "route_selection_expression": socket_lambda.routes.ROUTE_SELECTION,
            "routes": list(socket_lambda.routes.ROUTES),
            "authorized_route": socket_lambda.routes.CONNECT,
        },
    }


def _keys(routes: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{method} {path}" for method, path in routes]


def _table(table: TableDefinition) -> dict[str, Any]:
    return {
        **_keys_of(table),
        "attributes": {key.name: key.type.value for key in table.key_attributes},
        "ttl_attribute": table.ttl_attribute,
        "indexes": {
            index.name: {
                **_keys_of(index),
                "projection_type": index.projection_type,
                "included": list(index.included) or None,
            }
            for index in table.indexes
        },
    }


def _keys_of(of: TableDefinition | IndexDefinition) -> dict[str, str | None]:
    range_key = of.range_key.name if of.range_key else None
    return {"hash_key": of.hash_key.name, "range_key": range_key}


def _queue(queue: QueueDefinition) -> dict[str, Any]:
    return {
        **dataclasses.asdict(queue),
        "name_suffix": queue.queue_suffix,
        "dead_letter_name_suffix": queue.dead_letter_suffix,
    }


def _settings(module: str) -> dict[str, dict[str, str]]:
    fields = declared_settings(importlib.import_module(module).Settings)
    return {
        "settings": {
            setting.env: "required" if field.default is dataclasses.MISSING else "optional"
            for field, setting in fields
        }
    }


def write_definitions(folder: Path) -> None:
    """Writes the file, unless it is up to date; several processes may do so at once."""
    path, text = folder / FILE_NAME, json.dumps(definitions(), indent=1)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE_NAME}.{os.getpid()}"
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
