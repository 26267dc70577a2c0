"""The time that a point counts as: the device's or, if its clock is ahead, a shifted one.

Devices buffer for days, and some clocks are wrong by years (the GPS week rollover, 1970). Used
unchanged, each such time would create a daily index and freeze the truck's marker in the future.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from rtdts.tracking.clock_runs import clock_runs
from rtdts.tracking.instants import MS_PER_DAY
from rtdts.tracking.point_fields import Reason, TelemetryPoint
from rtdts.tracking.positions import Clock, Point
from rtdts.tracking.reading import measured
from rtdts.tracking.telemetry import Rejection, SentPoint

MAX_AGE_MS = 7 * MS_PER_DAY
"""An older point is rejected."""
MAX_AHEAD_MS = 30_000
"""How much a device's time may be ahead of ours before it counts as wrong."""


class Adjustment(msgspec.Struct, frozen=True):
    """A point whose time was shifted."""

    index: int
    """Its index in the request."""
    offset_ms: int
    """The time that was added to the device's."""


class StampedPoints(NamedTuple):
    """The part of a request that goes into the stream."""

    points: list[Point]
    indexes: list[int]
    """The index in the request of each of ``points``."""
    rejected: list[Rejection]
    """Points that are too old."""
    adjusted: list[Adjustment]


def stamp(
    sent: Sequence[SentPoint], *, received_at_ms: int, source: Literal["http", "mqtt"]
) -> StampedPoints:
    """Gives each of one request's points the time that everything after ingest uses.

    Args:
        sent: The valid points of one request, in its order.
        received_at_ms: When the request arrived.
        source: The ingest endpoint that received it.
    """
    stamped = StampedPoints([], [], [], [])
    offsets_ms = clock_offsets_ms([each.recorded_at_ms for each in sent], received_at_ms)
    for each, offset_ms in zip(sent, offsets_ms, strict=True):
        if offset_ms is None:
            stamped.rejected.append(Rejection(each.index, each.time_field, Reason.TOO_OLD))
            continue
        if offset_ms:
            stamped.adjusted.append(Adjustment(each.index, offset_ms))
        stamped.indexes.append(each.index)
        stamped.points.append(
            stamped_point(
                each.point,
                recorded_at_ms=each.recorded_at_ms,
                received_at_ms=received_at_ms,
                offset_ms=offset_ms,
                source=source,
            )
        )
    return stamped


def clock_offsets_ms(recorded_at_ms: Sequence[int], received_at_ms: int) -> list[int | None]:
    """Checks the times of one request's points, run by run.

    A run is what one clock stamped without a jump (``rtdts.tracking.clock_runs``). While its newest
    point is no more than 30 s ahead of ``received_at``, its points keep their times; those older
    than 7 days are too old. If it is further ahead, the clock is wrong for the whole run, including
    points that are not ahead by themselves: all are shifted so that the newest becomes
    ``received_at``; order and spacing stay. Points of another run keep their times, so one wrong
    stamp moves nothing but itself.

    Args:
        recorded_at_ms: The devices' times, in the request's order.
        received_at_ms: When the request arrived.

    Returns:
        For each point the time to add to the device's (0: that is correct); None: it is too old.
    """
    if not recorded_at_ms:
        return []
    latest_ms = received_at_ms + MAX_AHEAD_MS
    oldest_ms = received_at_ms - MAX_AGE_MS
    offsets: list[int | None] = [0 if at_ms >= oldest_ms else None for at_ms in recorded_at_ms]
    if max(recorded_at_ms) <= latest_ms:
        return offsets
    for run in clock_runs(recorded_at_ms):
        newest_ms = max(recorded_at_ms[place] for place in run)
        if newest_ms > latest_ms:
            shift_ms = received_at_ms - newest_ms
            for place in run:
                is_too_old = recorded_at_ms[place] + shift_ms < oldest_ms
                offsets[place] = None if is_too_old else shift_ms
    return offsets


def stamped_point(
    sent: TelemetryPoint,
    *,
    recorded_at_ms: int,
    received_at_ms: int,
    offset_ms: int,
    source: Literal["http", "mqtt"],
) -> Point:
    """Joins what a truck sent with its stamps; due north is a heading of 0, never of 360."""
    point = Point(
        *measured(sent),
        truck_id=sent.truck_id,
        recorded_at_ms=recorded_at_ms,
        lat=sent.lat,
        lon=sent.lon,
        event_at_ms=recorded_at_ms + offset_ms,
        received_at_ms=received_at_ms,
        clock=Clock.SHIFTED if offset_ms else Clock.DEVICE,
        source=source,
        seq=sent.seq,
    )
    return msgspec.structs.replace(point, heading_deg=0.0) if sent.heading_deg == 360.0 else point
