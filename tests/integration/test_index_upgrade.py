"""How a new release changes the indexes of an older one, on a real node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opensearchpy import OpenSearch

from rtdts.position_store import index_definitions, state
from rtdts.position_store.bulk import WriteResult
from rtdts.position_store.client import connect
from rtdts.position_store.documents import index_of
from rtdts.position_store.index_definitions import (
    DATE,
    POSITIONS_MAPPINGS,
    STATE_MAPPINGS,
    install_index_templates,
)
from rtdts.position_store.state import StateWrite, TruckStateStore
from rtdts.position_store.writer import HistoryWrite, PositionWriter
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.truck_state import Interval, TruckState
from rtdts.tracking.window import Window
from tests.support.consumer_world import point
from tests.support.deliveries import unique

pytestmark = pytest.mark.real

YEARS_AGO_S = -365 * 86_400
"""A day that no other test writes to."""


@pytest.fixture
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    client = connect(opensearch_url)
    yield client
    client.close()


@pytest.fixture
def older(client: OpenSearch) -> Iterator[Fix]:
    """A fix of a day whose index was created by an older release, with other mappings."""
    fix = fix_of(point(YEARS_AGO_S, 0.0, truck_id=unique("T")))
    index = index_of(fix.event_at_ms)
    known = {
        name: of for name, of in POSITIONS_MAPPINGS["properties"].items() if name not in ("n", "v")
    }
    mappings = {"dynamic": "strict", "properties": {**known, "recorded_at": DATE}}
    client.indices.put_index_template(
        name="older",
        body={"index_patterns": [index], "priority": 200, "template": {"mappings": mappings}},
    )
    client.indices.create(index=index)
    client.indices.delete_index_template(name="older")
    yield fix
    client.indices.delete(index=index)


def test_an_existing_days_index_accepts_new_fields_after_the_templates_are_installed(
    client: OpenSearch, older: Fix
) -> None:
    def result() -> WriteResult:
        (outcome,) = PositionWriter(client).write_history([HistoryWrite(fix=older)])
        return outcome.result

    before = result()
    install_index_templates(client)

    assert (before, result()) == (WriteResult.REJECTED, WriteResult.WRITTEN)
    install_index_templates(client)  # nothing left to add


def test_unsettled_states_are_found_in_the_index_of_an_older_release(
    client: OpenSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = unique("older-state")
    for module in (index_definitions, state):
        monkeypatch.setattr(module, "STATE_INDEX", older)
    monkeypatch.setattr(index_definitions, "_GROWING", [(older, STATE_MAPPINGS)])
    monkeypatch.setattr(index_definitions, "SINGLE_INDEXES", {})
    known = {"truck_id": STATE_MAPPINGS["properties"]["truck_id"]}
    client.indices.create(index=older, body={"mappings": {"dynamic": False, "properties": known}})
    try:
        install_index_templates(client)
        waits = TruckState(truck_id=unique("T"), window=Window(""), unsettled=(Interval(0, 1),))
        store = TruckStateStore(client)
        store.save([StateWrite.of(waits, None)])

        assert store.unsettled() == [waits.truck_id]
    finally:
        client.indices.delete(index=older)
