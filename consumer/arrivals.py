"""Records as they come out of the stream, checked again: the stream has other writers than ours."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence

from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import InvalidPoint, decode_point
from rtdts.tracking.truck_state import StreamPosition

MAX_RECEIVED_AHEAD_MS = 60_000
"""A point can't be received after it came into the stream; our own clocks differ by less."""
MAX_RECEIVED_BEHIND_MS = 30 * 86_400_000
"""Replayed after repair it may be days old. Older stamps would make daily indexes of any date."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamRecord:
    """One user record, as the KCL hands it out: already taken from its aggregate."""

    partition_key: str
    sequence_number: str
    sub_sequence_number: int
    data: bytes
    arrived_at_ms: int

    @property
    def position(self) -> StreamPosition:
        """Its place in the shard."""
        return StreamPosition(int(self.sequence_number), self.sub_sequence_number)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arrival:
    """A point that is in order."""

    point: Point
    record: StreamRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """A record that no repetition makes good: it is parked."""

    record: StreamRecord
    reason: str
    detail: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SortedOut:
    """A batch, taken apart."""

    by_truck: Mapping[str, tuple[Arrival, ...]]
    """In the stream's order."""
    faults: tuple[Fault, ...]


def sort_out(records: Iterable[StreamRecord]) -> SortedOut:
    """Decodes and checks each record by itself."""
    by_truck: dict[str, list[Arrival]] = {}
    faults = []
    for record in records:
        checked = _check(record)
        if isinstance(checked, Fault):
            faults.append(checked)
        else:
            by_truck.setdefault(checked.point.truck_id, []).append(checked)
    return SortedOut(
        by_truck={truck_id: tuple(arrivals) for truck_id, arrivals in by_truck.items()},
        faults=tuple(faults),
    )


def by_stream_record(arrivals: Iterable[Arrival]) -> list[Sequence[Point]]:
    """Groups a truck's points as they lay in the stream: by the Kinesis record that held them."""
    groups = itertools.groupby(arrivals, key=lambda arrival: arrival.record.sequence_number)
    return [[arrival.point for arrival in group] for _, group in groups]


def _check(record: StreamRecord) -> Arrival | Fault:
    try:
        point = decode_point(record.data)
    except InvalidPoint as error:
        return Fault(record=record, reason="not_a_point", detail=str(error))
    if record.partition_key != point.truck_id:
        detail = f"partition key {record.partition_key!r}, truck {point.truck_id!r}"
        return Fault(record=record, reason="partition_key_is_not_the_truck", detail=detail)
    ahead_ms = point.received_at_ms - record.arrived_at_ms
    if not -MAX_RECEIVED_BEHIND_MS <= ahead_ms <= MAX_RECEIVED_AHEAD_MS:
        detail = f"received {ahead_ms} ms after its arrival in the stream"
        return Fault(record=record, reason="received_at_out_of_range", detail=detail)
    return Arrival(point=point, record=record)
