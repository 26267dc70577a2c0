"""Batches of device messages that Lambda gave up, without one truck's messages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from rtdts.ingest.device_messages import DeviceMessage, encode_message
from rtdts.telemetry_stream.backup_format import BrokenObjectError
from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.set_aside import SetAsideBatches
from tests.fakes.fake_bucket import FakeVersionedBucket

KEY = "aws/lambda/4f1d7a1e/shardId-000000000000/2026/11/24/2026-11-24T07.00.00-c1"


def message(truck_id: str) -> bytes:
    return encode_message(DeviceMessage(truck_id=truck_id, received_at_ms=1, payload=b"{}"))


def invocation(*records: bytes, as_text: bool = True) -> bytes:
    """What Lambda puts: AWS Lambda Developer Guide, 'Retain discarded batch records'."""
    event: Any = {
        "Records": [
            {
                "kinesis": {"partitionKey": "k", "data": base64.b64encode(one).decode()},
                "eventSource": "aws:kinesis",
            }
            for one in records
        ]
    }
    payload = json.dumps(event) if as_text else event
    return json.dumps({"version": "1.0", "KinesisBatchInfo": {}, "payload": payload}).encode()


@pytest.fixture
def bucket() -> FakeVersionedBucket:
    return FakeVersionedBucket()


def erase(bucket: FakeVersionedBucket, *, dry_run: bool = False) -> int:
    batches = SetAsideBatches(BucketObjects(bucket, "parked"))
    return sum(held for _, held in batches.erase_truck("T-1", dry_run=dry_run))


@pytest.mark.parametrize("as_text", [True, False])
def test_a_batch_is_rewritten_without_the_truck(bucket: FakeVersionedBucket, as_text: bool) -> None:
    mixed = (message("T-1"), message("T-11"), b"broken, of T-1", message("T-1"))
    bucket.put_object(Key=KEY, Body=invocation(*mixed, as_text=as_text))
    bucket.put_object(Key=f"{KEY}2", Body=invocation(message("T-2"), as_text=as_text))

    assert erase(bucket, dry_run=True) == 3
    assert erase(bucket) == 3
    assert erase(bucket) == 0
    left = [json.loads(one) for one in bucket.bodies]
    rest = [json.loads(one) for one in (invocation(message("T-11"), as_text=as_text),)]
    assert rest[0] in left
    assert len(left) == 2


def test_a_batch_of_the_truck_alone_is_deleted_with_its_older_versions(
    bucket: FakeVersionedBucket,
) -> None:
    for _ in range(2):
        bucket.put_object(Key=KEY, Body=invocation(message("T-1")))
    bucket.delete_object(Key=KEY)

    assert erase(bucket) == 2
    assert bucket.bodies == []


def test_a_record_of_an_invocation_without_its_payload_holds_nothing(
    bucket: FakeVersionedBucket,
) -> None:
    bucket.put_object(Key=KEY, Body=b'{"version":"1.0","KinesisBatchInfo":{}}')

    assert erase(bucket) == 0


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"payload":7}',
        b'{"payload":"{"}',
        b'{"payload":{"Records":[{"kinesis":{"data":"!"}}]}}',
        b'{"payload":{"Records":[{}]}}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_what_cannot_be_read_stays_holds_nothing_up_and_is_named(
    bucket: FakeVersionedBucket, body: bytes
) -> None:
    bucket.put_object(Key=KEY, Body=body)
    bucket.put_object(Key=f"{KEY}2", Body=invocation(message("T-1")))

    with pytest.raises(BrokenObjectError, match=KEY):
        erase(bucket)
    assert bucket.bodies == [body]
