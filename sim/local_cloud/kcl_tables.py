"""The KCL's three tables, created in advance with a lease for each shard.

With an empty lease table the KCL waits a random time of up to 30 s, then synchronizes, then waits
for an assignment: minutes pass before the first record. If tables and leases exist, it reads within
seconds. For the local cloud and tests only; in AWS, Terraform creates the
tables and the KCL the leases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis.type_defs import ShardTypeDef


OWNER_INDEX = "LeaseOwnerToLeaseKeyIndex"


def create_kcl_tables(
    client: DynamoDBClient, application: str, shards: Sequence[ShardTypeDef]
) -> None:
    """Creates the lease table and its two companions as KCL 3 would, each shard at TRIM_HORIZON.

    Args:
        client: The DynamoDB that the KCL uses.
        application: The KCL's ``applicationName``: also the lease table's name.
        shards: The stream's open shards, as returned by ListShards.
    """
    client.create_table(
        TableName=application,
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "leaseKey", "AttributeType": "S"},
            {"AttributeName": "leaseOwner", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": OWNER_INDEX,
                "KeySchema": [
                    {"AttributeName": "leaseOwner", "KeyType": "HASH"},
                    {"AttributeName": "leaseKey", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for suffix, key in (("CoordinatorState", "key"), ("WorkerMetricStats", "wid")):
        client.create_table(
            TableName=f"{application}-{suffix}",
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    for shard in shards:
        client.put_item(
            TableName=application,
            Item={
                "leaseKey": {"S": shard["ShardId"]},
                "leaseCounter": {"N": "0"},
                "ownerSwitchesSinceCheckpoint": {"N": "0"},
                "checkpoint": {"S": "TRIM_HORIZON"},
                "checkpointSubSequenceNumber": {"N": "0"},
                "startingHashKey": {"S": shard["HashKeyRange"]["StartingHashKey"]},
                "endingHashKey": {"S": shard["HashKeyRange"]["EndingHashKey"]},
            },
        )
