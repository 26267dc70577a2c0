"""Whether a 400 of a real OpenSearch is caused by the point, which is parked, or by the store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opensearchpy import OpenSearch

from rtdts.position_store.bulk import Action, ItemOutcome, WriteResult, head, send_bulk
from rtdts.position_store.client import connect
from rtdts.position_store.documents import index_of
from rtdts.position_store.errors import StoreUnavailable
from rtdts.position_store.history_pages import HistoryPages
from rtdts.position_store.writer import HistoryWrite, PositionWriter
from rtdts.tracking.fixes import Fix, fix_of
from tests.support.consumer_world import point
from tests.support.deliveries import unique

pytestmark = pytest.mark.real

TWO_YEARS_AGO_S = -2 * 365 * 86_400
"""A day that no other test writes to."""


@pytest.fixture
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    client = connect(opensearch_url)
    yield client
    client.close()


@pytest.fixture
def fix(client: OpenSearch) -> Iterator[Fix]:
    fix = fix_of(point(TWO_YEARS_AGO_S, 0.0, truck_id=unique("T")))
    yield fix
    client.indices.delete(index=index_of(fix.event_at_ms), params={"ignore_unavailable": "true"})


def write(client: OpenSearch, fix: Fix) -> ItemOutcome:
    (outcome,) = PositionWriter(client).write_history([HistoryWrite(fix=fix)])
    return outcome


def test_a_write_rejected_by_the_shard_limit_is_retryable(client: OpenSearch, fix: Fix) -> None:
    name = "cluster.max_shards_per_node"
    client.cluster.put_settings(body={"transient": {name: 1}})
    try:
        rejected = write(client, fix)
    finally:
        client.cluster.put_settings(body={"transient": {name: None}})

    assert rejected.reason.startswith("400 validation_exception")
    assert rejected.result is WriteResult.RETRYABLE
    assert write(client, fix).result is WriteResult.WRITTEN


def test_a_write_to_a_closed_index_is_retryable(client: OpenSearch, fix: Fix) -> None:
    write(client, fix)
    index = index_of(fix.event_at_ms)
    client.indices.close(index=index)
    rejected = write(client, fix)
    with pytest.raises(StoreUnavailable):
        HistoryPages(client).stored([fix])
    client.indices.open(index=index)

    assert "index_closed_exception" in rejected.reason
    assert rejected.result is WriteResult.RETRYABLE
    assert write(client, fix).result is WriteResult.WRITTEN


@pytest.mark.parametrize(
    "document",
    [b'{"not_in_the_mapping":1}', b'{"truck_id":"T","event_at":"never"}', b'{"truck_id":'],
)
def test_a_bad_document_is_rejected_permanently(
    client: OpenSearch, fix: Fix, document: bytes
) -> None:
    action = Action(
        head=head("index", _index=index_of(fix.event_at_ms), _id="x"), document=document
    )
    (rejected,) = send_bulk(client, [action])

    assert rejected.result is WriteResult.REJECTED
