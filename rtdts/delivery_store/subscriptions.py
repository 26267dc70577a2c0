"""``subscriptions``: which connection follows which delivery.

A subscription is no right: rights are judged from the delivery, at each post. It dies with its
connection ($disconnect, or the first post that finds it gone), with the token, or by expiry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import ClientError

from rtdts.delivery_store.batches import batch_delete, query_all
from rtdts.delivery_store.items import from_item, to_item
from rtdts.delivery_store.schema import BY_BUCKET, BY_CONNECTION, TTL_ATTRIBUTE, TableNames
from rtdts.tracking.delivery_buckets import delivery_bucket

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        QueryInputTypeDef,
    )

KEPT_FOR_MS = 3 * 60 * 60 * 1000
"""API Gateway ends every connection after two hours; an hour later the item may go."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One connection's wish to follow one delivery."""

    delivery_id: str
    connection_id: str
    role: str
    identity: str
    token_expires_at_ms: int
    subscribed_at_ms: int
    """When the gateway took the `track`: of two, the later one has the later time."""
    token_id: str = ""
    """Of the token that the viewer connected with; see `rtdts.tracking.blocks.Token`."""
    token_issued_at_ms: int = 0


class SubscriptionStore:
    """Reads and writes subscriptions."""

    def __init__(self, client: DynamoDBClient, tables: TableNames) -> None:
        self._client = client
        self._table = tables.subscriptions

    def add(self, subscription: Subscription) -> None:
        """Writes a subscription; the same again overwrites it."""
        item = to_item(
            subscription,
            bucket=delivery_bucket(subscription.delivery_id),
            **{TTL_ATTRIBUTE: (subscription.subscribed_at_ms + KEPT_FOR_MS) // 1000},
        )
        self._client.put_item(TableName=self._table, Item=item)

    def has(self, delivery_id: str, connection_id: str) -> bool:
        """Whether the connection follows the delivery now (read consistently)."""
        answer = self._client.get_item(
            TableName=self._table,
            Key={"delivery_id": {"S": delivery_id}, "connection_id": {"S": connection_id}},
            ProjectionExpression="delivery_id",
            ConsistentRead=True,
        )
        return "Item" in answer

    def find(self, delivery_id: str, connection_id: str) -> Subscription | None:
        """The connection's subscription to the delivery now (read consistently)."""
        answer = self._client.get_item(
            TableName=self._table,
            Key={"delivery_id": {"S": delivery_id}, "connection_id": {"S": connection_id}},
            ConsistentRead=True,
        )
        return from_item(answer["Item"], Subscription) if "Item" in answer else None

    def remove(self, delivery_id: str, connection_id: str, *, until_ms: int) -> None:
        """Ends a subscription that began at `until_ms` or before; one that isn't there is as good.

        Later ones stay: the events of a connection are handled side by side, and its `untrack` may
        be overtaken by the `track` that came after it.
        """
        self._delete_if("subscribed_at_ms <= :time", delivery_id, connection_id, until_ms)

    def forget(self, read: Subscription) -> None:
        """Ends a subscription as it was read; one that isn't there is as good.

        One that was begun anew since then stays.
        """
        self._delete_if(
            "subscribed_at_ms = :time", read.delivery_id, read.connection_id, read.subscribed_at_ms
        )

    def remove_connection(self, connection_id: str) -> int:
        """Ends all of a connection's subscriptions that the index knows of.

        Returns:
            How many. One that was added a moment before may be missed; the first post to it
            finds the connection gone and removes it.
        """
        keys = [
            {"delivery_id": item["delivery_id"], "connection_id": item["connection_id"]}
            for item in query_all(self._client, _of_connection(self._table, connection_id))
        ]
        batch_delete(self._client, self._table, keys)
        return len(keys)

    def of_delivery(self, delivery_id: str) -> list[Subscription]:
        """Who follows the delivery now (read consistently)."""
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "delivery_id = :delivery",
            "ExpressionAttributeValues": {":delivery": {"S": delivery_id}},
            "ConsistentRead": True,
        }
        return [from_item(item, Subscription) for item in query_all(self._client, query)]

    def of_bucket(self, bucket: int) -> Iterator[Subscription]:
        """A bucket's subscriptions, those of one delivery next to each other.

        From an index: one added a moment before may be missing, one removed may still be there.
        """
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": BY_BUCKET,
            "KeyConditionExpression": "#bucket = :bucket",
            "ExpressionAttributeNames": {"#bucket": "bucket"},  # DynamoDB keeps the word to itself
            "ExpressionAttributeValues": {":bucket": {"N": str(bucket)}},
        }
        for item in query_all(self._client, query):
            yield from_item(item, Subscription)

    def _delete_if(
        self, condition: str, delivery_id: str, connection_id: str, time_ms: int
    ) -> None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key={"delivery_id": {"S": delivery_id}, "connection_id": {"S": connection_id}},
                ConditionExpression=condition,
                ExpressionAttributeValues={":time": {"N": str(time_ms)}},
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
                raise

    def count_of_connection(self, connection_id: str) -> int:
        """How many deliveries a connection follows, as far as the index knows."""
        query = _of_connection(self._table, connection_id)
        query["Select"] = "COUNT"
        count = 0
        while True:
            answer = self._client.query(**query)
            count += answer["Count"]
            if not answer.get("LastEvaluatedKey"):
                return count
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _of_connection(table: str, connection_id: str) -> QueryInputTypeDef:
    return {
        "TableName": table,
        "IndexName": BY_CONNECTION,
        "KeyConditionExpression": "connection_id = :connection",
        "ExpressionAttributeValues": {":connection": {"S": connection_id}},
    }
