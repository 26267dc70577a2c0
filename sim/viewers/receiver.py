"""The receiver's rule: what a viewer knows of a delivery, and what a message adds to it.

Messages may come twice, late or in another order. Of each delivery a receiver keeps the highest
``version``, and the highest ``position_at`` within the highest ``assignment``; anything lower
changes nothing. So a lost ``status`` shows in the next ``position``, and a late one can't take
the delivery back. Of ``ended`` and ``snapshot`` the one that was sent later stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rtdts.tracking.instants import parse_instant


@dataclass(frozen=True)
class DeliveryView:
    """What a viewer knows of one delivery."""

    delivery_id: str
    version: int = 0
    status: str | None = None
    assignment: int = 0
    position_at_ms: int | None = None
    lat: float | None = None
    lon: float | None = None
    speed_mps: float | None = None
    distance_remaining_m: float | None = None
    ended: str | None = None
    """Why it is no longer tracked."""
    turned_at: str = ""
    """When the last ``ended`` or ``snapshot`` was sent, as on the wire: texts of one form, in the
    order of the times."""


@dataclass(frozen=True)
class Taken:
    """What a message changed.

    Attributes:
        view: The view after it.
        new_version: Whether it told of a later version than was known.
        new_position: Whether it told of a later position than was known.
        stale: Whether it told only of what was known to be over.
    """

    view: DeliveryView
    new_version: bool = False
    new_position: bool = False
    stale: bool = False


class BadMessageError(ValueError):
    """A message isn't what the service promises."""


def parse_message(text: str | bytes) -> Mapping[str, Any]:
    """Read a frame; messages without ``type`` are the gateway's own.

    Raises:
        BadMessageError: It isn't a JSON object.
    """
    try:
        message = json.loads(text)
    except ValueError as error:
        raise BadMessageError(f"not JSON: {text[:80]!r}") from error
    if not isinstance(message, dict):
        raise BadMessageError(f"not an object: {text[:80]!r}")
    return message


def take(view: DeliveryView, message: Mapping[str, Any]) -> Taken:
    """Apply a ``snapshot``, ``position``, ``status`` or ``ended`` of the view's delivery.

    Raises:
        BadMessageError: A field that the service promises is missing or of another form.
    """
    try:
        match message["type"]:
            case "ended":
                if message["sent_at"] < view.turned_at:  # tracking has begun anew since then
                    return Taken(view, stale=True)
                return Taken(replace(view, ended=message["reason"], turned_at=message["sent_at"]))
            case "snapshot":
                # It answers a `track`: tracking has begun anew, unless it was overtaken.
                if message["sent_at"] > view.turned_at:
                    view = replace(view, ended=None, turned_at=message["sent_at"])
                return _take_position(_take_version(view, message), message)
            case "position":
                return _take_position(_take_version(view, message), message)
            case "status":
                return _take_version(view, message)
            case _:  # a later type of the service: ignored, as its contract asks
                return Taken(view)
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessageError(f"{message.get('type')}: {error!r}") from error


def _take_version(view: DeliveryView, message: Mapping[str, Any]) -> Taken:
    version, status, assignment = message["version"], message["status"], message["assignment"]
    after = view
    if assignment > view.assignment:  # another truck: its track starts anew
        after = replace(
            view, assignment=assignment, position_at_ms=None, lat=None, lon=None, speed_mps=None,
            distance_remaining_m=None,
        )  # fmt: skip
    if version <= view.version:
        return Taken(after, stale=version < view.version)
    return Taken(replace(after, version=version, status=status), new_version=True)


def _take_position(taken: Taken, message: Mapping[str, Any]) -> Taken:
    view, position = taken.view, message["position"]
    if position is None or message["assignment"] < view.assignment:
        return taken
    at_ms = parse_instant(message["position_at"])
    if view.position_at_ms is not None and at_ms < view.position_at_ms:
        return replace(taken, stale=not taken.new_version)
    after = replace(
        view,
        position_at_ms=at_ms,
        lat=position["lat"],
        lon=position["lon"],
        speed_mps=position["speed_mps"],
        distance_remaining_m=message["distance_remaining_m"],
    )
    newer = at_ms != view.position_at_ms
    return Taken(after, taken.new_version, newer, stale=taken.stale and not newer)
