"""Parses a viewer's messages and identity once, at the edge."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from rtdts.tracking.blocks import Token
from rtdts.tracking.deliveries import MAX_VERSION
from rtdts.tracking.fleet_view import FleetView
from rtdts.tracking.identifiers import Identifier

T = TypeVar("T")


class InvalidMessage(Exception):  # noqa: N818 - what it is, not an error of ours
    """A message that the contract does not define."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Viewer:
    """The viewer of a connection, as the authorizer identified it."""

    connection_id: str
    role: str
    identity: str
    token_expires_at_ms: int
    token: Token
    delivery_id: str = ""
    """The only delivery that the viewer may track; empty: any that it has a right to."""


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """A request to track a delivery."""

    delivery_id: Identifier
    since_version: Annotated[int, Meta(ge=0, le=MAX_VERSION)] = 0


class Untrack(msgspec.Struct, frozen=True, kw_only=True):
    """A request to stop tracking a delivery."""

    delivery_id: Identifier


def viewer_of(event: Mapping[str, Any]) -> Viewer:
    """Returns the viewer of any event of a connection.

    Raises:
        KeyError: The event did not come through the authorizer.
    """
    context = event["requestContext"]
    known = context["authorizer"]
    return Viewer(
        connection_id=context["connectionId"],
        role=known["role"],
        identity=known["identity"],
        # The gateway turns the authorizer's numbers into text.
        token_expires_at_ms=int(float(known["expires_at"]) * 1000),
        token=Token(known.get("token_id") or "", int(float(known.get("issued_at") or 0) * 1000)),
        delivery_id=known.get("delivery_id") or "",
    )


def parse_track(event: Mapping[str, Any]) -> Track:
    """Parses a message of the route `track`.

    Raises:
        InvalidMessage: It names no delivery.
    """
    return _decode(event, _TRACK)


def parse_untrack(event: Mapping[str, Any]) -> Untrack:
    """Parses a message of the route `untrack`.

    Raises:
        InvalidMessage: It names no delivery.
    """
    return _decode(event, _UNTRACK)


def parse_track_fleet(event: Mapping[str, Any]) -> FleetView:
    """Parses a message of the route `track_fleet`.

    Raises:
        InvalidMessage: It holds no valid view.
    """
    try:
        return _decode(event, _TRACK_FLEET).rounded()
    except ValueError as error:
        raise InvalidMessage(str(error)) from error


_TRACK = msgspec.json.Decoder(Track)
_UNTRACK = msgspec.json.Decoder(Untrack)
_TRACK_FLEET = msgspec.json.Decoder(FleetView)


def _decode(event: Mapping[str, Any], decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(event.get("body") or "")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidMessage(str(error)) from error
