"""Decides which records of the stream are points: other programs may write to the stream, too.

The consumer uses this for incoming records. A replay of old records into the stream uses it to
predict what the consumer would accept.
"""

from __future__ import annotations

import msgspec

from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import InvalidPoint, decode_point

MAX_RECEIVED_AHEAD_MS = 60_000
"""A point can't be received after it was put into the stream; our own clocks differ by less."""
MAX_RECEIVED_BEHIND_MS = 30 * 86_400_000
"""A record replayed after a repair may be days old. Older stamps would create daily indexes of any
date."""

KEY_IS_NOT_THE_TRUCK = "partition_key_is_not_the_truck"


class InvalidRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record is not a point of its truck; repeating it does not help."""

    reason: str
    """A code."""
    detail: str


def admit(data: bytes, *, partition_key: str, arrived_at_ms: int) -> Point | InvalidRecord:
    """Returns the point of a user record, or why it is not a point.

    Args:
        data: The record.
        partition_key: The record's partition key in the stream.
        arrived_at_ms: When the stream accepted it.
    """
    try:
        point = decode_point(data)
    except InvalidPoint as error:
        return InvalidRecord(reason="not_a_point", detail=str(error))
    if partition_key != point.truck_id:
        detail = f"partition key {partition_key!r}, truck {point.truck_id!r}"
        return InvalidRecord(reason=KEY_IS_NOT_THE_TRUCK, detail=detail)
    ahead_ms = point.received_at_ms - arrived_at_ms
    if not -MAX_RECEIVED_BEHIND_MS <= ahead_ms <= MAX_RECEIVED_AHEAD_MS:
        detail = f"received {ahead_ms} ms after its arrival in the stream"
        return InvalidRecord(reason="received_at_out_of_range", detail=detail)
    return point
