"""What a write sends to OpenSearch: the conditions that keep the guarantees if it is repeated."""

from __future__ import annotations

import json
from typing import Any, cast

from opensearchpy import OpenSearch

from rtdts.position_store.documents import external_version
from rtdts.position_store.state import DocumentVersion, StateWrite, TruckStateStore
from rtdts.position_store.writer import PROVISIONAL, HistoryWrite, PositionWriter
from rtdts.tracking.fixes import LatestPosition, fix_of
from rtdts.tracking.truck_state import TruckState
from rtdts.tracking.window import Window
from tests.support.consumer_world import point

FIX = fix_of(point(0, 0.0, truck_id="T-1"))


class RecordingOpenSearch:
    """Accepts everything, and records the action lines."""

    def __init__(self) -> None:
        self.actions: list[dict[str, Any]] = []

    def bulk(self, *, body: bytes, params: dict[str, str]) -> dict[str, Any]:
        heads = [
            one
            for one in map(json.loads, body.splitlines())
            if one.keys() <= {"index", "create", "delete"}
        ]
        self.actions += heads
        return {"items": [{next(iter(head)): {"status": 201}} for head in heads]}


def actions_of(write: Any) -> list[dict[str, Any]]:
    node = RecordingOpenSearch()
    write(cast("OpenSearch", node))
    return node.actions


def test_a_latest_position_is_written_with_its_external_version() -> None:
    latest = LatestPosition(newest=FIX, shown=None, revision=2)

    (action,) = actions_of(lambda node: PositionWriter(node).write_latest([latest]))

    assert action == {
        "index": {
            "_index": "truck-latest",
            "_id": "T-1",
            "version": external_version(latest),
            "version_type": "external_gte",
        }
    }


def test_a_point_overwrites_a_document_with_the_same_or_less_knowledge() -> None:
    writes = [HistoryWrite(fix=FIX, knowledge=7), HistoryWrite(fix=FIX)]

    actions = actions_of(lambda node: PositionWriter(node).write_history(writes))

    place = {"_index": "truck-positions-2027.01.15", "_id": "T-1:1800000000000:0"}
    assert actions == [
        {"index": {**place, "version": version, "version_type": "external_gte"}}
        for version in (7, PROVISIONAL)
    ]


def test_a_deletion_names_the_document_and_no_version() -> None:
    actions = actions_of(lambda node: PositionWriter(node).delete_history([FIX]))
    actions += actions_of(lambda node: PositionWriter(node).delete_latest(["T-1"]))

    assert actions == [
        {"delete": {"_index": "truck-positions-2027.01.15", "_id": "T-1:1800000000000:0"}},
        {"delete": {"_index": "truck-latest", "_id": "T-1"}},
    ]


def test_a_state_replaces_only_the_version_that_was_read() -> None:
    state = TruckState(truck_id="T-1", window=Window(""))
    read = DocumentVersion(seq_no=7, primary_term=2)
    writes = [StateWrite.of(state, None), StateWrite.of(state, read)]

    actions = actions_of(lambda node: TruckStateStore(node).save(writes))

    place = {"_index": "truck-state", "_id": "T-1"}
    assert actions == [
        {"create": place},
        {"index": {**place, "if_seq_no": 7, "if_primary_term": 2}},
    ]
