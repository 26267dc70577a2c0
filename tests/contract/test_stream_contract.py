"""What the stream and its fake promise to the putter, and the bucket and its fake to parking."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import boto3
import pytest

from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.parking import Parking
from rtdts.telemetry_stream.putter import StreamPutter
from sim.local_cloud.deaggregation import UserRecord, deaggregate
from sim.local_cloud.resources import CreatedResources
from tests.fakes.fake_stream import FakeBucket, FakeStream
from tests.support.deliveries import unique


class Stream(NamedTuple):
    client: Any
    name: str
    of_truck: Callable[[str], list[UserRecord]]
    """Returns all user records of a truck, in the stream's order."""


@pytest.fixture(params=["fake", "kinesis"])
def stream(request: pytest.FixtureRequest) -> Stream:
    if request.param == "fake":
        fake = FakeStream()
        return Stream(
            fake, "s", lambda truck: [r for r in fake.user_records if r.partition_key == truck]
        )
    session: boto3.Session = request.getfixturevalue("aws_session")
    resources: CreatedResources = request.getfixturevalue("aws_resources")
    kinesis: Any = session.client("kinesis", endpoint_url=request.getfixturevalue("aws_endpoint"))
    name = resources.names.stream

    def of_truck(truck_id: str) -> list[UserRecord]:
        found: list[UserRecord] = []
        for shard in kinesis.list_shards(StreamName=name)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while records := (response := kinesis.get_records(ShardIterator=iterator))["Records"]:
                for record in records:
                    if record["PartitionKey"] == truck_id:
                        found += deaggregate(record["Data"], record["PartitionKey"])
                iterator = response["NextShardIterator"]
        return found

    return Stream(kinesis, name, of_truck)


def test_payloads_are_in_the_stream_once_and_in_order(stream: Stream) -> None:
    truck_id, other = unique("T"), unique("T")
    payloads = [f'{{"n":{n},"cargo":"☎"}}'.encode() for n in range(500)]
    putter = StreamPutter(stream.client, stream.name)

    outcome = putter.put(truck_id, payloads, Deadline(10.0))
    putter.put(other, [b"another's"], Deadline(10.0))
    putter.put(truck_id, [b"later"], Deadline(10.0))

    assert (outcome.failed, outcome.attempts, outcome.failure) == ((), 1, None)
    found = stream.of_truck(truck_id)
    assert [record.data for record in found] == [*payloads, b"later"]
    assert {record.partition_key for record in found} == {truck_id}
    assert [record.data for record in stream.of_truck(other)] == [b"another's"]


def test_any_bytes_are_read_back_unchanged(stream: Stream) -> None:
    truck_id = unique("T")
    payloads = [bytes(range(256)), b"\x00", b"", b"x" * 300_000, b"y" * 900_000]

    StreamPutter(stream.client, stream.name).put(truck_id, payloads, Deadline(10.0))

    assert [record.data for record in stream.of_truck(truck_id)] == payloads


def test_each_entry_of_a_call_has_its_own_response_and_sequence_numbers_grow(
    stream: Stream,
) -> None:
    truck_id = unique("T")
    entries = [{"PartitionKey": truck_id, "Data": str(n).encode()} for n in range(20)]

    response = stream.client.put_records(StreamName=stream.name, Records=entries)

    assert response["FailedRecordCount"] == 0
    assert len(response["Records"]) == len(entries)
    assert all(entry.get("ErrorCode") is None for entry in response["Records"])
    # Compared as numbers: their padding is not documented.
    numbers = [int(entry["SequenceNumber"]) for entry in response["Records"]]
    assert numbers == sorted(set(numbers))
    assert len({entry["ShardId"] for entry in response["Records"]}) == 1


Parked = Callable[[str], tuple[bytes, Mapping[str, str]]]


@pytest.fixture(params=["fake", "s3"])
def bucket(request: pytest.FixtureRequest) -> tuple[Parking, Parked]:
    if request.param == "fake":
        fake = FakeBucket()
        return Parking(fake, "b"), lambda key: (fake.objects[key].body, fake.objects[key].metadata)
    session: boto3.Session = request.getfixturevalue("aws_session")
    resources: CreatedResources = request.getfixturevalue("aws_resources")
    s3: Any = session.client("s3", endpoint_url=request.getfixturevalue("aws_endpoint"))
    name = resources.names.parked_bucket

    def parked(key: str) -> tuple[bytes, Mapping[str, str]]:
        found: Any = s3.get_object(Bucket=name, Key=key)
        return found["Body"].read(), found["Metadata"]

    return Parking(s3, name), parked


def test_a_record_parked_twice_is_one_object_with_its_reason(
    bucket: tuple[Parking, Parked],
) -> None:
    parking, parked = bucket
    name, body = f"{uuid.uuid4().int}.3", bytes(range(256))

    first = parking.park(body, name=name, reason="not_a_point", detail="lat: ☎\nout of range")
    again = parking.park(body, name=name, reason="not_a_point", detail="again")

    assert first == again == f"rejected/{name}"
    assert parked(first) == (body, {"reason": "not_a_point", "detail": "again"})


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ("", ""),
        ("  lat:\t☎\r\n out  of range ", "lat: \\u260e out of range"),
        ("nine char " * 200, ("nine char " * 100).strip()),  # cut where a space is
    ],
    ids=["none", "lines", "long"],
)
def test_the_detail_of_a_parked_record_is_stored_as_header_text(
    bucket: tuple[Parking, Parked], detail: str, kept: str
) -> None:
    parking, parked = bucket

    key = parking.park(b"", name=str(uuid.uuid4().int), reason="not_a_point", detail=detail)

    assert parked(key) == (b"", {"reason": "not_a_point", "detail": kept})
