"""``python -P bench/truck_states.py``: trucks' states, made and kept by the sources on the path.

The consumer's sources may be the current ones or those of an earlier commit
(`bench.baselines.window_consumer`), so this imports only what both have, and nothing from `bench`.

``remember URL PREFIX TRUCKS`` installs the index templates and writes the state of each truck.
``hold PREFIX TRUCKS CAPACITY`` keeps the states as a record processor does, and prints how many
bytes of memory the process then has.

Standard input has the drives, as `Drive` in JSON: truck number n drives the (n modulo drives)th.
"""

from __future__ import annotations

import gc
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.arrivals import StreamRecord
from rtdts.position_store.client import connect
from rtdts.position_store.index_definitions import install_index_templates
from rtdts.position_store.state import DocumentVersion, StateOutcome, TruckStateStore
from rtdts.runtime.logs import get_logger
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, OpenMatch
from rtdts.tracking.stream_codec import decode_point
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from rtdts.tracking.truck_state import TruckState

try:
    from consumer.retrying import RetryPolicy
    from consumer.truck_states import TruckStates
    from rtdts.position_store.bulk import WriteResult
    from rtdts.tracking.delivery_log import fold_log
    from rtdts.tracking.delivery_state import DeliveryPlan

    LOG_OF_A_PLAN, RESULT = "log", "result"
except ImportError:  # the names that the earlier commit has for them
    from consumer.memory import Memory as TruckStates  # type: ignore[import-not-found, no-redef]
    from rtdts.tracking.delivery_memory import (  # type: ignore[import-not-found, no-redef]
        DeliveryPlan,
    )

    from consumer.retrying import (  # type: ignore[attr-defined, no-redef]
        Patience as RetryPolicy,
    )
    from rtdts.position_store.bulk import (  # type: ignore[attr-defined, no-redef]
        Fate as WriteResult,
    )
    from rtdts.tracking.delivery_log import (  # type: ignore[attr-defined, no-redef]
        standing as fold_log,
    )

    LOG_OF_A_PLAN, RESULT = "standing", "fate"
    TruckStates.save = TruckStates.keep  # type: ignore[method-assign, attr-defined]

if TYPE_CHECKING:
    from consumer.ports import StatePort

AT_ONCE = 200
"""States that are folded and written per request."""


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """What one truck has done so far."""

    points: Sequence[str]
    """The points as the stream carries them."""
    delivery: Delivery
    created: DeliveryEvent


def main(arguments: Sequence[str]) -> None:
    """Runs the command."""
    drives = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Drive])
    match arguments:
        case ["remember", url, prefix, trucks]:
            client = connect(url)
            install_index_templates(client)
            store = TruckStateStore(client)
            _save(_truck_states(store, AT_ONCE), drives, prefix, int(trucks))
            client.indices.refresh(index="truck-state")
            found = client.count(index="truck-state")["count"]
            if found != int(trucks):
                raise SystemExit(f"{found} of {trucks} states are there")
        case ["hold", prefix, trucks, capacity]:
            truck_states = _truck_states(_DiscardingStore(), int(capacity))
            _save(truck_states, drives, prefix, int(trucks))
            gc.collect()
            print(_resident_bytes())
        case _:
            raise SystemExit(__doc__)


class _DiscardingStore:
    """A store that accepts everything and keeps nothing."""

    def load(self, truck_ids: Sequence[str]) -> dict[str, Any]:
        return {}

    def unsettled(self) -> list[str]:
        return []

    def save(self, writes: Sequence[object]) -> list[StateOutcome]:
        written: dict[str, Any] = {RESULT: WriteResult.WRITTEN}
        return [
            StateOutcome(**written, version=DocumentVersion(seq_no=1_000_000 + n, primary_term=1))
            for n, _ in enumerate(writes)
        ]


def _truck_states(store: StatePort, capacity: int) -> TruckStates:
    return TruckStates(
        store, shard_id="bench", writer_id="bench", log=get_logger("bench"), capacity=capacity
    )


def _save(truck_states: TruckStates, drives: Sequence[Drive], prefix: str, trucks: int) -> None:
    budget = RetryPolicy(60.0, log=get_logger("bench")).start()
    # Through a record, because the module of a position's type has changed.
    applied = StreamRecord(
        partition_key="", sequence_number="0", sub_sequence_number=0, data=b"", arrived_at_ms=0
    ).position
    states = _states(drives, prefix, trucks)
    while some := list(itertools.islice(states, AT_ONCE)):
        truck_states.save(some, applied, budget)


def _states(drives: Sequence[Drive], prefix: str, trucks: int) -> Iterator[TruckState]:
    rules = TrackingRules()
    points_of = [[decode_point(line.encode()) for line in drive.points] for drive in drives]
    for number in range(trucks):
        drive, truck_id = drives[number % len(drives)], f"{prefix}-{number:06d}"
        row = drive.delivery
        folded = fold_log([drive.created])
        match = OpenMatch(
            delivery_id=f"D-{truck_id}",
            assignment=row.assignment,
            assigned_at_ms=row.current.started_at_ms,
            version=folded.anchor.version,
            origin=row.origin,
            destination=row.destination,
        )
        points = [
            msgspec.structs.replace(point, truck_id=truck_id)
            for point in points_of[number % len(drives)]
        ]
        fields: dict[str, Any] = {"match": match, LOG_OF_A_PLAN: folded}
        plans = {match.delivery_id: DeliveryPlan(**fields)}
        yield fold_truck(truck_id, None, [points], [match], plans, rules).state


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(sys.argv[1:])
