"""The hard limits of AWS, shared by all fakes: no account can have them raised.

Sources, as of 2026-11:

- DynamoDB: API reference of `TransactWriteItems`, `BatchGetItem`, `BatchWriteItem`; developer
  guide, "Quotas in Amazon DynamoDB" (item size; numbers have up to 38 digits of precision).
- SQS: API reference of `SendMessage`, `SendMessageBatch` (1 MiB since August 2025, 256 KiB before);
  developer guide, "Amazon SQS message quotas" and, of the look-ahead, "Avoid large message backlogs
  with the same message group ID".
- Kinesis: API reference of `PutRecords`, `PutRecordsRequestEntry`; developer guide, "Handle large
  records": since October 2025 a stream may be set to records of 10 MiB. Its default stays 1 MiB,
  and ours keep it. A call takes 10 MiB since then, 5 MiB before; we rely on no more than 5.
- API Gateway: "Quotas for configuring and running a WebSocket API": a frame beyond 32 KB closes the
  connection with code 1009; API reference of `PostToConnection` (128 KB).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

DYNAMODB_TRANSACTION_ACTIONS = 100
DYNAMODB_TRANSACTION_BYTES = 4 * 1024 * 1024
DYNAMODB_ITEM_BYTES = 400 * 1024
DYNAMODB_NUMBER_DIGITS = 38
DYNAMODB_BATCH_GET_KEYS = 100
DYNAMODB_BATCH_WRITE_ITEMS = 25

SQS_MESSAGE_BYTES = 1024 * 1024
SQS_BATCH_MESSAGES = 10
SQS_BATCH_BYTES = 1024 * 1024
SQS_ID_CHARACTERS = 128
"""Maximum length of a group id and of a deduplication id."""
SQS_FIFO_LOOK_AHEAD = 120_000
"""How many of a FIFO queue's oldest messages SQS searches for a free group."""

KINESIS_RECORD_BYTES = 1024 * 1024
"""Maximum size of data and partition key together."""
KINESIS_CALL_RECORDS = 500
KINESIS_CALL_BYTES = 5 * 1024 * 1024
KINESIS_KEY_CHARACTERS = 256

SOCKET_MESSAGE_BYTES = 128 * 1024
SOCKET_FRAME_BYTES = 32 * 1024


def breach(operation: str, request: Mapping[str, Any]) -> str | None:
    """Returns the error code with which AWS rejects a request for its size; None if it fits.

    For an update, only the key and the values that it writes are counted: the item is not known. A
    fake that has the item measures it with `item_bytes`.

    Args:
        operation: The SDK client's name for it; an operation without a limit is never rejected.
        request: The call's parameters.
    """
    check = _CHECKS.get(operation)
    return check(request) if check is not None else None


def item_bytes(item: Mapping[str, Any]) -> int:
    """Returns an item's size as DynamoDB counts it, by its guide's "Item sizes and formats"."""
    return sum(len(name.encode()) + _attribute_bytes(value) for name, value in item.items())


def _attribute_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(value)
        case "N":
            return (len(_digits(value)) + 1) // 2 + 1
        case "SS" | "BS" | "NS":
            return sum(_attribute_bytes({kind[0]: one}) for one in value)
        case "M":
            return 3 + len(value) + item_bytes(value)
        case "L":
            return 3 + len(value) + sum(_attribute_bytes(one) for one in value)
        case _:
            return 1


def _digits(number: str) -> str:
    mantissa = number.lower().partition("e")[0]
    return mantissa.lstrip("-+").replace(".", "").strip("0")


def _is_long(number: str) -> bool:
    # Nearly all are so short that their digits need not be counted.
    return len(number) > DYNAMODB_NUMBER_DIGITS and len(_digits(number)) > DYNAMODB_NUMBER_DIGITS


def _has_long_number(attribute: Mapping[str, Any]) -> bool:
    ((kind, value),) = attribute.items()
    match kind:
        case "N":
            return _is_long(value)
        case "NS":
            return any(map(_is_long, value))
        case "M":
            return any(map(_has_long_number, value.values()))
        case "L":
            return any(map(_has_long_number, value))
        case _:
            return False


def _transaction(request: Mapping[str, Any]) -> str | None:
    writes = [write for action in request["TransactItems"] for write in action.values()]
    items = [write.get("Item") or {**write.get("Key", {}), **_written(write)} for write in writes]
    values = [write.get("ExpressionAttributeValues", {}) for write in writes]
    sizes = [item_bytes(item) for item in items]
    if (
        len(writes) > DYNAMODB_TRANSACTION_ACTIONS
        or sum(sizes) > DYNAMODB_TRANSACTION_BYTES
        or any(_has_long_number(one) for part in (*items, *values) for one in part.values())
    ):
        return "ValidationException"
    return "TransactionCanceledException" if max(sizes) > DYNAMODB_ITEM_BYTES else None


def _item(request: Mapping[str, Any]) -> str | None:
    item = request["Item"]
    if item_bytes(item) > DYNAMODB_ITEM_BYTES or any(map(_has_long_number, item.values())):
        return "ValidationException"
    return None


def _update(request: Mapping[str, Any]) -> str | None:
    values = request.get("ExpressionAttributeValues", {}).values()
    size = item_bytes({**request["Key"], **_written(request)})
    if size > DYNAMODB_ITEM_BYTES or any(map(_has_long_number, values)):
        return "ValidationException"
    return None


def _written(update: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values that an update writes to its item, by attribute name."""
    values = update.get("ExpressionAttributeValues", {})
    names = set(re.findall(r":\w+", update.get("UpdateExpression", "")))
    return {name: value for name, value in values.items() if name in names}


def _query(request: Mapping[str, Any]) -> str | None:
    values = request["ExpressionAttributeValues"].values()
    return "ValidationException" if any(map(_has_long_number, values)) else None


def _batch_get(request: Mapping[str, Any]) -> str | None:
    keys = sum(len(table["Keys"]) for table in request["RequestItems"].values())
    return "ValidationException" if keys > DYNAMODB_BATCH_GET_KEYS else None


def _batch_write(request: Mapping[str, Any]) -> str | None:
    writes = [one for table in request["RequestItems"].values() for one in table]
    puts = [one["PutRequest"] for one in writes if "PutRequest" in one]
    if len(writes) > DYNAMODB_BATCH_WRITE_ITEMS:
        return "ValidationException"
    return next((code for put in puts if (code := _item(put))), None)


def _message(request: Mapping[str, Any]) -> str | None:
    ids = (request.get("MessageGroupId", ""), request.get("MessageDeduplicationId", ""))
    too_large = len(request["MessageBody"].encode()) > SQS_MESSAGE_BYTES
    too_long = max(map(len, ids)) > SQS_ID_CHARACTERS
    return "InvalidParameterValue" if too_large or too_long else None


def _message_batch(request: Mapping[str, Any]) -> str | None:
    entries = request["Entries"]
    if len(entries) > SQS_BATCH_MESSAGES:
        return "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"
    if _total(entry.get("MessageBody", "").encode() for entry in entries) > SQS_BATCH_BYTES:
        return "AWS.SimpleQueueService.BatchRequestTooLong"
    sent = (entry for entry in entries if "MessageBody" in entry)
    return next((code for entry in sent if (code := _message(entry))), None)


def _reception(request: Mapping[str, Any]) -> str | None:
    expected = request.get("MaxNumberOfMessages", 1)
    return None if 1 <= expected <= SQS_BATCH_MESSAGES else "InvalidParameterValue"


def _records(request: Mapping[str, Any]) -> str | None:
    records = request["Records"]
    sizes = [len(one["Data"]) + len(one["PartitionKey"].encode()) for one in records]
    keys = [len(one["PartitionKey"]) for one in records]
    if (
        not 0 < len(records) <= KINESIS_CALL_RECORDS
        or max(sizes) > KINESIS_RECORD_BYTES
        or not all(1 <= key <= KINESIS_KEY_CHARACTERS for key in keys)
    ):
        return "ValidationException"
    return "InvalidArgumentException" if sum(sizes) > KINESIS_CALL_BYTES else None


def _post(request: Mapping[str, Any]) -> str | None:
    return "PayloadTooLargeException" if len(request["Data"]) > SOCKET_MESSAGE_BYTES else None


def _total(bodies: Iterable[bytes]) -> int:
    return sum(map(len, bodies))


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "transact_write_items": _transaction,
    "put_item": _item,
    "update_item": _update,
    "query": _query,
    "batch_get_item": _batch_get,
    "batch_write_item": _batch_write,
    "send_message": _message,
    "send_message_batch": _message_batch,
    "delete_message_batch": _message_batch,
    "change_message_visibility_batch": _message_batch,
    "receive_message": _reception,
    "put_records": _records,
    "post_to_connection": _post,
}
