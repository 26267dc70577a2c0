"""Deliveries as the HTTP API shows them.

Only the dispatcher sees the actor and the reason of a declaration, the point that made a rule fire,
the note and the proof; customers and trucks see what the socket's messages show. Only the
dispatcher and the truck see what a customer may see of the truck, and which stop a delivery is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rtdts.tracking.deliveries import Cause, Delivery, DeliveryEvent, Place
from rtdts.tracking.instants import format_instant
from rtdts.tracking.roles import CUSTOMER, DISPATCHER
from rtdts.tracking.shares import Share
from rtdts.tracking.viewer_scope import events_to_show

Document = dict[str, Any]


def delivery_document(
    delivery: Delivery, events: Sequence[DeliveryEvent], *, role: str
) -> Document:
    """Returns a delivery with its events up to its version: the log may have grown meanwhile."""
    visible = events_to_show(delivery, events, is_customer=role == CUSTOMER)
    in_detail = role == DISPATCHER
    return {
        **summary_document(delivery, role=role),
        "events": [event_document(event, in_detail=in_detail) for event in visible],
    }


def summary_document(delivery: Delivery, *, role: str) -> Document:
    """Returns a delivery without its events."""
    document = {
        "delivery_id": delivery.delivery_id,
        "truck_id": delivery.truck_id,
        "customer_id": delivery.customer_id,
        "status": delivery.status.value,
        "version": delivery.version,
        "assignment": delivery.assignment,
        "origin": _place(delivery.origin, delivery.origin_name),
        "destination": _place(delivery.destination, delivery.destination_name),
    }
    if delivery.window is not None:
        document["window"] = {
            "start": format_instant(delivery.window.start_ms),
            "end": format_instant(delivery.window.end_ms),
        }
    if role != CUSTOMER:
        document["visibility"] = msgspec.to_builtins(delivery.visibility)
        if delivery.stop_sequence is not None:
            document["stop_sequence"] = delivery.stop_sequence
    return document


def _place(place: Place, name: str | None) -> Document:
    document: Document = msgspec.to_builtins(place)
    return document if name is None else document | {"name": name}


def event_document(event: DeliveryEvent, *, in_detail: bool) -> Document:
    """Returns one event of the log."""
    document: Document = {
        "version": event.version,
        "status": event.status.value,
        "effective_at": format_instant(event.effective_at_ms),
        "cause": event.cause.value,
    }
    if not in_detail:
        return document
    details = {
        "recorded_at": format_instant(event.recorded_at_ms),
        "assignment": event.assignment,
        "truck_id": event.truck_id,
        "type": None if event.declared is None else event.declared.value,
        "point_id": event.point_id,
        "actor": event.actor,
        "note": event.note,
        "proof": event.proof,
        "failure_code": event.failure_code and event.failure_code.value,
        "doubts": [doubt.value for doubt in event.doubts] or None,
    }
    return document | {name: value for name, value in details.items() if value is not None}


def share_document(share: Share) -> Document:
    """Returns a share as the dispatcher sees it: without the token that opens it."""
    return {
        "share_id": share.share_id,
        "created_at": format_instant(share.created_at_ms),
        "created_by": share.created_by,
        "expires_at": format_instant(share.expires_at_ms),
        "revoked_at": _instant_or_null(share.revoked_at_ms),
        "tickets": share.tickets,
        "last_used_at": _instant_or_null(share.last_used_at_ms),
    }


def shared_delivery_document(
    delivery: Delivery, events: Sequence[DeliveryEvent], *, stops_before: int | None
) -> Document:
    """Returns a delivery as a share shows it: as to its customer, but without truck and names."""
    timeline = _timeline(events_to_show(delivery, events, is_customer=True))
    since = timeline[-1]["at"] if timeline else format_instant(delivery.updated_at_ms)
    window = delivery.window
    return {
        "delivery_id": delivery.delivery_id,
        "status": delivery.status.value,
        "since": since,
        "version": delivery.version,
        "window": window
        and {"start": format_instant(window.start_ms), "end": format_instant(window.end_ms)},
        "origin": _shared_place(delivery.origin, delivery.origin_name),
        "destination": _shared_place(delivery.destination, delivery.destination_name),
        "timeline": timeline,
        "failure_code": delivery.failure_code and delivery.failure_code.value,
        "stops_before": stops_before,
        "ended": not delivery.is_open,
    }


def _timeline(events: Sequence[DeliveryEvent]) -> list[Document]:
    """Returns the valid statuses, once each: going back to a status withdraws those after it."""
    timeline: list[Document] = []
    for event in events:
        entry = {"status": event.status.value, "at": format_instant(event.effective_at_ms)}
        known = [one["status"] for one in timeline]
        if event.status.value not in known:
            timeline.append(entry)
            continue
        there = known.index(event.status.value)
        del timeline[there + 1 :]
        if event.cause is Cause.ASSIGNED:  # another truck starts over
            timeline[there] = entry
    return timeline


def _shared_place(place: Place, name: str | None) -> Document:
    return {"lat": place.lat, "lon": place.lon, "name": name}


def _instant_or_null(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_instant(at_ms)
