"""Deliveries as the HTTP API shows them.

Who declared an event and why, which point made a rule fire, the note and the proof are for the
dispatcher alone; customers and trucks see what the socket's messages show. What a customer may see
of the truck, and which of its stops a delivery is, are for the dispatcher and the truck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from rtdts.tracking.deliveries import Delivery, DeliveryEvent
from rtdts.tracking.instants import format_instant
from rtdts.tracking.roles import CUSTOMER, DISPATCHER
from rtdts.tracking.viewer_scope import events_to_show

Document = dict[str, Any]


def delivery_document(
    delivery: Delivery, events: Sequence[DeliveryEvent], *, role: str
) -> Document:
    """A delivery with its events (those of its version: the log may have grown meanwhile)."""
    told = events_to_show(delivery, events, is_customer=role == CUSTOMER)
    in_detail = role == DISPATCHER
    return {
        **summary_document(delivery, role=role),
        "events": [event_document(event, in_detail=in_detail) for event in told],
    }


def summary_document(delivery: Delivery, *, role: str) -> Document:
    """A delivery without its events."""
    document = {
        "delivery_id": delivery.delivery_id,
        "truck_id": delivery.truck_id,
        "customer_id": delivery.customer_id,
        "status": delivery.status.value,
        "version": delivery.version,
        "assignment": delivery.assignment,
        "origin": msgspec.to_builtins(delivery.origin),
        "destination": msgspec.to_builtins(delivery.destination),
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


def event_document(event: DeliveryEvent, *, in_detail: bool) -> Document:
    """One event of the log."""
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
        "doubts": [doubt.value for doubt in event.doubts] or None,
    }
    return document | {name: value for name, value in details.items() if value is not None}
