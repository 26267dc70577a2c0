"""Which documents are read to find a point's first stamp."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from opensearchpy import OpenSearch

from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.history_pages import HistoryPages, Stamp
from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_identity import point_id
from tests.support.consumer_world import START_MS, point, shifted

DAY_MS = 86_400_000
MIDNIGHT_MS = START_MS - START_MS % DAY_MS + DAY_MS
TODAY, TOMORROW = "truck-positions-2027.01.15", "truck-positions-2027.01.16"


class NodeBeforeARefresh:
    """Finds its documents by id, and none by a search."""

    def __init__(self, stamps: dict[tuple[str, str], int], trouble: str = "") -> None:
        self.places: list[tuple[str, str]] = []
        self._stamps = stamps
        self._trouble = trouble

    def search(self, **_: Any) -> dict[str, Any]:
        return {"hits": {}}

    def mget(self, *, body: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        return {"docs": [self._document(one["_index"], one["_id"]) for one in body["docs"]]}

    def _document(self, index: str, identity: str) -> dict[str, Any]:
        self.places.append((index, identity))
        if self._trouble:
            return {"_id": identity, "error": {"type": self._trouble}}
        at_ms = self._stamps.get((index, identity))
        if at_ms is None:
            return {"_id": identity, "found": False}
        source = {"event_at": format_instant(at_ms), "n": 3}
        return {"_id": identity, "found": True, "_source": source}


def pages_on(node: NodeBeforeARefresh) -> HistoryPages:
    return HistoryPages(cast("OpenSearch", node))


def test_a_first_stamp_that_no_search_finds_yet_is_read_by_its_id() -> None:
    retry = point(0, 0.0)
    node = NodeBeforeARefresh({(TODAY, point_id(retry)): START_MS - 31_000})

    found = pages_on(node).stored([retry])

    assert found == {point_id(retry): Stamp(START_MS - 31_000, 3, beyond=False)}
    assert node.places == [(TODAY, point_id(retry))]


def test_a_first_stamp_before_midnight_is_found_after_it() -> None:
    seconds = (MIDNIGHT_MS - START_MS) // 1_000 + 1
    retry = point(seconds, 0.0)
    first_at_ms = retry.event_at_ms - 31_000
    node = NodeBeforeARefresh({(TODAY, point_id(retry)): first_at_ms})

    assert pages_on(node).stored([retry]) == {point_id(retry): Stamp(first_at_ms, 3, beyond=False)}


def test_a_copy_that_was_not_shifted_is_found_by_its_own_time() -> None:
    seconds = (MIDNIGHT_MS - START_MS) // 1_000 + 1
    retry = shifted(point(seconds, 0.0), -31_000)
    node = NodeBeforeARefresh({(TOMORROW, point_id(retry)): retry.recorded_at_ms})

    assert pages_on(node).stored([retry]) == {
        point_id(retry): Stamp(retry.recorded_at_ms, 3, beyond=False)
    }


def test_a_day_without_an_index_has_no_copy_and_an_unreadable_day_is_an_error() -> None:
    one = msgspec.structs.replace(point(0, 0.0), seq=1)

    assert pages_on(NodeBeforeARefresh({}, "index_not_found_exception")).stored([one]) == {}
    with pytest.raises(StoreUnavailable):
        pages_on(NodeBeforeARefresh({}, "no_shard_available_action_exception")).stored([one])
