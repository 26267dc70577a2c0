"""Batches of items: DynamoDB limits each request and response, and may leave a part undone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from rtdts.delivery_store.errors import StoreBusy
from rtdts.delivery_store.items import chunks
from rtdts.delivery_store.transactions import ATTEMPTS, FIRST_WAIT_S, MAX_WAIT_S
from rtdts.runtime.backoff import backoff_s

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        KeysAndAttributesTypeDef,
        QueryInputTypeDef,
        ScanInputTypeDef,
        UniversalAttributeValueTypeDef,
    )

MAX_KEYS = 100
"""BatchGetItem's limit of keys per request."""
MAX_WRITES = 25
"""BatchWriteItem's limit of items per request."""


def query_all(
    client: DynamoDBClient, query: QueryInputTypeDef
) -> Iterator[dict[str, AttributeValueTypeDef]]:
    """Yields every item that a query finds, over as many responses as it takes.

    Raises:
        KeyError: A response was cut off.
    """
    return _all_items(lambda more: client.query(**query, **more))


def scan_all(
    client: DynamoDBClient, scan: ScanInputTypeDef
) -> Iterator[dict[str, AttributeValueTypeDef]]:
    """Yields every item that a scan finds; raises as `query_all`."""
    return _all_items(lambda more: client.scan(**scan, **more))


def _all_items(read: Callable[[Any], Any]) -> Iterator[dict[str, AttributeValueTypeDef]]:
    more: dict[str, Any] = {}
    while True:
        response = read(more)
        yield from response["Items"]
        if not response.get("LastEvaluatedKey"):
            return
        more = {"ExclusiveStartKey": response["LastEvaluatedKey"]}


def batch_delete(
    client: DynamoDBClient,
    table: str,
    keys: Iterable[Mapping[str, UniversalAttributeValueTypeDef]],
) -> None:
    """Deletes items; an item that does not exist counts as deleted."""
    for chunk in chunks(keys, MAX_WRITES):
        deletes: Any = [{"DeleteRequest": {"Key": key}} for key in chunk]
        response = client.batch_write_item(RequestItems={table: deletes})
        # Throttled deletes are sent one by one, because the SDK retries those requests.
        for left in response.get("UnprocessedItems", {}).get(table, []):
            client.delete_item(TableName=table, Key=left["DeleteRequest"]["Key"])


def batch_get(
    client: DynamoDBClient,
    table: str,
    keys: Sequence[Mapping[str, UniversalAttributeValueTypeDef]],
    *,
    sleep: Callable[[float], None],
) -> Iterator[dict[str, AttributeValueTypeDef]]:
    """Reads the items of `keys` (each once) consistently; those that don't exist are left out.

    Raises:
        StoreBusy: A whole request's keys stayed unread `ATTEMPTS` times in a row.
    """
    for chunk in chunks(keys, MAX_KEYS):
        waits_s = backoff_s(first_s=FIRST_WAIT_S, max_s=MAX_WAIT_S)
        request: Mapping[str, KeysAndAttributesTypeDef] = {
            table: {"Keys": chunk, "ConsistentRead": True}
        }
        empty_reads = 0
        while request:
            response = client.batch_get_item(RequestItems=request)
            items = response["Responses"].get(table, [])
            yield from items
            # Keys stay unread if the response would be too large (16 MB), or was throttled.
            request = cast(
                "Mapping[str, KeysAndAttributesTypeDef]", response.get("UnprocessedKeys", {})
            )
            if not request:
                break
            empty_reads = 0 if items else empty_reads + 1
            if empty_reads == ATTEMPTS:
                raise StoreBusy("BatchGetItem", ("UnprocessedKeys",))
            sleep(next(waits_s))
