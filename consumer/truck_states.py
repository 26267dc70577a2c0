"""The trucks' states: cached in the process, and stored in ``truck-state``."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import partial

import msgspec

from consumer.errors import LeaseLost
from consumer.ports import StatePort
from consumer.retrying import FIRST_WAIT_S, MAX_WAIT_S, Budget
from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.state import DocumentVersion, StateWrite, StoredState
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger
from rtdts.tracking.state_codec import pack_state
from rtdts.tracking.stream_position import StreamPosition
from rtdts.tracking.truck_state import ERASURE, TruckState

RemoveDeliveries = Callable[[str, frozenset[str]], None]


def _no_op(_truck_id: str, _deliveries: frozenset[str]) -> None:
    pass


class TruckStates:
    """Loads and saves truck states; caches the recently used ones, since only this process writes.

    It never assumes that there is no other writer: each write names the version that it replaces,
    so another writer is detected.

    Args:
        shard_id: The shard that this process reads.
        writer_id: This process's id; no other process has ever had it.
        log: Where states that can't be stored are logged.
        capacity: Trucks kept in the cache.

    Methods that read or write raise `RetriesExhausted` when OpenSearch stayed unavailable for the
    whole budget.
    """

    def __init__(
        self, store: StatePort, *, shard_id: str, writer_id: str, log: Logger, capacity: int
    ) -> None:
        self._store = store
        self._shard_id = shard_id
        self._writer_id = writer_id
        self._log = log
        self._capacity = capacity
        self._cached: OrderedDict[str, StoredState] = OrderedDict()

    def load(self, truck_ids: Sequence[str], budget: Budget) -> dict[str, TruckState]:
        """Returns those of the trucks' states that exist and can be read."""
        unknown = [truck_id for truck_id in truck_ids if truck_id not in self._cached]
        if unknown:
            loaded = budget.call("read truck states", lambda: self._store.load(unknown))
            for truck_id, stored in loaded.items():
                self._cached[truck_id] = stored
        found = {}
        for truck_id in truck_ids:
            if (cached := self._cached.get(truck_id)) is not None:
                self._cached.move_to_end(truck_id)
                if (state := cached.state) is not None:
                    found[truck_id] = state
                else:
                    self._log.error("truck_state_unreadable", truck_id=truck_id)
        return found

    def unsettled(self, budget: Budget) -> list[str]:
        """Returns all trucks, of any shard, whose states wait to be settled."""
        return budget.call("look for unsettled trucks", self._store.unsettled)

    def changed(self, truck_ids: Collection[str], budget: Budget) -> frozenset[str]:
        """Returns those of the trucks whose stored states differ from the cached ones.

        Afterwards the cache has the stored ones.

        Raises:
            LeaseLost: Another process wrote one of them.
        """
        loaded = budget.call("read truck states", partial(self._store.load, list(truck_ids)))
        found = set()
        for truck_id in truck_ids:
            stored = loaded.get(truck_id)
            if stored is None or stored.version != self._version(truck_id):
                self._adopt(truck_id, stored)
                found.add(truck_id)
        return frozenset(found)

    def save(
        self,
        states: Sequence[TruckState],
        applied: StreamPosition,
        budget: Budget,
        *,
        remove_deliveries: RemoveDeliveries = _no_op,
    ) -> tuple[str, ...]:
        """Writes states, recording that they include all records up to `applied`.

        Args:
            states: The trucks' states.
            applied: The last record that they include.
            budget: How long to keep trying.
            remove_deliveries: Called with a truck and deliveries that turn out to have been erased,
                before its state is stored without them.

        Returns:
            Trucks whose cached states were void: erased meanwhile, or deleted. Their new states are
            not stored; the cache has their tombstones, or nothing.

        Raises:
            LeaseLost: Another process wrote one of them.
        """
        pending = {state.truck_id: self._with_writer(state, applied) for state in states}
        packed = {truck_id: pack_state(state) for truck_id, state in pending.items()}
        void: list[str] = []
        waits_s = backoff_s(first_s=FIRST_WAIT_S, max_s=MAX_WAIT_S)
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
                    self._cached[truck_id] = StoredState(
                        truck_id=truck_id, packed=write.packed, version=outcome.version
                    )
                    del pending[truck_id]
                elif outcome.result is WriteResult.CONFLICT:
                    left = self._after_conflict(
                        pending[truck_id], packed[truck_id], budget, remove_deliveries
                    )
                    if left is None:
                        del pending[truck_id]
                        if self._is_void(truck_id):
                            void.append(truck_id)
                    else:
                        pending[truck_id], packed[truck_id] = left, pack_state(left)
                elif outcome.result is WriteResult.REJECTED:
                    # The truck continues without its state, as if it had been lost: better than
                    # stopping all others.
                    self._log.error(
                        "truck_state_rejected", truck_id=truck_id, reason=outcome.reason
                    )
                    self._cached.pop(truck_id, None)
                    del pending[truck_id]
                else:
                    reason = outcome.reason
            if reason:
                budget.wait("write truck states", next(waits_s), reason)
        while len(self._cached) > self._capacity:
            self._cached.popitem(last=False)
        return tuple(void)

    def _with_writer(self, state: TruckState, applied: StreamPosition) -> TruckState:
        # Shards that were merged or split are read to their end before their children.
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
        cached = self._cached.get(truck_id)
        return cached.version if cached is not None else None

    def _after_conflict(
        self,
        state_to_write: TruckState,
        packed: bytes,
        budget: Budget,
        remove_deliveries: RemoveDeliveries,
    ) -> TruckState | None:
        """Returns the state to write after a conflict; None if there is nothing to write.

        Raises:
            LeaseLost: The stored state is another process's.
        """
        truck_id = state_to_write.truck_id
        loaded = budget.call("read a truck state", lambda: self._store.load([truck_id]))
        stored = loaded.get(truck_id)
        self._adopt(truck_id, stored)
        # Void, or written by this very write, whose response got lost.
        if self._is_void(truck_id) or stored is None or stored.packed == packed:
            return None
        # An erasure of a customer removed its deliveries, or rewrote the state of a truck that has
        # just got one: they must not come back. A delivery that was not erased is added again with
        # the truck's next batch, from its log.
        kept = _deliveries_of(stored)
        erased = frozenset(one.delivery_id for one in state_to_write.deliveries) - kept
        if not erased:
            return state_to_write
        remove_deliveries(truck_id, erased)
        left = tuple(one for one in state_to_write.deliveries if one.delivery_id in kept)
        return msgspec.structs.replace(state_to_write, deliveries=left)

    def _adopt(self, truck_id: str, stored: StoredState | None) -> None:
        """Puts the stored state into the cache.

        Raises:
            LeaseLost: Another process wrote it.
        """
        self._cached.pop(truck_id, None)
        if stored is None:
            return
        state = stored.state
        writer_id = state.writer_id if state is not None else "?"
        if writer_id not in (self._writer_id, ERASURE):
            raise LeaseLost(truck_id, writer_id)
        self._cached[truck_id] = stored

    def _is_void(self, truck_id: str) -> bool:
        """Returns whether the truck has no state, or was erased."""
        cached = self._cached.get(truck_id)
        state = cached.state if cached is not None else None
        return state is None or state.is_tombstone


def _deliveries_of(stored: StoredState | None) -> set[str]:
    state = stored.state if stored is not None else None
    return {one.delivery_id for one in state.deliveries} if state is not None else set()
