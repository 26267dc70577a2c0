"""Deliveries and changes of them, for tests to which their origin does not matter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec

from rtdts.delivery_store.subscriptions import Subscription
from rtdts.delivery_store.tickets import TicketHolder
from rtdts.tracking.deliveries import (
    CLOSED,
    Assignment,
    Cause,
    Delivery,
    DeliveryEvent,
    Place,
    Status,
)
from rtdts.tracking.topics import delivery_topic, socket_endpoint

NOW_MS = 1_795_504_200_312
ORIGIN = Place(lat=35.1705505, lon=129.1329985, radius_m=150.0)
DESTINATION = Place(lat=35.0, lon=129.0415)

_numbers: Iterator[int] = itertools.count(1)


def unique(prefix: str) -> str:
    """An id that no other test uses."""
    return f"{prefix}-{next(_numbers)}"


def ticket_holder(role: str, identity: str, token_expires_at_ms: int) -> TicketHolder:
    """Returns the holder of a ticket, without an id of its token."""
    return TicketHolder(role=role, identity=identity, token_expires_at_ms=token_expires_at_ms)


def subscription(delivery_id: str, connection_id: str) -> Subscription:
    """Returns a customer's subscription on a socket."""
    return Subscription(
        topic=delivery_topic(delivery_id),
        endpoint=socket_endpoint(connection_id),
        role="customer",
        identity="C-88",
        token_expires_at_ms=NOW_MS + 3_600_000,
        subscribed_at_ms=NOW_MS,
    )


def new_delivery(**changed: Any) -> Delivery:
    """Returns a delivery as it is after its creation."""
    made = Delivery(
        delivery_id=changed.pop("delivery_id", None) or unique("D"),
        customer_id=changed.pop("customer_id", "C-88"),
        origin=ORIGIN,
        destination=DESTINATION,
        status=Status.ASSIGNED,
        version=1,
        assignments=(
            Assignment(
                assignment=1, truck_id=changed.pop("truck_id", "T-0012"), started_at_ms=NOW_MS
            ),
        ),
        created_at_ms=NOW_MS,
        updated_at_ms=NOW_MS,
    )
    return msgspec.structs.replace(made, **changed)


def event_of(delivery: Delivery, **changed: Any) -> DeliveryEvent:
    """Returns the event that brought a delivery to its version."""
    made = DeliveryEvent(
        delivery_id=delivery.delivery_id,
        version=delivery.version,
        status=delivery.status,
        cause=Cause.ASSIGNED if delivery.version == 1 else Cause.MOVED_OFF,
        effective_at_ms=delivery.updated_at_ms,
        recorded_at_ms=delivery.updated_at_ms,
        assignment=delivery.assignment,
        truck_id=delivery.truck_id,
    )
    return msgspec.structs.replace(made, **changed)


def moved_to(delivery: Delivery, status: Status) -> Delivery:
    """Returns the delivery one event later, with this status."""
    return msgspec.structs.replace(
        delivery,
        status=status,
        version=delivery.version + 1,
        updated_at_ms=delivery.updated_at_ms + 1_000,
        closed_at_ms=delivery.updated_at_ms + 1_000 if status in CLOSED else None,
    )


def given_to(delivery: Delivery, truck_id: str) -> Delivery:
    """Returns the delivery one event later, on another truck."""
    at_ms = delivery.updated_at_ms + 1_000
    ended = msgspec.structs.replace(delivery.current, ended_at_ms=at_ms)
    begun = Assignment(assignment=delivery.assignment + 1, truck_id=truck_id, started_at_ms=at_ms)
    return msgspec.structs.replace(
        delivery,
        assignments=(*delivery.assignments[:-1], ended, begun),
        version=delivery.version + 1,
        updated_at_ms=at_ms,
    )
