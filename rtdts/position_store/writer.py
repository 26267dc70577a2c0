"""Writes the history and the latest positions; every write may be repeated.

Guarantees:

1. A point is one document per daily index, by its id: written again, it overwrites itself, unless
   the stored one was derived from more points. So a process that lost its lease overwrites nothing
   of its successor's.
2. ``truck-latest`` never goes back: an older write is rejected by its external version, and that
   rejection counts as success.
3. Each item has an outcome of its own; one bad document does not fail the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from opensearchpy import OpenSearch

from rtdts.position_store.bulk import Action, ItemOutcome, WriteResult, head, send_bulk
from rtdts.position_store.documents import (
    StoredFix,
    encode_latest,
    encode_position,
    external_version,
    index_of,
)
from rtdts.position_store.index_definitions import LATEST_INDEX
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.positions import DeliveryProgress

PROVISIONAL = 1
"""Version of a document derived without its neighbours; any derived with them replaces it."""

_DONE = ItemOutcome(result=WriteResult.WRITTEN)


class HistoryWrite(msgspec.Struct, frozen=True, kw_only=True):
    """One point for the history."""

    fix: Fix
    deliveries: tuple[DeliveryProgress, ...] = ()
    """The progress of the truck's open deliveries with this fix; their ETAs are not kept."""
    beyond: bool = False
    """Whether the point was too late to be folded."""
    knowledge: int = PROVISIONAL
    """The ordinal up to which the truck's points were known when this fix was derived;
    `PROVISIONAL`: it was derived without its neighbours."""

    @property
    def stored(self) -> StoredFix:
        """The content of the document."""
        return StoredFix(self.fix, self.deliveries, beyond=self.beyond)


class PositionWriter:
    """Writes positions.

    Every method raises `StoreUnavailable` when a whole request failed: repeat all its writes.
    """

    def __init__(self, client: OpenSearch) -> None:
        self._client = client

    def write_history(self, writes: Sequence[HistoryWrite]) -> list[ItemOutcome]:
        """Writes points to their daily indexes; never returns `WriteResult.CONFLICT`."""
        outcomes = send_bulk(self._client, [_history_action(write) for write in writes])
        return [
            _DONE if outcome.result is WriteResult.CONFLICT else outcome for outcome in outcomes
        ]

    def write_latest(self, latest: Sequence[LatestPosition]) -> list[ItemOutcome]:
        """Writes trucks' latest positions; `WriteResult.CONFLICT`: a newer one is stored."""
        return send_bulk(self._client, [_latest_action(one) for one in latest])

    def delete_history(self, fixes: Sequence[Fix]) -> list[ItemOutcome]:
        """Deletes points from the history; a missing one is not a failure."""
        places = [(index_of(fix.event_at_ms), fix.point_id) for fix in fixes]
        return self._delete(places)

    def delete_latest(self, truck_ids: Sequence[str]) -> list[ItemOutcome]:
        """Deletes trucks' latest positions; a missing one is not a failure."""
        return self._delete([(LATEST_INDEX, truck_id) for truck_id in truck_ids])

    def _delete(self, places: Sequence[tuple[str, str]]) -> list[ItemOutcome]:
        actions = [Action(head=head("delete", _index=index, _id=id_)) for index, id_ in places]
        return send_bulk(self._client, actions)


def _history_action(write: HistoryWrite) -> Action:
    fix = write.fix
    where = {"_index": index_of(fix.event_at_ms), "_id": fix.point_id}
    line = head("index", **where, version=write.knowledge, version_type="external_gte")
    return Action(head=line, document=encode_position(write.stored))


def _latest_action(latest: LatestPosition) -> Action:
    return Action(
        head=head(
            "index",
            _index=LATEST_INDEX,
            _id=latest.newest.truck_id,
            version=external_version(latest),
            # The same point, derived again with the same knowledge, may name fewer deliveries: one
            # was erased meanwhile.
            version_type="external_gte",
        ),
        document=encode_latest(latest),
    )
