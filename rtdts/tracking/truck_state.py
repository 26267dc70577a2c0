"""What the consumer remembers of a truck between batches: the document of ``truck-state``."""

from __future__ import annotations

import msgspec

from rtdts.tracking.deliveries import Place
from rtdts.tracking.delivery_log import Anchor
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.status_machine import Machine, Plan, Transition


class StreamPosition(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A record's place in its shard. Compared as numbers: Kinesis may pad with zeros."""

    sequence_number: int
    sub_sequence_number: int


class DeliveryMemory(msgspec.Struct, frozen=True, kw_only=True):
    """One open delivery's machine."""

    delivery_id: str
    assignment: int
    assigned_at_ms: int
    match_version: int
    """Of the match with which `anchor` was read: another one means reading the log again."""
    origin: Place
    destination: Place
    anchor: Anchor
    base: Machine
    """Having folded what has left the window."""
    tip: Machine
    """Having folded the window too."""
    believed: tuple[Transition, ...] = ()
    """The rules' transitions with which the log stands, as far as this memory knows."""
    log_length: int = 0
    """Events after the anchor that `believed` accounts for."""
    is_blind: bool = False
    """Begun without a memory of the truck, though the log tells of points of it."""

    @property
    def plan(self) -> Plan:
        """Where from and to."""
        return Plan(origin=self.origin, destination=self.destination)


class TruckState(msgspec.Struct, frozen=True, kw_only=True):
    """One truck's memory."""

    truck_id: str
    writer_id: str = ""
    """Who wrote it: the one process that may go on from it."""
    applied: dict[str, tuple[str, int]] = {}
    """Last applied sequence and sub-sequence number, by shard (text: it exceeds 64 bits)."""
    window_from_ms: int = 0
    """The window holds every fix from this ``event_at`` on; earlier ones have left it."""
    taken: int = 0
    """Fixes that the window has taken: of two memories of a truck, the one with more knows more."""
    taken_with_newest: int = 0
    """What `taken` was when the newest of them came."""
    window: tuple[Fix, ...] = ()
    """Recent fixes, by `Fix.order`."""
    latest: LatestPosition | None = None
    deliveries: tuple[DeliveryMemory, ...] = ()

    def applied_in(self, shard_id: str) -> StreamPosition | None:
        """The last record of a shard that this memory holds."""
        position = self.applied.get(shard_id)
        return None if position is None else StreamPosition(int(position[0]), position[1])
