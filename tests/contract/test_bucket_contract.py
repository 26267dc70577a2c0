"""Objects in S3 with their versions: on the fake, and on the emulator."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import Any

import boto3
import pytest

from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.firehose_backup import FirehoseBackup
from rtdts.telemetry_stream.parked_records import ParkedRecords
from rtdts.telemetry_stream.parking import Parking
from sim.local_cloud.firehose_objects import join_records
from sim.local_cloud.resources import CreatedResources
from tests.fakes.fake_bucket import FakeVersionedBucket


@pytest.fixture(params=["fake", "s3"])
def bucket(request: pytest.FixtureRequest) -> tuple[Any, str]:
    if request.param == "fake":
        return FakeVersionedBucket(), "b"
    session: boto3.Session = request.getfixturevalue("aws_session")
    resources: CreatedResources = request.getfixturevalue("aws_resources")
    client: Any = session.client("s3", endpoint_url=request.getfixturevalue("aws_endpoint"))
    name = f"b-{uuid.uuid4()}"
    client.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": client.meta.region_name}
    )
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    kept = client.get_bucket_versioning(Bucket=resources.names.parked_bucket)["Status"]
    assert kept == "Enabled", "the local cloud's own buckets keep versions, as in AWS"
    return client, name


def record(truck_id: str, seq: int) -> bytes:
    return json.dumps({"truck_id": truck_id, "seq": seq}).encode()


def every_body(client: Any, name: str) -> list[bytes]:
    objects = BucketObjects(client, name)
    return [objects.read(one.key, one.version_id).body for one in objects.versions("")]


def test_entries_are_listed_in_order_over_several_pages_and_after_a_key(
    bucket: tuple[Any, str],
) -> None:
    client, name = bucket
    for number in range(8):
        client.put_object(Bucket=name, Key=f"a/{number}", Body=b"x")
    client.put_object(Bucket=name, Key="b/0", Body=b"x")
    objects = BucketObjects(client, name)
    objects.remove("a/3")

    assert [one.key for one in objects.entries("a/")] == [f"a/{n}" for n in (0, 1, 2, 4, 5, 6, 7)]
    assert [one.key for one in objects.entries("a/", after="a/4")] == ["a/5", "a/6", "a/7"]


def test_versions_of_overwritten_and_removed_objects_are_kept_until_destroyed(
    bucket: tuple[Any, str],
) -> None:
    client, name = bucket
    for body in (b"1", b"2"):
        client.put_object(Bucket=name, Key="k", Body=body)
    objects = BucketObjects(client, name)
    objects.remove("k")

    versions = list(objects.versions(""))

    assert sorted(objects.read(one.key, one.version_id).body for one in versions) == [b"1", b"2"]
    assert not any(one.is_latest for one in versions)
    for one in versions:
        objects.destroy(one)
    assert list(objects.versions("")) == []


def test_a_parked_record_is_read_with_all_its_metadata(bucket: tuple[Any, str]) -> None:
    client, name = bucket
    key = Parking(client, name).park(
        b"{", name="7.1", reason="not_a_point", detail="why", partition_key="T-1"
    )
    parked = ParkedRecords(BucketObjects(client, name))

    record = parked.read(key)

    assert [one.key for one in parked.entries("7")] == [key]
    assert [one.key for one in parked.entries("8")] == []
    assert (record.body, record.reason, record.detail) == (b"{", "not_a_point", "why")
    assert record.partition_key == "T-1"


def test_a_trucks_parked_records_are_erased_with_their_older_versions(
    bucket: tuple[Any, str],
) -> None:
    client, name = bucket
    parking = Parking(client, name)
    parking.park(b"no json", name="1", reason="r", partition_key="T-1")
    parking.park(record("T-1", 2), name="2", reason="r")
    parking.park(record("T-1", 3), name="2", reason="r")  # parked again, after a crash
    parking.park(record("T-11", 4), name="4", reason="r", partition_key="T-11")
    client.delete_object(Bucket=name, Key="rejected/2")
    parked = ParkedRecords(BucketObjects(client, name))

    counted = sum(held for _, held in parked.erase_truck("T-1", dry_run=True))
    erased = sum(held for _, held in parked.erase_truck("T-1", dry_run=False))

    assert (counted, erased) == (3, 3)
    assert every_body(client, name) == [record("T-11", 4)]


def test_a_backup_is_rewritten_without_the_truck_and_older_versions_are_deleted(
    bucket: tuple[Any, str],
) -> None:
    client, name = bucket
    mixed = [record("T-1", 1), record("T-2", 2), record("T-1", 3)]
    client.put_object(Bucket=name, Key="points/a.gz", Body=join_records(mixed))
    client.put_object(Bucket=name, Key="points/b.gz", Body=join_records([record("T-1", 4)]))
    client.put_object(Bucket=name, Key="points/c.gz", Body=join_records([record("T-2", 5)]))
    backup = FirehoseBackup(BucketObjects(client, name))

    erased = sum(held for _, held in backup.erase_truck("T-1", dry_run=False))
    again = sum(held for _, held in backup.erase_truck("T-1", dry_run=False))

    assert (erased, again) == (3, 0)
    assert sorted(map(gzip.decompress, every_body(client, name))) == [
        record("T-2", 2),
        record("T-2", 5),
    ]
    keys = backup.keys("points/", from_ms=0, to_ms=2**60)
    assert [backup.read(key) for key in keys] == [record("T-2", 2), record("T-2", 5)]
