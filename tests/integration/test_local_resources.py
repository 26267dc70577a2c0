"""The resources of a new local cloud, as read from the emulator."""

import itertools
from collections.abc import Iterator

import boto3
import pytest

from deploy.queues import QUEUES
from deploy.tables import TABLES
from sim.local_cloud.resources import (
    CloudNames,
    CreatedResources,
    create_resources,
    local_session,
)
from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import REGION


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return local_session(REGION)


@pytest.fixture(scope="module")
def created(url: str) -> CreatedResources:
    return create_resources(url, REGION, CloudNames(), shard_count=3)


def test_the_shards_cover_all_hash_keys_without_overlap(url, session, created):
    kinesis = session.client("kinesis", endpoint_url=url)
    shards = kinesis.list_shards(StreamName=created.names.stream)["Shards"]
    ranges = sorted(
        (int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]))
        for s in shards
    )

    assert tuple(shard["ShardId"] for shard in shards) == created.shard_ids
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 2**128 - 1
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(ranges))


def test_each_shard_has_a_lease_that_the_kcl_can_take(url, session, created):
    dynamodb = session.client("dynamodb", endpoint_url=url)
    leases = dynamodb.scan(TableName=created.names.consumer_application)["Items"]

    assert sorted(lease["leaseKey"]["S"] for lease in leases) == sorted(created.shard_ids)
    assert {lease["checkpoint"]["S"] for lease in leases} == {"TRIM_HORIZON"}
    assert all("leaseOwner" not in lease for lease in leases)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.logical_name)
def test_each_table_is_created_as_defined(url, session, created, table):
    dynamodb = session.client("dynamodb", endpoint_url=url)
    name = getattr(created.names.tables, table.logical_name)
    described = dynamodb.describe_table(TableName=name)["Table"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    indexes = {
        index["IndexName"]: sorted(index["Projection"].get("NonKeyAttributes", []))
        for index in described.get("GlobalSecondaryIndexes", [])
    }

    assert [key["AttributeName"] for key in described["KeySchema"]] == [
        key.name for key in (table.hash_key, table.range_key) if key
    ]
    assert indexes == {index.name: sorted(index.included) for index in table.indexes}
    assert expiry.get("AttributeName") == table.ttl_attribute


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.logical_name)
def test_each_queue_is_fifo_with_its_visibility_timeout_and_dead_letter_queue(
    url, session, created, queue
):
    sqs = session.client("sqs", endpoint_url=url)
    queue_url = created.queue_urls[queue.logical_name]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]

    assert attributes["FifoQueue"] == "true"
    assert attributes["VisibilityTimeout"] == str(queue.visibility_timeout_s)
    if queue.has_dead_letters:
        assert queue.dead_letter_suffix in attributes["RedrivePolicy"]
    else:
        assert "RedrivePolicy" not in attributes


def test_an_object_can_be_stored_in_the_bucket_and_read_back(url, session, created):
    s3 = session.client("s3", endpoint_url=url)
    s3.put_object(Bucket=created.names.parked_bucket, Key="rejected/x", Body=b"1")

    body = s3.get_object(Bucket=created.names.parked_bucket, Key="rejected/x")["Body"].read()

    assert body == b"1"
