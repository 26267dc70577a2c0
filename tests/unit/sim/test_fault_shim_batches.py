"""A batch is split and its responses merged again: each entry gets its own response."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sim.fault_shim.aws_batches import AWS_BATCHES
from sim.fault_shim.batches import Batch, ItemFailure
from sim.fault_shim.bulk_batch import BulkBatch

SIZE = 4
FAILURE = ItemFailure(code="InternalFailure", message="broken", status=503)
SUBSETS = [
    set(subset) for n in range(1, SIZE + 1) for subset in itertools.combinations(range(SIZE), n)
]

Upstream = Callable[[Any], Any]
"""Responds to a valid request as the service does."""


def stream(request: Any) -> Any:
    document = [{"SequenceNumber": record["Data"]} for record in request["Records"]]
    return {"FailedRecordCount": 0, "Records": document, "EncryptionType": "NONE"}


def queue(request: Any) -> Any:
    return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}


def reading(request: Any) -> Any:
    parsed = request["RequestItems"]
    return {"Responses": {name: one["Keys"] for name, one in parsed.items()}, "UnprocessedKeys": {}}


def writing(_: Any) -> Any:
    return {"UnprocessedItems": {}}


def parse(service: str, operation: str, document: Any) -> Batch:
    return AWS_BATCHES[service, operation](json.dumps(document).encode())


def through(batch: Batch, failing: set[int], upstream: Upstream) -> tuple[Any, Any]:
    """Returns what upstream received (None: nothing), and what the client gets."""
    forwarded = batch.without(failing)
    parsed = json.loads(forwarded) if forwarded else None
    document = json.dumps(upstream(parsed)).encode() if forwarded else None
    return parsed, json.loads(batch.respond(document, dict.fromkeys(failing, FAILURE)))


@pytest.mark.parametrize("failing", SUBSETS, ids=str)
def test_failed_records_are_not_forwarded_and_the_others_keep_their_positions(
    failing: set[int],
) -> None:
    records = [{"Data": f"data-{n}", "PartitionKey": "T"} for n in range(SIZE)]
    batch = parse("kinesis", "PutRecords", {"StreamName": "points", "Records": records})
    parsed, document = through(batch, failing, stream)

    kept = [record for place, record in enumerate(records) if place not in failing]
    assert parsed == ({"StreamName": "points", "Records": kept} if kept else None)
    assert document["FailedRecordCount"] == len(failing)
    assert document["Records"] == [
        {"ErrorCode": "InternalFailure", "ErrorMessage": "broken"}
        if place in failing
        else {"SequenceNumber": f"data-{place}"}
        for place in range(SIZE)
    ]


@pytest.mark.parametrize("failing", SUBSETS, ids=str)
def test_failed_messages_are_reported_by_their_own_ids(failing: set[int]) -> None:
    entries = [{"Id": f"id-{n}", "MessageBody": str(n)} for n in range(SIZE)]
    batch = parse("sqs", "SendMessageBatch", {"QueueUrl": "q", "Entries": entries})
    parsed, document = through(batch, failing, queue)

    kept = [f"id-{place}" for place in range(SIZE) if place not in failing]
    assert [entry["Id"] for entry in (parsed or {"Entries": []})["Entries"]] == kept
    assert [entry["Id"] for entry in document["Successful"]] == kept
    assert {entry["Id"] for entry in document["Failed"]} == {f"id-{place}" for place in failing}
    assert not any(entry["SenderFault"] for entry in document["Failed"])


@pytest.mark.parametrize("failing", SUBSETS, ids=str)
def test_failed_keys_are_returned_as_unprocessed_with_their_request(failing: set[int]) -> None:
    keys = [{"id": {"S": str(n)}} for n in range(SIZE)]
    requested: dict[str, dict[str, object]] = {
        "a": {"Keys": keys[:2], "ConsistentRead": True},
        "b": {"Keys": keys[2:]},
    }
    batch = parse("dynamodb", "BatchGetItem", {"RequestItems": requested})
    _, document = through(batch, failing, reading)

    left = document["UnprocessedKeys"]
    responded = [key for rows in document["Responses"].values() for key in rows]
    assert responded == [key for place, key in enumerate(keys) if place not in failing]
    assert [key for one in left.values() for key in one["Keys"]] == [
        keys[n] for n in sorted(failing)
    ]
    assert all(
        one.get("ConsistentRead") == requested[name].get("ConsistentRead")
        for name, one in left.items()
    )


@pytest.mark.parametrize("failing", SUBSETS, ids=str)
def test_failed_writes_are_returned_as_unprocessed(failing: set[int]) -> None:
    writes: list[Mapping[str, Any]] = [
        {"PutRequest": {"Item": {"id": {"S": str(n)}}}} for n in range(SIZE)
    ]
    batch = parse(
        "dynamodb", "BatchWriteItem", {"RequestItems": {"a": writes[:1], "b": writes[1:]}}
    )
    parsed, document = through(batch, failing, writing)

    done = [
        write
        for rows in (parsed or {"RequestItems": {}})["RequestItems"].values()
        for write in rows
    ]
    left = [write for rows in document["UnprocessedItems"].values() for write in rows]
    assert done == [write for place, write in enumerate(writes) if place not in failing]
    assert left == [writes[place] for place in sorted(failing)]


@pytest.mark.parametrize("failing", SUBSETS, ids=str)
def test_failed_documents_are_not_forwarded_and_the_others_keep_their_bytes(
    failing: set[int],
) -> None:
    items = [
        (b'{"index":{"_index":"i","_id":"0"}}', b'{"a" : 0.10}'),
        (b'{"delete":{"_index":"i","_id":"1"}}',),
        (b'{"create":{"_index":"i","_id":"2"}}', b"{}"),
        (b'{"update":{"_index":"i","_id":"3"}}', b'{"doc":{}}'),
    ]
    batch = BulkBatch(b"".join(line + b"\n" for item in items for line in item))
    forwarded = batch.without(failing)
    kept = [place for place in range(SIZE) if place not in failing]
    upstream = {
        "errors": False,
        "items": [{"index": {"status": 200 + place}} for place in kept],
    }
    document = json.loads(
        batch.respond(
            json.dumps(upstream).encode() if kept else None, dict.fromkeys(failing, FAILURE)
        )
    )

    lines = b"".join(line + b"\n" for place in kept for line in items[place])
    assert (forwarded or b"") == lines
    assert document["errors"] is True
    outcomes = [next(iter(item.values())) for item in document["items"]]
    assert [outcome["status"] for outcome in outcomes] == [
        503 if place in failing else 200 + place for place in range(SIZE)
    ]
    assert all(
        outcomes[place]["error"] == {"type": "InternalFailure", "reason": "broken"}
        and outcomes[place]["_id"] == str(place)
        for place in failing
    )
