"""The outcome of each point of a batch, for tracing points through the logs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from consumer.arrivals import Arrival
from rtdts.tracking.fixes import IndexedFix
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.truck_fold import TruckUpdate


def point_steps(
    arrivals: Sequence[Arrival], update: TruckUpdate | None, parked: Collection[str]
) -> Iterator[Mapping[str, Any]]:
    """Yields the fields of one log line per point, in the stream's order.

    Args:
        arrivals: All arrivals of one truck, including copies and points applied before.
        update: The result; None when nothing was new, or the truck could not be processed.
        parked: Ids of points that the history rejected.
    """
    latest = update.latest if update is not None else None
    newest = None if latest is None else latest.newest.point_id
    positions = dict(_by_id(update.positions)) if update is not None else {}
    late = dict(_by_id((*update.late, *update.beyond))) if update is not None else {}
    for arrival in arrivals:
        identity = point_id(arrival.point)
        indexed = positions.get(identity) or late.get(identity)
        is_parked = identity in parked
        yield {
            # Skipped: a copy, or applied before, or parked with all points of its truck.
            "step": "parked" if is_parked else "indexed" if indexed else "skipped",
            "point_id": identity,
            "event_at_ms": arrival.point.event_at_ms,
            "sequence_number": arrival.record.sequence_number,
            "sub_sequence_number": arrival.record.sub_sequence_number,
            "quality": indexed.fix.quality if indexed else None,
            "clock_lag_ms": indexed.fix.clock_lag_ms if indexed else None,
            "late": identity in late,
            "latest": identity == newest,
        }


def _by_id(positions: Iterable[IndexedFix]) -> Iterator[tuple[str, IndexedFix]]:
    return ((one.fix.point_id, one) for one in positions)
