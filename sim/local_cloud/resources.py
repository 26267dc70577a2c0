"""All AWS resources that a new local cloud needs before our own parts can start.

Tables and queues come from the same definitions that Terraform is checked against.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3

from deploy.queues import QUEUES, QueueDefinition
from deploy.tables import TABLES, KeyAttribute, TableDefinition
from rtdts.delivery_store.schema import TableNames
from sim.local_cloud.kcl_tables import create_kcl_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import ShardTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"  # noqa: S105 - the emulator accepts any
NO_LOCATION_CONSTRAINT = "us-east-1"
"""The only region whose buckets are created without a location constraint."""


_TABLE_NAMES = TableNames(
    **{table.logical_name: f"rtdts-{table.logical_name.replace('_', '-')}" for table in TABLES}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CloudNames:
    """The names of the resources of one local cloud."""

    stream: str = "rtdts-telemetry"
    tables: TableNames = _TABLE_NAMES
    queue_prefix: str = "rtdts-"
    parked_bucket: str = "rtdts-parked"
    raw_backup_bucket: str = "rtdts-raw-backup"
    consumer_application: str = "rtdts-consumer"
    """The KCL's application name, which is also the name of its lease table."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CreatedResources:
    """The created resources, by the names that the parts use."""

    names: CloudNames
    shard_ids: tuple[str, ...]
    queue_urls: Mapping[str, str]
    """The queues' URLs by logical name."""
    dead_letter_urls: Mapping[str, str]
    """The dead-letter queues' URLs by the logical name of their source queue."""


def local_session(region: str) -> boto3.Session:
    """A session with the emulator's credentials, independent of the machine's AWS login."""
    return boto3.Session(
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        region_name=region,
    )


def create_resources(
    endpoint_url: str, region: str, names: CloudNames, *, shard_count: int = 2
) -> CreatedResources:
    """Creates the stream, the tables (the KCL's included), the queues and the buckets.

    Args:
        endpoint_url: Base URL of an emulator in which nothing was created yet.
        region: The region that it emulates.
        names: The names of the resources.
        shard_count: Shards of the stream; each gets a lease, and so a consumer process.

    Raises:
        botocore.exceptions.ClientError: A resource exists already, or a request was rejected.
    """
    session = local_session(region)
    dynamodb = session.client("dynamodb", endpoint_url=endpoint_url)
    shards = _create_stream(
        session.client("kinesis", endpoint_url=endpoint_url), names.stream, shard_count
    )
    for table in TABLES:
        _create_table(dynamodb, getattr(names.tables, table.logical_name), table)
    create_kcl_tables(dynamodb, names.consumer_application, shards)
    sqs = session.client("sqs", endpoint_url=endpoint_url)
    dead_letter_urls = {
        queue.logical_name: _create_dead_letters(sqs, names.queue_prefix, queue)
        for queue in QUEUES
        if queue.has_dead_letters
    }
    queue_urls = {
        queue.logical_name: _create_queue(
            sqs, names.queue_prefix, queue, dead_letter_urls.get(queue.logical_name)
        )
        for queue in QUEUES
    }
    s3 = session.client("s3", endpoint_url=endpoint_url)
    for bucket in (names.parked_bucket, names.raw_backup_bucket):
        _create_bucket(s3, bucket, region)
    return CreatedResources(
        names=names,
        shard_ids=tuple(shard["ShardId"] for shard in shards),
        queue_urls=queue_urls,
        dead_letter_urls=dead_letter_urls,
    )


def _create_stream(client: KinesisClient, name: str, shard_count: int) -> list[ShardTypeDef]:
    client.create_stream(StreamName=name, ShardCount=shard_count)
    client.get_waiter("stream_exists").wait(
        StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    pages = client.get_paginator("list_shards").paginate(StreamName=name)
    return [shard for page in pages for shard in page["Shards"]]


def _create_table(client: DynamoDBClient, name: str, table: TableDefinition) -> None:
    indexes = [
        {
            "IndexName": index.name,
            "KeySchema": _key_schema(index.hash_key, index.range_key),
            "Projection": {"ProjectionType": index.projection_type}
            | ({"NonKeyAttributes": list(index.included)} if index.included else {}),
        }
        for index in table.indexes
    ]
    more: dict[str, Any] = {"GlobalSecondaryIndexes": indexes} if indexes else {}
    client.create_table(
        TableName=name,
        KeySchema=_key_schema(table.hash_key, table.range_key),
        AttributeDefinitions=[
            {"AttributeName": key.name, "AttributeType": key.type.value}
            for key in table.key_attributes
        ],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    if table.ttl_attribute is not None:
        client.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute},
        )


def _key_schema(hash_key: KeyAttribute, range_key: KeyAttribute | None) -> list[Any]:
    schema = [{"AttributeName": hash_key.name, "KeyType": "HASH"}]
    if range_key is not None:
        schema.append({"AttributeName": range_key.name, "KeyType": "RANGE"})
    return schema


def _create_queue(
    client: SQSClient, prefix: str, queue: QueueDefinition, dead_letter_url: str | None
) -> str:
    dead_letter_arn = None if dead_letter_url is None else _arn_of(client, dead_letter_url)
    attributes: Mapping[Any, str] = queue.attributes(dead_letter_arn)
    return client.create_queue(QueueName=prefix + queue.queue_suffix, Attributes=attributes)[
        "QueueUrl"
    ]


def _create_dead_letters(client: SQSClient, prefix: str, queue: QueueDefinition) -> str:
    attributes: Mapping[Any, str] = queue.dead_letter_attributes()
    return client.create_queue(QueueName=prefix + queue.dead_letter_suffix, Attributes=attributes)[
        "QueueUrl"
    ]


def _arn_of(client: SQSClient, url: str) -> str:
    response = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return response["Attributes"]["QueueArn"]


def _create_bucket(client: S3Client, name: str, region: str) -> None:
    if region == NO_LOCATION_CONSTRAINT:
        client.create_bucket(Bucket=name)
    else:
        location: Any = {"LocationConstraint": region}
        client.create_bucket(Bucket=name, CreateBucketConfiguration=location)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
