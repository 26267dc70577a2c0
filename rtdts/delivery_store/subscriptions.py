"""``subscriptions``: which endpoint follows which topic (`rtdts.tracking.topics`).

A subscription grants no right to view: that is checked at each post. A subscription ends with its
connection ($disconnect, or the first post that gets 410 Gone), with the token, or by expiry.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from rtdts.delivery_store.batches import batch_delete, query_all
from rtdts.delivery_store.items import from_item, to_item
from rtdts.delivery_store.schema import BY_BUCKET, BY_ENDPOINT, TTL_ATTRIBUTE, TableNames
from rtdts.tracking.delivery_buckets import delivery_bucket
from rtdts.tracking.fleet_view import FleetView
from rtdts.tracking.topics import FLEET, delivery_of, is_of_delivery

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        QueryInputTypeDef,
    )

RETENTION_MS = 3 * 60 * 60 * 1000
"""API Gateway closes every connection after two hours; an hour later the item may be deleted."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint's subscription to one topic."""

    topic: str
    endpoint: str
    role: str
    identity: str
    token_expires_at_ms: int
    subscribed_at_ms: int
    """When the gateway received the `track` request."""
    token_id: str = ""
    """Id of the token that the viewer connected with; see `rtdts.tracking.blocks.Token`."""
    token_issued_at_ms: int = 0
    view: FleetView | None = None
    """The part of the fleet that the endpoint sees; only for the fleet's topic."""

    @property
    def delivery_id(self) -> str:
        """The delivery of its topic.

        Raises:
            ValueError: The topic is not a delivery.
        """
        return delivery_of(self.topic)


class SubscriptionStore:
    """Reads and writes subscriptions."""

    def __init__(self, client: DynamoDBClient, tables: TableNames) -> None:
        self._client = client
        self._table = tables.subscriptions

    def add(self, subscription: Subscription) -> None:
        """Writes a subscription; replaces the existing one unless that began later.

        A connection's messages are handled concurrently: an earlier view of the fleet must not
        replace a later one.
        """
        has_bucket = is_of_delivery(subscription.topic)
        item = to_item(
            subscription,
            bucket=delivery_bucket(subscription.delivery_id) if has_bucket else None,
            **{TTL_ATTRIBUTE: (subscription.subscribed_at_ms + RETENTION_MS) // 1000},
        )
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(topic) OR subscribed_at_ms <= :time",
                ExpressionAttributeValues={":time": {"N": str(subscription.subscribed_at_ms)}},
            )

    def has(self, topic: str, endpoint: str) -> bool:
        """Returns whether the endpoint follows the topic now (read consistently)."""
        response = self._client.get_item(
            TableName=self._table,
            Key={"topic": {"S": topic}, "endpoint": {"S": endpoint}},
            ProjectionExpression="topic",
            ConsistentRead=True,
        )
        return "Item" in response

    def find(self, topic: str, endpoint: str) -> Subscription | None:
        """Returns the endpoint's subscription to the topic now (read consistently)."""
        response = self._client.get_item(
            TableName=self._table,
            Key={"topic": {"S": topic}, "endpoint": {"S": endpoint}},
            ConsistentRead=True,
        )
        return from_item(response["Item"], Subscription) if "Item" in response else None

    def remove(self, topic: str, endpoint: str, *, until_ms: int) -> None:
        """Ends a subscription that began at `until_ms` or before, if it exists.

        Later ones stay: a connection's events are handled concurrently, and its `untrack` may be
        overtaken by a later `track`.
        """
        self._delete_if("subscribed_at_ms <= :time", topic, endpoint, until_ms)

    def end(self, read: Subscription) -> None:
        """Ends a subscription as it was read, if it still exists.

        A subscription that was renewed since then stays.
        """
        self._delete_if(
            "subscribed_at_ms = :time", read.topic, read.endpoint, read.subscribed_at_ms
        )

    def remove_endpoint(self, endpoint: str) -> int:
        """Ends all of an endpoint's subscriptions that the index returns.

        Returns:
            How many were ended. A subscription that was added a moment before may be missed; its
            first post gets 410 Gone, and removes it.
        """
        keys = [
            {"topic": item["topic"], "endpoint": item["endpoint"]}
            for item in query_all(self._client, _of_endpoint(self._table, endpoint))
        ]
        batch_delete(self._client, self._table, keys)
        return len(keys)

    def of_topic(self, topic: str) -> list[Subscription]:
        """Returns the subscriptions to the topic now (read consistently)."""
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "topic = :topic",
            "ExpressionAttributeValues": {":topic": {"S": topic}},
            "ConsistentRead": True,
        }
        return [from_item(item, Subscription) for item in query_all(self._client, query)]

    def of_bucket(self, bucket: int) -> Iterator[Subscription]:
        """Yields a bucket's subscriptions, those of one delivery next to each other.

        The index lags: one added a moment before may be missing, one removed may still be there.
        """
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "IndexName": BY_BUCKET,
            "KeyConditionExpression": "#bucket = :bucket",
            "ExpressionAttributeNames": {"#bucket": "bucket"},  # a reserved word of DynamoDB
            "ExpressionAttributeValues": {":bucket": {"N": str(bucket)}},
        }
        for item in query_all(self._client, query):
            yield from_item(item, Subscription)

    def _delete_if(self, condition: str, topic: str, endpoint: str, time_ms: int) -> None:
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._table,
                Key={"topic": {"S": topic}, "endpoint": {"S": endpoint}},
                ConditionExpression=condition,
                ExpressionAttributeValues={":time": {"N": str(time_ms)}},
            )

    def count_deliveries(self, endpoint: str) -> int:
        """Returns how many deliveries an endpoint follows, according to the index."""
        query = _of_endpoint(self._table, endpoint)
        query["Select"] = "COUNT"
        query["FilterExpression"] = "topic <> :fleet"
        query["ExpressionAttributeValues"] = {
            **query.get("ExpressionAttributeValues", {}),
            ":fleet": {"S": FLEET},
        }
        count = 0
        while True:
            response = self._client.query(**query)
            count += response["Count"]
            if not response.get("LastEvaluatedKey"):
                return count
            query["ExclusiveStartKey"] = response["LastEvaluatedKey"]


def _of_endpoint(table: str, endpoint: str) -> QueryInputTypeDef:
    return {
        "TableName": table,
        "IndexName": BY_ENDPOINT,
        "KeyConditionExpression": "endpoint = :endpoint",
        "ExpressionAttributeValues": {":endpoint": {"S": endpoint}},
    }
