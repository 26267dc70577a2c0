"""Reading many items at once: DynamoDB takes 100 keys a request, and may leave some unread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from rtdts.delivery_store.errors import StoreBusy
from rtdts.delivery_store.items import chunks
from rtdts.delivery_store.transactions import ATTEMPTS, FIRST_WAIT_S, MOST_WAIT_S
from rtdts.runtime.backoff import backoff_s

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        KeysAndAttributesTypeDef,
        UniversalAttributeValueTypeDef,
    )

MAX_KEYS = 100
"""BatchGetItem's limit of keys a request."""


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
        waits_s = backoff_s(first_s=FIRST_WAIT_S, most_s=MOST_WAIT_S)
        request: Mapping[str, KeysAndAttributesTypeDef] = {
            table: {"Keys": chunk, "ConsistentRead": True}
        }
        refusals = 0
        while request:
            answer = client.batch_get_item(RequestItems=request)
            items = answer["Responses"].get(table, [])
            yield from items
            # What was not read: the request was too large an answer (16 MB), or throttled.
            request = cast(
                "Mapping[str, KeysAndAttributesTypeDef]", answer.get("UnprocessedKeys", {})
            )
            if not request:
                break
            refusals = 0 if items else refusals + 1
            if refusals == ATTEMPTS:
                raise StoreBusy("BatchGetItem", ("UnprocessedKeys",))
            sleep(next(waits_s))
