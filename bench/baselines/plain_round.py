"""A round in its simplest form: for each viewer one read, one search, one awaited post.

It uses our poster: the approach is compared, not the client.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable

from broadcaster.poster import SocketPoster
from broadcaster.sender import Payload, PostOutcome
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.position_store.reader import PositionReader
from rtdts.runtime.deadline import Deadline
from rtdts.tracking.topics import kind_and_name


async def run_round(
    viewers: Iterable[Subscription],
    deliveries: DeliveryStore,
    positions: PositionReader,
    poster: SocketPoster,
) -> int:
    """Pushes to all viewers; returns how many were reached."""
    reached = 0
    for viewer in viewers:
        delivery = deliveries.get_many([viewer.delivery_id]).by_id[viewer.delivery_id]
        if delivery.customer_id != viewer.identity:
            continue
        shown = positions.shown([delivery.truck_id]).get(delivery.truck_id)
        message = {
            "type": "position",
            "sent_at": time.time(),
            "delivery_id": delivery.delivery_id,
            "status": delivery.status,
            "position": shown and {"lat": shown.point.lat, "lon": shown.point.lon},
        }
        payload = Payload.of(json.dumps(message).encode())
        _, connection_id = kind_and_name(viewer.endpoint)
        outcome = await poster.post(connection_id, payload, Deadline(60.0))
        reached += outcome is PostOutcome.DELIVERED
    return reached
