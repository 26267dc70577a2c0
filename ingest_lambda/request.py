"""Reads the gateway's event: the sender, and the body as it was sent."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from rtdts.ingest.packed_bodies import NotUnpackableError, unpacked
from rtdts.tracking.blocks import Token, token_of
from rtdts.tracking.roles import TRUCK

SENDERS: Final = (TRUCK,)
"""The roles that may report positions, each only its own."""


class NotATruckError(Exception):
    """The token is not a truck's; the text says why."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sender:
    """The truck whose token the gateway has checked, and which of its tokens that is."""

    truck_id: str
    token: Token


def sender_of(event: Mapping[str, Any], *, identity_claim: str) -> Sender:
    """Returns the sender of a request.

    Raises:
        NotATruckError: Its token has another role, or names no identity.
    """
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    if claims.get("role") not in SENDERS:
        raise NotATruckError("only trucks report positions")
    truck_id = claims.get(identity_claim)
    if not isinstance(truck_id, str) or not truck_id:
        raise NotATruckError("the token does not say which truck this is")
    return Sender(truck_id=truck_id, token=token_of(claims))


def address_of(event: Mapping[str, Any]) -> str:
    """Returns a request's source address, as the gateway saw it; empty if it is not known.

    For IPv6 it is the /64 network, of which a client may use every address.
    """
    text = str(((event.get("requestContext") or {}).get("http") or {}).get("sourceIp", ""))
    if ":" not in text:
        return text
    try:
        return str(ipaddress.IPv6Network((text, 64), strict=False))
    except ValueError:
        return text


def unpacked_body(event: Mapping[str, Any], *, max_bytes: int) -> bytes:
    """Returns the request's body, decoded and decompressed, with at most ``max_bytes`` in memory.

    The gateway passes a body that is not text as base64. Compressed bodies are marked by
    ``Content-Type: application/gzip`` (under ``application/json`` the gateway would have decoded
    them as text, and so destroyed them).

    Raises:
        BodyTooLargeError: The body is larger, before or after unpacking.
        NotUnpackableError: The body is not valid base64, or not exactly one whole gzip member.
    """
    content_type = str((event.get("headers") or {}).get("content-type", ""))
    return unpacked(_body(event), content_type=content_type, max_bytes=max_bytes)


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        # A gateway's text may hold lone surrogates (JSON escapes); the point's decoder checks them.
        return str(text).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotUnpackableError("the body is not base64") from error
