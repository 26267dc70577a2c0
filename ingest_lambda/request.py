"""What the gateway's event says: who sends, and the body as it was sent."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import zlib
from collections.abc import Mapping
from typing import Any, Final

from rtdts.tracking.blocks import Token, token_of
from rtdts.tracking.roles import TRUCK

SENDERS: Final = (TRUCK,)
"""The roles that may report positions, each its own."""

_GZIP_TYPES = {"application/gzip", "application/x-gzip"}
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS  # "16 +": with gzip's header and trailer, and only those


class NotATruckError(Exception):
    """The token is not a truck's; the text says in what way."""


class BodyTooLargeError(Exception):
    """The body is larger, unpacked, than it may be."""


class NotUnpackableError(Exception):
    """The body is not the base64 or gzip that it says it is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sender:
    """The truck whose token the gateway has checked, and which of its tokens that is."""

    truck_id: str
    token: Token


def sender_of(event: Mapping[str, Any], *, identity_claim: str) -> Sender:
    """The sender of a request.

    Raises:
        NotATruckError: Its role is another, or it names nobody.
    """
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    if claims.get("role") not in SENDERS:
        raise NotATruckError("only trucks report positions")
    truck_id = claims.get(identity_claim)
    if not isinstance(truck_id, str) or not truck_id:
        raise NotATruckError("the token does not say which truck this is")
    return Sender(truck_id=truck_id, token=token_of(claims))


def unpacked_body(event: Mapping[str, Any], *, max_bytes: int) -> bytes:
    """The request's body, decoded and decompressed, never more than ``max_bytes`` of it in memory.

    The gateway hands over as base64 whatever is not text; compressed bodies are marked by
    ``Content-Type: application/gzip`` (under ``application/json`` the gateway would have decoded
    them as text, and so destroyed them).

    Raises:
        BodyTooLargeError: It is larger, or unpacks to more.
        NotUnpackableError: It is not valid base64, or not exactly one whole gzip member.
    """
    body = _body(event)
    content_type = str((event.get("headers") or {}).get("content-type", ""))
    if content_type.partition(";")[0].strip().lower() in _GZIP_TYPES:
        return _gunzip(body, max_bytes)
    if len(body) > max_bytes:
        raise BodyTooLargeError
    return body


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        # A gateway's text may hold lone surrogates (JSON escapes); the point's decoder judges them.
        return str(text).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotUnpackableError("the body is not base64") from error


def _gunzip(packed: bytes, max_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(_GZIP_WINDOW_BITS)
    try:
        # One byte more than allowed tells "too large" from "just fits", whatever is behind it.
        unpacked = unpacking.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise NotUnpackableError("the body is not gzip") from error
    if len(unpacked) > max_bytes:
        raise BodyTooLargeError
    if not unpacking.eof or unpacking.unused_data:
        raise NotUnpackableError("the body is not one whole gzip file")
    return unpacked
