"""The trucks' states in the process, and in ``truck-state``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

import msgspec

from consumer.errors import TakenOver
from consumer.ports import StateKeeping
from consumer.retrying import FIRST_WAIT_S, MOST_WAIT_S, Budget
from rtdts.position_store.bulk import Fate
from rtdts.position_store.state import DocumentVersion, StateWrite, StoredState
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger
from rtdts.tracking.state_codec import pack_state
from rtdts.tracking.stream_position import StreamPosition
from rtdts.tracking.truck_state import TruckState


class Memory:
    """Loads and saves memories; keeps the recently used ones, since only this process writes them.

    That nobody else does is never assumed, only found out: each write names the version that it
    replaces.

    Args:
        store: ``truck-state``.
        shard_id: The shard that this process reads.
        writer_id: This process; no other has ever had it.
        log: Where what can't be kept is told.
        capacity: Trucks kept at hand.
    """

    def __init__(
        self, store: StateKeeping, *, shard_id: str, writer_id: str, log: Logger, capacity: int
    ) -> None:
        self._store = store
        self._shard_id = shard_id
        self._writer_id = writer_id
        self._log = log
        self._capacity = capacity
        self._at_hand: OrderedDict[str, StoredState] = OrderedDict()

    def recall(self, truck_ids: Sequence[str], budget: Budget) -> dict[str, TruckState]:
        """Those trucks' memories that exist and can be read.

        Raises:
            StoreGone: OpenSearch stayed away.
        """
        unknown = [truck_id for truck_id in truck_ids if truck_id not in self._at_hand]
        if unknown:
            loaded = budget.call("read truck states", lambda: self._store.load(unknown))
            for truck_id, stored in loaded.items():
                self._at_hand[truck_id] = stored
        found = {}
        for truck_id in truck_ids:
            if (known := self._at_hand.get(truck_id)) is not None:
                self._at_hand.move_to_end(truck_id)
                if (state := known.state) is not None:
                    found[truck_id] = state
                else:
                    self._log.error("truck_state_unreadable", truck_id=truck_id)
        return found

    def unsettled(self, budget: Budget) -> list[str]:
        """All trucks, of whichever shard, whose states wait for a settling.

        Raises:
            StoreGone: OpenSearch stayed away.
        """
        return budget.call("look for unsettled trucks", self._store.unsettled)

    def keep(self, states: Sequence[TruckState], applied: StreamPosition, budget: Budget) -> None:
        """Writes memories, saying that all records up to `applied` are in them.

        Raises:
            TakenOver: Another process wrote one of them.
            StoreGone: OpenSearch stayed away.
        """
        pending = {state.truck_id: self._signed(state, applied) for state in states}
        packed = {truck_id: pack_state(state) for truck_id, state in pending.items()}
        waits_s = backoff_s(first_s=FIRST_WAIT_S, most_s=MOST_WAIT_S)
        while pending:
            writes = [
                StateWrite(
                    truck_id=truck_id,
                    packed=packed[truck_id],
                    is_unsettled=state.is_unsettled,
                    replaces=self._version(truck_id),
                )
                for truck_id, state in pending.items()
            ]
            outcomes = budget.call("write truck states", partial(self._store.save, writes))
            reason = ""
            for write, outcome in zip(writes, outcomes, strict=True):
                truck_id = write.truck_id
                if outcome.version is not None:
                    self._at_hand[truck_id] = StoredState(
                        truck_id=truck_id, packed=write.packed, version=outcome.version
                    )
                    del pending[truck_id]
                elif outcome.fate is Fate.CONFLICT:
                    if self._is_written(pending[truck_id], budget):
                        del pending[truck_id]
                elif outcome.fate is Fate.REJECTED:
                    # Without its memory the truck goes on, as after a loss of it: better than
                    # to stop all others.
                    self._log.error(
                        "truck_state_rejected", truck_id=truck_id, reason=outcome.reason
                    )
                    self._at_hand.pop(truck_id, None)
                    del pending[truck_id]
                else:
                    reason = outcome.reason
            if reason:
                budget.wait("write truck states", next(waits_s), reason)
        while len(self._at_hand) > self._capacity:
            self._at_hand.popitem(last=False)

    def _signed(self, state: TruckState, applied: StreamPosition) -> TruckState:
        # Shards that were merged or split away are read to their end before their children.
        others = [
            (shard_id, position)
            for shard_id, position in state.applied.items()
            if shard_id != self._shard_id
        ][-3:]
        before = state.applied_in(self._shard_id)
        applied = applied if before is None else max(applied, before)
        mine = (str(applied.sequence_number), applied.sub_sequence_number)
        return msgspec.structs.replace(
            state, writer_id=self._writer_id, applied={**dict(others), self._shard_id: mine}
        )

    def _version(self, truck_id: str) -> DocumentVersion | None:
        known = self._at_hand.get(truck_id)
        return known.version if known is not None else None

    def _is_written(self, wanted: TruckState, budget: Budget) -> bool:
        """After a conflict: whether what stands is this very write, whose answer got lost.

        Raises:
            TakenOver: It is somebody else's.
        """
        truck_id = wanted.truck_id
        stands = budget.call("read a truck state", lambda: self._store.load([truck_id]))
        stored = stands.get(truck_id)
        if stored is None:  # the document was deleted: write it as a new one
            self._at_hand.pop(truck_id, None)
            return False
        state = stored.state
        writer_id = state.writer_id if state is not None else "?"
        if writer_id != self._writer_id:
            raise TakenOver(truck_id, writer_id)
        self._at_hand[truck_id] = stored
        return state is not None and state.applied == wanted.applied
