"""Decodes records from the stream and checks them again: other programs may write to the stream."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from rtdts.position_store.history_pages import Stamp
from rtdts.telemetry_stream.shard_range import ANY_KEY, ShardRange
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Clock, Point
from rtdts.tracking.stream_admission import InvalidRecord, admit
from rtdts.tracking.stream_position import StreamPosition
from rtdts.tracking.truck_state import TruckState

AHEAD_MS = 5_000
"""If a point is recorded this long after its receipt, its clock may have been shifted before."""


# Structs, not dataclasses: one is made per point, at a sixth of the cost.
class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One user record as the KCL delivers it: already taken out of its aggregated record."""

    partition_key: str
    sequence_number: str
    sub_sequence_number: int
    data: bytes
    arrived_at_ms: int

    @property
    def position(self) -> StreamPosition:
        """Its place in the shard."""
        return StreamPosition(int(self.sequence_number), self.sub_sequence_number)


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A valid point."""

    point: Point
    identity: str
    """The point's id."""
    record: StreamRecord


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fault:
    """An invalid record. A retry can't succeed, so it is parked."""

    record: StreamRecord
    reason: str
    detail: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DecodedBatch:
    """A batch, split into valid points and invalid records."""

    by_truck: Mapping[str, tuple[Arrival, ...]]
    """Each truck's arrivals, in the stream's order."""
    faults: tuple[Fault, ...]


def decode_batch(
    records: Iterable[StreamRecord], shard_range: ShardRange = ANY_KEY
) -> DecodedBatch:
    """Decodes and checks each record by itself.

    Args:
        records: A batch.
        shard_range: The hash key range of the shard that the batch comes from. A truck whose key
            is outside was put there by a writer that set an explicit hash key. Another process
            holds that truck's state; if this one took its points, the two would conflict.
    """
    by_truck: dict[str, list[Arrival]] = {}
    faults = []
    for record in records:
        checked = _check(record)
        if isinstance(checked, Fault):
            faults.append(checked)
        else:
            by_truck.setdefault(checked.point.truck_id, []).append(checked)
    for truck_id in [truck_id for truck_id in by_truck if not shard_range.contains(truck_id)]:
        faults += (
            Fault(record=one.record, reason="key_of_another_shard", detail=f"truck {truck_id!r}")
            for one in by_truck.pop(truck_id)
        )
    return DecodedBatch(
        by_truck={truck_id: tuple(arrivals) for truck_id, arrivals in by_truck.items()},
        faults=tuple(faults),
    )


def by_stream_record(arrivals: Iterable[Arrival]) -> list[Sequence[Point]]:
    """Groups a truck's points as they lay in the stream: by the Kinesis record that held them."""
    groups = itertools.groupby(arrivals, key=lambda arrival: arrival.record.sequence_number)
    return [[arrival.point for arrival in group] for _, group in groups]


def not_applied(
    by_truck: Mapping[str, tuple[Arrival, ...]], states: Mapping[str, TruckState], shard_id: str
) -> tuple[dict[str, tuple[Arrival, ...]], int]:
    """Drops records that are already part of the trucks' states.

    Returns:
        The remaining arrivals, of trucks that have any, and how many records were dropped.
    """
    fresh, dropped = {}, 0
    for truck_id, arrivals in by_truck.items():
        state = states.get(truck_id)
        applied = state.applied_in(shard_id) if state is not None else None
        new = tuple(one for one in arrivals if applied is None or one.record.position > applied)
        dropped += len(arrivals) - len(new)
        if new:
            fresh[truck_id] = new
    return fresh, dropped


def not_erased(
    by_truck: Mapping[str, tuple[Arrival, ...]], states: Mapping[str, TruckState]
) -> tuple[dict[str, tuple[Arrival, ...]], list[Arrival]]:
    """Drops points that were received before their truck was erased.

    Returns:
        The remaining arrivals, of trucks that have any, and the dropped ones.
    """
    left: dict[str, tuple[Arrival, ...]] = {}
    dropped: list[Arrival] = []
    for truck_id, arrivals in by_truck.items():
        state = states.get(truck_id)
        until_ms = state.erased_before_ms if state is not None else 0
        if not until_ms:
            left[truck_id] = arrivals
            continue
        dropped += (one for one in arrivals if one.point.received_at_ms <= until_ms)
        new = tuple(one for one in arrivals if one.point.received_at_ms > until_ms)
        if new:
            left[truck_id] = new
    return left, dropped


def doubtful_points(
    by_truck: Mapping[str, tuple[Arrival, ...]],
    states: Mapping[str, TruckState],
    lost: Collection[str],
) -> list[Point]:
    """Returns points that the history may hold already, each once: they must be looked up.

    A point from a correct clock is the same document wherever it comes from. One from a clock that
    is ahead is stamped again each time it is received: shifted, or unchanged once the time that it
    names is near. The first stamp in the stream counts. Looking up every point would cost as much
    as writing it, so only those are looked up that

    - are shifted, or ahead of their receipt by more than the transport explains, or
    - come from a truck whose clock was wrong a short while ago, or whose state was lost, or
    - are earlier than the truck's window, where a copy would be found anyway.
    """
    doubtful: dict[str, Point] = {}
    for truck_id, arrivals in by_truck.items():
        state = states.get(truck_id)
        doubted_until_ms = state.doubted_until_ms if state is not None else 0
        is_lost = truck_id in lost
        suspects = {
            one.identity: one.point
            for one in arrivals
            if is_lost
            or one.point.received_at_ms < doubted_until_ms
            or one.point.clock is Clock.SHIFTED
            or one.point.recorded_at_ms - one.point.received_at_ms > AHEAD_MS
            or (state is not None and state.is_late((one.point.event_at_ms, one.identity)))
        }
        # Few trucks have such points, and a window must be unpacked before it can be searched.
        if suspects and state is not None:
            for fix in state.window:
                suspects.pop(fix.point_id, None)
        doubtful.update(suspects)
    return list(doubtful.values())


def without_duplicates(
    by_truck: Mapping[str, tuple[Arrival, ...]],
    stored: Mapping[str, Stamp],
    states: Mapping[str, TruckState],
) -> tuple[dict[str, tuple[Arrival, ...]], int]:
    """Drops copies of points that the history holds.

    A point stored under another stamp is a copy. One stored under the same stamp is a copy if it
    was folded (or was too late to be folded). If not, it was written before a crash that lost its
    processing, and is processed now.

    Args:
        by_truck: The arrivals.
        stored: The history's stamps of these points, by id.
        states: The trucks' states.

    Returns:
        The remaining arrivals, of trucks that have any, and how many copies were dropped.
    """
    fresh, dropped = {}, 0
    for truck_id, arrivals in by_truck.items():
        state = states.get(truck_id)
        # If a truck's state was lost, it is rebuilt from the whole history, which counts as folded.
        last_ordinal = state.last_ordinal if state is not None else _ALL
        new = tuple(one for one in arrivals if not _is_duplicate(one, stored, last_ordinal))
        dropped += len(arrivals) - len(new)
        if new:
            fresh[truck_id] = new
    return fresh, dropped


_ALL = 1 << 62


def _is_duplicate(one: Arrival, stored: Mapping[str, Stamp], last_ordinal: int) -> bool:
    stamp = stored.get(one.identity)
    if stamp is None:
        return False
    return stamp.event_at_ms != one.point.event_at_ms or stamp.beyond or stamp.n <= last_ordinal


def _check(record: StreamRecord) -> Arrival | Fault:
    point = admit(
        record.data, partition_key=record.partition_key, arrived_at_ms=record.arrived_at_ms
    )
    if isinstance(point, InvalidRecord):
        return Fault(record=record, reason=point.reason, detail=point.detail)
    return Arrival(point=point, identity=point_id(point), record=record)
