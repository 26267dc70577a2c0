"""A receiver's view of a delivery, and how a message changes it.

Messages may arrive twice, late or in another order. A receiver keeps the highest ``version``, and
the highest ``position_at`` within the highest ``assignment``; lower values change nothing. Times
are compared as text: all have the same form, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rtdts_client.messages import (
    ABSENT,
    DeliveryEvent,
    DeliveryMessage,
    Ended,
    Eta,
    Position,
    PositionUpdate,
    Snapshot,
    StatusChange,
    TrackPoint,
)


@dataclass(frozen=True)
class DeliveryView:
    """What is known of one delivery.

    Attributes:
        version: The newest known event's; 0 until the socket has received a message.
        status: The status at that version.
        events: All known events, by version.
        assignment: Increases by 1 when the delivery is assigned to another truck.
        position_at: When the truck was at ``position``, by the service's clock, RFC 3339.
        stops_before: Stops of the truck before this delivery's; None when that is not known.
        failure_code: Why it failed, if that was declared.
        ended: Why it is no longer tracked.
        turned_at: When the last `Ended` or `Snapshot` was sent.
        positioned_at: When the message was sent from which the position, or its absence, is known.
    """

    delivery_id: str
    version: int = 0
    status: str | None = None
    events: tuple[DeliveryEvent, ...] = ()
    assignment: int = 0
    position: Position | None = None
    position_at: str | None = None
    distance_remaining_m: float | None = None
    eta: Eta | None = None
    stops_before: int | None = None
    failure_code: str | None = None
    track: tuple[TrackPoint, ...] = ()
    ended: str | None = None
    turned_at: str = ""
    positioned_at: str = ""


@dataclass(frozen=True)
class Applied:
    """What a message added.

    Attributes:
        view: The view after it.
        events: Events that were not known before, by version.
        new_version: Whether it has a later version.
        new_position: Whether the position has changed, or is no longer shown.
        stale: Whether it arrived after a newer message, so that it is out of date.
    """

    view: DeliveryView
    events: tuple[DeliveryEvent, ...] = ()
    new_version: bool = False
    new_position: bool = False
    stale: bool = False


def complete_through(view: DeliveryView) -> int:
    """The highest version up to which no event is missing: what to send as ``since_version``."""
    version = 0
    for event in view.events:
        if event.version != version + 1:
            break
        version = event.version
    return version


def apply_message(view: DeliveryView, message: DeliveryMessage) -> Applied:
    """Apply a message of the view's delivery."""
    if isinstance(message, Ended):
        if message.sent_at < view.turned_at:
            return Applied(view, stale=True)
        return Applied(replace(view, ended=message.reason, turned_at=message.sent_at))
    if isinstance(message, Snapshot) and message.sent_at > view.turned_at:
        view = replace(view, ended=None, turned_at=message.sent_at)
    if message.assignment > view.assignment:  # another truck: a new track starts
        view = replace(_without_position(view), assignment=message.assignment)
    events = _unknown_events(view, message)
    if events:
        in_order = sorted((*view.events, *events), key=lambda event: event.version)
        view = replace(view, events=tuple(in_order))
    new_version = message.version > view.version
    if new_version:
        view = replace(view, version=message.version, status=message.status)
    if message.version >= view.version:
        view = _with_aside(view, message)
    applied = Applied(view, events, new_version, stale=message.version < view.version)
    return applied if isinstance(message, StatusChange) else _apply_position(applied, message)


def _apply_position(applied: Applied, message: Snapshot | PositionUpdate) -> Applied:
    view, known = applied.view, applied.view.position_at
    if message.assignment < view.assignment:
        return replace(applied, stale=True)
    if message.position is None or message.position_at is None:
        # Not shown, or no longer shown, unless the message was overtaken.
        if message.sent_at < view.positioned_at:
            return replace(applied, stale=True)
        hidden = replace(_without_position(view), positioned_at=message.sent_at)
        return replace(applied, view=hidden, new_position=known is not None)
    if known is not None and message.position_at < known:
        return replace(applied, stale=not applied.new_version)
    if message.position_at == known and message.sent_at < view.positioned_at:
        return replace(applied, stale=True)
    new_position = message.position_at != known
    after = replace(
        view,
        position=message.position,
        position_at=message.position_at,
        distance_remaining_m=message.distance_remaining_m,
        eta=message.eta,
        track=_track_with(view, message, message.position, message.position_at),
        positioned_at=message.sent_at,
    )
    stale = applied.stale and not new_position
    return replace(applied, view=after, new_position=new_position, stale=stale)


def _without_position(view: DeliveryView) -> DeliveryView:
    return replace(
        view, position=None, position_at=None, distance_remaining_m=None, eta=None, track=()
    )


def _with_aside(
    view: DeliveryView, message: Snapshot | PositionUpdate | StatusChange
) -> DeliveryView:
    """The view with the fields that belong to the message's version."""
    if message.stops_before is not ABSENT:
        view = replace(view, stops_before=message.stops_before)
    if message.failure_code is not ABSENT and not isinstance(message, PositionUpdate):
        view = replace(view, failure_code=message.failure_code)
    return view


def _track_with(
    view: DeliveryView, message: Snapshot | PositionUpdate, position: Position, position_at: str
) -> tuple[TrackPoint, ...]:
    """A snapshot's track replaces the known one; an update's position is appended to it."""
    if isinstance(message, Snapshot):
        return message.track
    at_ms = round(datetime.fromisoformat(position_at).timestamp() * 1000)
    if view.track and view.track[-1].at_ms >= at_ms:
        return view.track
    return (*view.track, TrackPoint(position.lat, position.lon, at_ms))


def _unknown_events(
    view: DeliveryView, message: Snapshot | PositionUpdate | StatusChange
) -> tuple[DeliveryEvent, ...]:
    known = {event.version for event in view.events}
    if isinstance(message, Snapshot):
        return tuple(event for event in message.events if event.version not in known)
    if isinstance(message, PositionUpdate) or message.version in known:
        return ()
    return (DeliveryEvent(message.version, message.status, message.effective_at, message.cause),)
