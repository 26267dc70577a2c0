"""Parses a request from its bytes: AWS's protocols, @connections, OpenSearch."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from sim.fault_shim.aws_batches import AWS_BATCHES
from sim.fault_shim.batches import Batch, Entry
from sim.fault_shim.bulk_batch import BulkBatch

_SCOPE = re.compile(r"Credential=[^/,\s]+/\d{8}/[^/]+/([^/]+)/aws4_request")
_CONNECTION = re.compile(r"/@connections/([^/]+)$")
_CONNECTION_OPERATIONS = {
    "POST": "PostToConnection",
    "GET": "GetConnection",
    "DELETE": "DeleteConnection",
}
_MALFORMED = (msgspec.DecodeError, KeyError, TypeError, AttributeError, IndexError)
_TARGET_FIELDS = ("TableName", "StreamName", "StreamARN", "QueueUrl")


class Dialect(enum.Enum):
    """The error format of a service."""

    JSON = "json"
    """AWS JSON 1.0 and 1.1: ``X-Amz-Target``."""
    QUERY = "query"
    """AWS's old query protocol: form-encoded requests, XML responses."""
    S3 = "s3"
    REST = "rest"
    """AWS's REST services with JSON, and API gateways."""
    OPENSEARCH = "opensearch"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Received:
    """A request as received.

    Attributes:
        method: The method in upper case.
        target: Path and query as sent.
        headers: Headers by name in lower case.
        body: The whole body.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """A parsed request; see `FaultRule` for the terms.

    Attributes:
        index: Name of the secondary index that is queried.
        document: The decoded body, if it is an AWS JSON object.
        batch: The batch, if entries of the body can fail individually.
        entries: The identifiers in each entry; a request that is not a batch has one entry.
    """

    service: str
    operation: str
    path: str
    dialect: Dialect
    targets: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ((),)
    index: str | None = None
    document: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    batch: Batch | None = None


def understand(received: Received) -> Request:
    """Parses a request; an unknown one becomes an operation named by its method and path."""
    path = urlsplit(received.target).path
    if "x-amz-target" in received.headers:
        return _aws_json(received, path)
    if connection := _CONNECTION.search(path):
        return Request(
            service="execute-api",
            operation=_CONNECTION_OPERATIONS.get(received.method, received.method),
            path=path,
            dialect=Dialect.REST,
            entries=((unquote(connection[1]),),),
        )
    signed = _SCOPE.search(received.headers.get("authorization", ""))
    if signed is None and not path.startswith("/_aws/"):
        return _opensearch(received, path)
    service = signed[1] if signed else "execute-api"
    named = f"{received.method} {path}"
    if service == "s3":
        return _s3(received, path)
    if "x-www-form-urlencoded" in received.headers.get("content-type", ""):
        form = parse_qs(received.body.decode(errors="replace"))
        targets = tuple(value for field in _TARGET_FIELDS for value in form.get(field, ()))
        return Request(
            service=service,
            operation=form.get("Action", [named])[0],
            path=path,
            dialect=Dialect.QUERY,
            targets=targets,
            entries=(tuple(value for values in form.values() for value in values),),
        )
    return Request(service=service, operation=named, path=path, dialect=Dialect.REST)


def _aws_json(received: Received, path: str) -> Request:
    prefix, _, operation = received.headers["x-amz-target"].rpartition(".")
    service = prefix.partition("_")[0].removeprefix("Amazon").lower()
    document = _object(received.body)
    batch = _aws_batch(service, operation, received.body) if document else None
    index = document.get("IndexName")
    return Request(
        service=service,
        operation=operation,
        path=path,
        dialect=Dialect.JSON,
        targets=tuple(dict.fromkeys(_targets(document))),
        entries=batch.entries if batch else (_about(document),),
        index=index if isinstance(index, str) else None,
        document=document,
        batch=batch,
    )


def _aws_batch(service: str, operation: str, body: bytes) -> Batch | None:
    take_apart = AWS_BATCHES.get((service, operation))
    if take_apart is None:
        return None
    with contextlib.suppress(*_MALFORMED):  # upstream will reject it
        return take_apart(body)
    return None


def _targets(document: Mapping[str, Any]) -> Iterator[str]:
    for field in _TARGET_FIELDS:
        if isinstance(value := document.get(field), str):
            yield value
    if isinstance(tables := document.get("RequestItems"), dict):
        yield from tables
    for write in document.get("TransactItems") or ():
        for action in write.values():
            yield action.get("TableName", "")


def _about(document: Mapping[str, Any]) -> Entry:
    """Keys and texts of a request that is not a batch: enough to distinguish deliveries."""
    found = [document.get(name) for name in ("IndexName", "PartitionKey", "MessageGroupId")]
    found.append(document.get("MessageDeduplicationId"))
    for action in [document, *_actions(document)]:
        for name in ("Key", "Item", "ExpressionAttributeValues"):
            found += _scalars(action.get(name))
    return tuple(value for value in found if isinstance(value, str))


def _actions(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for write in document.get("TransactItems") or ():
        yield from write.values()


def _scalars(attributes: Any) -> Iterator[str]:
    for value in (attributes or {}).values():
        if isinstance(value, dict):
            yield from (value[kind] for kind in ("S", "N") if isinstance(value.get(kind), str))


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _s3(received: Received, path: str) -> Request:
    bucket, _, key = unquote(path.removeprefix("/")).partition("/")
    kind = "Object" if key else "Bucket"
    return Request(
        service="s3",
        operation=received.method.capitalize() + kind,
        path=path,
        dialect=Dialect.S3,
        targets=(bucket,),
        entries=((key,),),
    )


def _opensearch(received: Received, path: str) -> Request:
    segments = [unquote(segment) for segment in path.split("/") if segment]
    at = next((n for n, segment in enumerate(segments) if segment.startswith("_")), None)
    operation = segments[at] if at is not None else f"{received.method} {path}"
    indexes = tuple(segments[0].split(",")) if segments and at != 0 else ()
    batch: Batch | None = None
    if operation == "_bulk":
        with contextlib.suppress(*_MALFORMED):
            batch = BulkBatch(received.body, index=indexes[0] if indexes else "")
    if batch is not None:
        indexes = tuple(dict.fromkeys((*indexes, *(entry[0] for entry in batch.entries))))
    return Request(
        service="opensearch",
        operation=operation,
        path=path,
        dialect=Dialect.OPENSEARCH,
        targets=indexes,
        entries=batch.entries if batch else ((*indexes, *segments[(at or 0) + 1 :]),),
        batch=batch,
    )
