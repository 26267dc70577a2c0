"""Parses requests once, at the edge, into frozen values or an `InvalidRequest`."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from delivery_lambda.decisions import ANY_VERSION, Declaration, DeliverySpec
from rtdts.tracking.callers import Caller
from rtdts.tracking.deliveries import (
    DEFAULT_RADIUS_M,
    DeclaredType,
    FailureCode,
    Place,
    Status,
    TimeWindow,
)
from rtdts.tracking.identifiers import ID_FORM, Identifier, is_identifier
from rtdts.tracking.instants import parse_instant
from rtdts.tracking.roles import CUSTOMER, DISPATCHER, TRUCK
from rtdts.tracking.visibility import DEFAULT_VISIBILITY, Visibility

MIN_RADIUS_M: Final = 1.0
MAX_RADIUS_M: Final = 50_000.0
MAX_KEY_LENGTH: Final = 255
MAX_NAME_LENGTH: Final = 200
MAX_STOP_SEQUENCE: Final = 100_000
MIN_SHARE_LIFE_S: Final = 60
MAX_OPEN_BODY_BYTES: Final = 1_024
"""Maximum size of the body of a request without a token."""

_ENTITY_TAG = re.compile(r'"([0-9]{1,18})"|([0-9]{1,18})')
_AT_FIELD = " - at `$."

T = TypeVar("T")


class InvalidRequest(Exception):  # noqa: N818 - what it is, not an error of ours
    """The request can't be understood.

    Attributes:
        field: The invalid part, as a path; empty for the whole request.
        reason: What is wrong with it.
        limit: The limit that was exceeded, if one was.
    """

    def __init__(self, field: str, reason: str, *, limit: int | None = None) -> None:
        self.field = field
        self.reason = reason
        self.limit = limit
        super().__init__(f"{field}: {reason}" if field else reason)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """An event of the HTTP API, reduced to what is used."""

    route: tuple[str, str]
    delivery_id: str
    """From the path; empty on routes without one."""
    share_id: str
    """From the path, too; empty on routes without one."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class _PlaceBody(msgspec.Struct, frozen=True, kw_only=True):
    lat: Annotated[float, Meta(ge=-90.0, le=90.0)]
    lon: Annotated[float, Meta(ge=-180.0, le=180.0)]
    radius_m: Annotated[float, Meta(ge=MIN_RADIUS_M, le=MAX_RADIUS_M)] = DEFAULT_RADIUS_M
    name: Annotated[str, Meta(max_length=MAX_NAME_LENGTH)] | None = None

    def place(self) -> Place:
        return Place(lat=_degrees(self.lat), lon=_degrees(self.lon), radius_m=self.radius_m)


class _WindowBody(msgspec.Struct, frozen=True, kw_only=True):
    start: str
    end: str


class _PlanBody(msgspec.Struct, frozen=True, kw_only=True):
    truck_id: Identifier
    customer_id: Identifier
    origin: _PlaceBody
    destination: _PlaceBody
    window: _WindowBody | None = None
    visibility: Visibility | None = None
    stop_sequence: Annotated[int, Meta(ge=0, le=MAX_STOP_SEQUENCE)] | None = None


class _DeclarationBody(msgspec.Struct, frozen=True, kw_only=True):
    type: DeclaredType
    at: str | None = None
    failure_code: FailureCode | None = None
    note: Annotated[str, Meta(max_length=2_000)] | None = None
    proof: Annotated[str, Meta(max_length=2_000)] | None = None


class _ShareBody(msgspec.Struct, frozen=True, kw_only=True):
    expires_in_s: Annotated[int, Meta(ge=MIN_SHARE_LIFE_S)] | None = None


class _ShareTicketBody(msgspec.Struct, frozen=True, kw_only=True):
    token: str


def parse_request(event: Mapping[str, Any]) -> Request:
    """Reads an event of payload format 2.0.

    Raises:
        InvalidRequest: The body is marked as base64, but is not.
    """
    method, _, path = str(event["routeKey"]).partition(" ")
    body = event.get("body") or ""
    try:
        raw = (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidRequest("", "the body can't be read") from error
    headers, named = event.get("headers") or {}, event.get("pathParameters") or {}
    return Request(
        route=(method, path),
        delivery_id=named.get("delivery_id", ""),
        share_id=named.get("share_id", ""),
        query=event.get("queryStringParameters") or {},
        headers={name.lower(): value for name, value in headers.items()},
        body=raw,
    )


def parse_plan(request: Request) -> DeliverySpec:
    """Parses the body of PUT /deliveries/{delivery_id}.

    Raises:
        InvalidRequest: It is not a plan.
    """
    body = _decode(request.body, _PlanBody)
    window = None
    if body.window is not None:
        window = TimeWindow(
            start_ms=_instant("window.start", body.window.start),
            end_ms=_instant("window.end", body.window.end),
        )
        if window.end_ms <= window.start_ms:
            raise InvalidRequest("window.end", "must be after window.start")
    return DeliverySpec(
        truck_id=body.truck_id,
        customer_id=body.customer_id,
        origin=body.origin.place(),
        destination=body.destination.place(),
        window=window,
        visibility=body.visibility or DEFAULT_VISIBILITY,
        stop_sequence=body.stop_sequence,
        origin_name=body.origin.name or None,
        destination_name=body.destination.name or None,
    )


def parse_expected_version(request: Request) -> int | str | None:
    """Parses If-Match: a version, `ANY_VERSION` for ``*``, or None without the header.

    Raises:
        InvalidRequest: It is not a version.
    """
    text = request.headers.get("if-match", "").strip()
    if text in ("", ANY_VERSION):
        return text or None
    match = _ENTITY_TAG.fullmatch(text)
    if match is None:
        raise InvalidRequest("If-Match", 'must be a version, such as 3 or "3"')
    return int(match[1] or match[2])


def parse_declaration(request: Request) -> Declaration:
    """Parses the body and the key of POST /deliveries/{delivery_id}/events.

    Raises:
        InvalidRequest: There is no key, or the body is not a declaration.
    """
    key = request.headers.get("idempotency-key", "").strip()
    if not key:
        raise InvalidRequest("Idempotency-Key", "is required")
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidRequest("Idempotency-Key", f"is longer than {MAX_KEY_LENGTH} characters")
    body = _decode(request.body, _DeclarationBody)
    if body.failure_code is not None and body.type is not DeclaredType.FAILED:
        raise InvalidRequest("failure_code", "is only for failed")
    return Declaration(
        type=body.type,
        failure_code=body.failure_code,
        at_ms=None if body.at is None else _instant("at", body.at),
        note=body.note,
        proof=body.proof,
        idempotency_key=key,
        # Covers the content, not the bytes: a client may write the same JSON in another way.
        request_hash=hashlib.sha256(msgspec.json.encode(body)).hexdigest(),
    )


def parse_share_life_s(request: Request, *, default_s: int, max_s: int) -> int:
    """Parses a share's lifetime in seconds: the body of POST /deliveries/{delivery_id}/shares.

    Raises:
        InvalidRequest: It is not a number of seconds, or is too small or too large.
    """
    body = _decode(request.body, _ShareBody) if request.body.strip() else _ShareBody()
    if body.expires_in_s is None:
        return min(default_s, max_s)
    if body.expires_in_s > max_s:
        raise InvalidRequest("expires_in_s", f"is more than {max_s}", limit=max_s)
    return body.expires_in_s


def parse_share_token(request: Request) -> str:
    """Returns the token in the body of POST /shares/tickets, in any form.

    Raises:
        InvalidRequest: There is no token.
    """
    if len(request.body) > MAX_OPEN_BODY_BYTES:
        raise InvalidRequest("", f"the body is longer than {MAX_OPEN_BODY_BYTES} bytes")
    return _decode(request.body, _ShareTicketBody).token


def parse_status(request: Request) -> Status | None:
    """Parses the query's `status`.

    Raises:
        InvalidRequest: There is no such status.
    """
    text = request.query.get("status")
    if not text:
        return None
    try:
        return Status(text)
    except ValueError:
        raise InvalidRequest("status", f"must be one of {', '.join(Status)}") from None


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnerFilter:
    """The owner of the listed deliveries."""

    kind: str
    """`CUSTOMER` or `TRUCK`."""
    identity: str


def parse_owner_filter(request: Request, caller: Caller) -> OwnerFilter | None:
    """Returns the owner that GET /deliveries names; None if its deliveries are not the caller's.

    Raises:
        InvalidRequest: A dispatcher names neither owner or both, or the name can't be an id.
    """
    named = [
        OwnerFilter(kind=kind, identity=identity)
        for kind in (CUSTOMER, TRUCK)
        if (identity := request.query.get(f"{kind}_id")) is not None
    ]
    if caller.role != DISPATCHER:
        own = OwnerFilter(kind=caller.role, identity=caller.identity)
        return own if all(owner == own for owner in named) else None
    if len(named) != 1:
        raise InvalidRequest("customer_id", "either this or truck_id is required")
    if not is_identifier(named[0].identity):
        raise InvalidRequest(f"{named[0].kind}_id", f"must match {ID_FORM}")
    return named[0]


def _decode(body: bytes, expected: type[T]) -> T:
    if not body.strip():
        raise InvalidRequest("", "the request has no body")
    try:
        return msgspec.json.decode(body, type=expected)
    except msgspec.ValidationError as error:
        # msgspec names the place at the end of its message, as a path.
        reason, _, path = str(error).partition(_AT_FIELD)
        raise InvalidRequest(path.rstrip("`"), reason) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("", f"the body is not JSON: {error}") from error


def _degrees(value: float) -> float:
    # To a tenth of a millimetre: DynamoDB rejects numbers closer to zero than 1e-130.
    return round(value, 9) + 0.0  # -0.0 is written as 0.0


def _instant(field: str, text: str) -> int:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidRequest(field, str(error)) from error
