"""Logs which points were posted to a viewer, so that a point can be followed through the logs."""

from __future__ import annotations

from collections.abc import Iterable

from broadcaster.sender import Payload
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.deliveries import DeliveryEvent
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import ShownPoint


def log_points(
    trace: PointTrace,
    payloads: Iterable[Payload],
    viewer: Subscription,
    *,
    outcome: str,
    now_ms: int,
) -> None:
    """Logs one line per point of a traced truck that the payloads show, or that changed a status.

    Args:
        trace: Writes the lines.
        payloads: The messages that were posted to the viewer, or were to be.
        viewer: The viewer.
        outcome: The outcome of the post.
        now_ms: For the age of the point or the status.
    """
    for payload in payloads:
        match payload.about:
            case ShownPoint() as point if trace.follows(point.truck_id):
                identity: str | None = point_id(point)
                shown, at_ms = "position", point.event_at_ms
            case DeliveryEvent() as event if trace.follows(event.truck_id):
                identity, shown, at_ms = event.point_id, "status", event.effective_at_ms
            case _:
                continue
        if identity is not None:  # a declared status has no point
            trace.log(
                "posted",
                identity,
                shown=shown,
                delivery_id=viewer.delivery_id,
                endpoint=viewer.endpoint,
                outcome=outcome,
                age_ms=now_ms - at_ms,
            )
