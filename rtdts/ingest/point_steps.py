"""Log fields for each point of a request, for tracing single points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rtdts.telemetry_stream.putter import PutOutcome
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point


def point_steps(points: Sequence[Point], outcome: PutOutcome) -> Iterator[Mapping[str, Any]]:
    """Yields the log fields of one line per point, in the request's order.

    Args:
        points: As they were stamped and put.
        outcome: The stream's result.
    """
    places = {place: record for record in outcome.accepted for place in record.payloads}
    for place, point in enumerate(points):
        record = places.get(place)
        yield {
            "step": "failed" if record is None else "accepted",
            "point_id": point_id(point),
            "event_at_ms": point.event_at_ms,
            "received_at_ms": point.received_at_ms,
            "clock": str(point.clock),
            "shard_id": record.shard_id if record else None,
            "sequence_number": record.sequence_number if record else None,
            "sub_sequence_number": place - record.payloads.start if record else None,
        }
