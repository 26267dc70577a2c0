"""Leases in ``subscriptions``: which broadcaster serves which part of the fleet's views.

A lease is an item beside the subscriptions, with topic `fleet-lease` and the part as its endpoint.
A lease ends at a fixed time and is not renewed before: the first broadcaster to try after that time
gets the part. So the parts move among the live broadcasters without a balancer, and a part of a
broadcaster that died is free when its lease ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from rtdts.delivery_store.schema import TTL_ATTRIBUTE, TableNames

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOPIC: Final = "fleet-lease"
_RETENTION_S: Final = 3_600


@dataclasses.dataclass(frozen=True)
class Lease:
    """The lease of a part: when it ends, and whether this process holds it."""

    until_ms: int
    is_mine: bool


class FleetLeaseStore:
    """Takes leases.

    Args:
        holder: The holder's name, unique among all processes.
    """

    def __init__(self, client: DynamoDBClient, tables: TableNames, *, holder: str) -> None:
        self._client = client
        self._table = tables.subscriptions
        self._holder = holder

    def acquire(self, part: int, *, now_ms: int, until_ms: int) -> Lease:
        """Takes a part that is free.

        Args:
            part: The part's number.
            now_ms: The time: a lease that ended before is over.
            until_ms: When the new lease ends.

        Returns:
            The lease that is in force now.
        """
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "topic": {"S": TOPIC},
                    "endpoint": {"S": f"part:{part}"},
                    "holder": {"S": self._holder},
                    "until_ms": {"N": str(until_ms)},
                    TTL_ATTRIBUTE: {"N": str(until_ms // 1000 + _RETENTION_S)},
                },
                # The last condition covers the SDK's own retry after a lost response.
                ConditionExpression=(
                    "attribute_not_exists(topic) OR until_ms < :now"
                    " OR (holder = :holder AND until_ms = :until)"
                ),
                ExpressionAttributeValues={
                    ":now": {"N": str(now_ms)},
                    ":holder": {"S": self._holder},
                    ":until": {"N": str(until_ms)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            item = cast("Mapping[str, Any]", error.response).get("Item", {})
            # The store did not return the lease, so the next attempt comes soon.
            return Lease(
                int(item["until_ms"]["N"]) if "until_ms" in item else now_ms, is_mine=False
            )
        return Lease(until_ms, is_mine=True)

    def release(self, part: int) -> None:
        """Ends this holder's lease of a part; another holder's lease stays."""
        with contextlib.suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._table,
                Key={"topic": {"S": TOPIC}, "endpoint": {"S": f"part:{part}"}},
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={":holder": {"S": self._holder}},
            )
