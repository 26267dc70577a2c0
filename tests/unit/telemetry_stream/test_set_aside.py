"""Batches of device messages that Lambda gave up, without one truck's messages."""

from __future__ import annotations

import json

import pytest

from rtdts.telemetry_stream.backup_format import BrokenObjectError
from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.set_aside import SetAsideBatches
from tests.fakes.fake_bucket import FakeVersionedBucket
from tests.support.set_aside_batches import SET_ASIDE_KEY as KEY
from tests.support.set_aside_batches import device_message as message
from tests.support.set_aside_batches import invocation


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


def test_a_batch_of_only_the_truck_is_deleted_with_its_older_versions(
    bucket: FakeVersionedBucket,
) -> None:
    for _ in range(2):
        bucket.put_object(Key=KEY, Body=invocation(message("T-1")))
    bucket.delete_object(Key=KEY)

    assert erase(bucket) == 2
    assert bucket.bodies == []


def test_a_record_of_an_invocation_without_its_payload_has_no_messages(
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
        b'{"payload":{"Records":[{"kinesis":{"data":"e30="}}]}}',
    ],
    ids=lambda body: repr(body[:30]),
)
def test_an_unreadable_batch_is_kept_and_reported_and_delays_no_other(
    bucket: FakeVersionedBucket, body: bytes
) -> None:
    bucket.put_object(Key=KEY, Body=body)
    bucket.put_object(Key=f"{KEY}2", Body=invocation(message("T-1")))

    with pytest.raises(BrokenObjectError, match=KEY):
        erase(bucket)
    assert bucket.bodies == [body]
