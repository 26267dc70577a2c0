"""The consumer's ports; the library's stores implement them, and so do the tests' fakes."""

# ruff: noqa: D102 - each method is documented where it is implemented

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rtdts.delivery_store.appends import Change
from rtdts.delivery_store.deliveries import FoundDeliveries
from rtdts.position_store.bulk import ItemOutcome
from rtdts.position_store.history_pages import HistoryFix, HistoryInterval, Stamp
from rtdts.position_store.state import StateOutcome, StateWrite, StoredState
from rtdts.position_store.writer import HistoryWrite
from rtdts.push_queue.nudges import Nudge
from rtdts.tracking.blocks import Block
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, OpenMatch
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.positions import Point


class PositionWriterPort(Protocol):
    """See `rtdts.position_store.writer.PositionWriter`."""

    def write_history(self, writes: Sequence[HistoryWrite]) -> list[ItemOutcome]: ...

    def write_latest(self, latest: Sequence[LatestPosition]) -> list[ItemOutcome]: ...

    def delete_history(self, fixes: Sequence[Fix]) -> list[ItemOutcome]: ...

    def delete_latest(self, truck_ids: Sequence[str]) -> list[ItemOutcome]: ...


class PositionReaderPort(Protocol):
    """See `rtdts.position_store.history_pages.HistoryPages`."""

    def known_trucks(self, truck_ids: Sequence[str]) -> frozenset[str]: ...

    def stored(self, points: Sequence[Point]) -> Mapping[str, Stamp]: ...

    def refresh(self) -> None: ...

    def around(
        self, requested: Sequence[HistoryInterval]
    ) -> Mapping[str, Sequence[HistoryFix]]: ...

    def before(self, truck_id: str, event_at_ms: int, limit: int) -> Sequence[HistoryFix]: ...

    def after(self, truck_id: str, from_ms: int, limit: int) -> Sequence[HistoryFix]: ...


class StatePort(Protocol):
    """See `rtdts.position_store.state.TruckStateStore`."""

    def load(self, truck_ids: Sequence[str]) -> dict[str, StoredState]: ...

    def unsettled(self) -> list[str]: ...

    def save(self, writes: Sequence[StateWrite]) -> list[StateOutcome]: ...


class MatchPort(Protocol):
    """See `rtdts.delivery_store.matches.MatchStore`."""

    def open_matches_many(
        self, truck_ids: Iterable[str]
    ) -> Mapping[str, tuple[OpenMatch, ...]]: ...


class DeliveryLogPort(Protocol):
    """See `rtdts.delivery_store.deliveries.DeliveryStore`."""

    def get(self, delivery_id: str) -> Delivery | None: ...

    def get_many(self, delivery_ids: Iterable[str]) -> FoundDeliveries: ...

    def events(self, delivery_id: str) -> list[DeliveryEvent]: ...

    def append(
        self,
        before: Delivery | None,
        after: Delivery,
        events: Sequence[DeliveryEvent],
        *,
        matches: bool,
    ) -> None: ...

    def append_together(self, changes: Sequence[Change]) -> None: ...


class NudgePort(Protocol):
    """See `rtdts.push_queue.nudge_queue.NudgeQueue`."""

    def send_many(self, nudges: Iterable[Nudge], /) -> None: ...


class BlockPort(Protocol):
    """See `rtdts.delivery_store.blocked_identities.BlockStore`."""

    def block(self, block: Block) -> None: ...


class ParkingPort(Protocol):
    """See `rtdts.telemetry_stream.parking.Parking`."""

    def park(
        self,
        body: bytes,
        *,
        name: str,
        reason: str,
        detail: str = "",
        partition_key: str | None = None,
    ) -> str: ...
