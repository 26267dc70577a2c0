"""The limits of AWS, and requests that just reach each of them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from sim.local_cloud.resources import CreatedResources
from tests.fakes import aws_limits as limits
from tests.support.deliveries import unique

Request = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A limit, and requests that just reach it or exceed it."""

    name: str
    service: str
    operation: str
    limit: int
    request: Callable[[int, CreatedResources], Request]
    within: int = 0
    """How far the request stays below the limit, if the emulator counts more than AWS."""
    beyond: int = 1
    """How far the other request exceeds the limit."""
    is_emulated: bool = True
    """Whether the emulator enforces the limit; if not, only the allowed request is tested."""


def _event(note: str = "", **more: Any) -> dict[str, Any]:
    return {"delivery_id": {"S": unique("D")}, "version": {"N": "1"}, "note": {"S": note}, **more}


def _puts(count: int, created: CreatedResources) -> Request:
    table = created.names.tables.delivery_events
    puts = [{"Put": {"TableName": table, "Item": _event()}} for _ in range(count)]
    return {"TransactItems": puts}


def _transaction_of_bytes(size: int, created: CreatedResources) -> Request:
    table = created.names.tables.delivery_events
    items = [_event() for _ in range(16)]
    left = size - sum(map(limits.item_bytes, items))
    for number, item in enumerate(items):
        item["note"]["S"] = "x" * (left // 16 + (left % 16 if number == 0 else 0))
    return {"TransactItems": [{"Put": {"TableName": table, "Item": item}} for item in items]}


def _item(size: int, created: CreatedResources) -> Request:
    item = _event()
    item["note"]["S"] = "x" * (size - limits.item_bytes(item))
    return {"TableName": created.names.tables.delivery_events, "Item": item}


def _number(digits: int, created: CreatedResources) -> Request:
    item = _event(number={"N": "1" * digits})
    return {"TableName": created.names.tables.delivery_events, "Item": item}


def _update(created: CreatedResources, value: dict[str, Any]) -> Request:
    return {
        "TableName": created.names.tables.truck_matches,
        "Key": {"truck_id": {"S": unique("T")}},
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": value},
    }


def _updated_number(digits: int, created: CreatedResources) -> Request:
    return _update(created, {"N": "1" * digits})


def _updated_item(size: int, created: CreatedResources) -> Request:
    key = _update(created, {"S": ""})["Key"]
    return _update(created, {"S": "x" * (size - limits.item_bytes({**key, ":n": {"S": ""}}))})


def _updated_together(size: int, created: CreatedResources) -> Request:
    return {"TransactItems": [{"Update": _updated_item(size, created)}]}


def _set_of_strings(size: int, created: CreatedResources) -> Request:
    item = _event(strings={"SS": ["x"]})
    item["strings"]["SS"].append("y" * (size - limits.item_bytes(item)))
    return {"TableName": created.names.tables.delivery_events, "Item": item}


def _set_of_numbers(digits: int, created: CreatedResources) -> Request:
    item = _event(numbers={"NS": ["1" * digits, "2"]})
    return {"TableName": created.names.tables.delivery_events, "Item": item}


def _binary(size: int, created: CreatedResources) -> Request:
    item = _event(binary={"B": b""}, binaries={"BS": [b"x"]})
    left = size - limits.item_bytes(item)
    item["binary"]["B"] = b"x" * (left // 2)
    item["binaries"]["BS"].append(b"y" * (left - left // 2))
    return {"TableName": created.names.tables.delivery_events, "Item": item}


def _requested_number(digits: int, created: CreatedResources) -> Request:
    return {
        "TableName": created.names.tables.delivery_events,
        "KeyConditionExpression": "delivery_id = :delivery AND version > :after",
        "ExpressionAttributeValues": {
            ":delivery": {"S": unique("D")},
            ":after": {"N": "9" * digits},
        },
    }


def _keys(count: int, created: CreatedResources) -> Request:
    keys = [{"delivery_id": {"S": unique("D")}} for _ in range(count)]
    return {"RequestItems": {created.names.tables.deliveries: {"Keys": keys}}}


def _batch_puts(count: int, created: CreatedResources) -> Request:
    puts = [{"PutRequest": {"Item": _event()}} for _ in range(count)]
    return {"RequestItems": {created.names.tables.delivery_events: puts}}


def _message(**changed: Any) -> Request:
    return {
        "MessageBody": "{}",
        "MessageGroupId": unique("D"),
        "MessageDeduplicationId": unique("D"),
        **changed,
    }


def _to_queue(created: CreatedResources, **changed: Any) -> Request:
    return {"QueueUrl": created.queue_urls["limits"], **_message(**changed)}


def _body(size: int, created: CreatedResources) -> Request:
    return _to_queue(created, MessageBody="x" * size)


def _group_id(length: int, created: CreatedResources) -> Request:
    return _to_queue(created, MessageGroupId="g" * length)


def _deduplication_id(length: int, created: CreatedResources) -> Request:
    return _to_queue(created, MessageDeduplicationId=unique("D").ljust(length, "d"))


def _messages(count: int, created: CreatedResources) -> Request:
    entries = [{"Id": str(number), **_message()} for number in range(count)]
    return {"QueueUrl": created.queue_urls["limits"], "Entries": entries}


def _message_bytes(size: int, created: CreatedResources) -> Request:
    request = _messages(2, created)
    for entry, part in zip(request["Entries"], (size // 2, size - size // 2), strict=True):
        entry["MessageBody"] = "x" * part
    return request


def _poll(count: int, created: CreatedResources) -> Request:
    return {"QueueUrl": created.queue_urls["limits"], "MaxNumberOfMessages": count}


def _records(count: int, created: CreatedResources) -> Request:
    records = [{"PartitionKey": "T", "Data": b"{}"} for _ in range(count)]
    return {"StreamName": created.names.stream, "Records": records}


def _record(size: int, created: CreatedResources) -> Request:
    record = {"PartitionKey": "T", "Data": b"x" * (size - 1)}
    return {"StreamName": created.names.stream, "Records": [record]}


def _call_bytes(size: int, created: CreatedResources) -> Request:
    request = _records(6, created)
    left = size - 6
    for number, record in enumerate(request["Records"]):
        record["Data"] = b"x" * (left // 6 + (left % 6 if number == 0 else 0))
    return request


def _key(length: int, created: CreatedResources) -> Request:
    record = {"PartitionKey": "T" * length, "Data": b"{}"}
    return {"StreamName": created.names.stream, "Records": [record]}


_dynamodb = functools.partial(Case, service="dynamodb")
_kinesis = functools.partial(Case, service="kinesis")
_sqs = functools.partial(Case, service="sqs")

CASES = (
    _dynamodb(
        name="transaction-actions",
        operation="transact_write_items",
        limit=limits.DYNAMODB_TRANSACTION_ACTIONS,
        request=_puts,
    ),
    _dynamodb(
        name="transaction-bytes",
        operation="transact_write_items",
        limit=limits.DYNAMODB_TRANSACTION_BYTES,
        request=_transaction_of_bytes,
        within=8_192,  # the whole request as JSON
    ),
    _dynamodb(
        name="item-bytes",
        operation="put_item",
        limit=limits.DYNAMODB_ITEM_BYTES,
        request=_item,
    ),
    _dynamodb(
        name="item-bytes-of-strings",
        operation="put_item",
        limit=limits.DYNAMODB_ITEM_BYTES,
        request=_set_of_strings,
    ),
    _dynamodb(
        name="item-bytes-of-binaries",
        operation="put_item",
        limit=limits.DYNAMODB_ITEM_BYTES,
        request=_binary,
    ),
    _dynamodb(
        name="item-bytes-of-an-update",
        operation="update_item",
        limit=limits.DYNAMODB_ITEM_BYTES,
        request=_updated_item,
        within=64,  # the emulator counts the expression, too
    ),
    _dynamodb(
        name="item-bytes-of-an-update-of-a-transaction",
        operation="transact_write_items",
        limit=limits.DYNAMODB_ITEM_BYTES,
        request=_updated_together,
        beyond=2,  # the fake counts the placeholder, which is a byte longer than the name
    ),
    _dynamodb(
        name="number-digits",
        operation="put_item",
        limit=limits.DYNAMODB_NUMBER_DIGITS,
        request=_number,
    ),
    _dynamodb(
        name="number-digits-of-a-set",
        operation="put_item",
        limit=limits.DYNAMODB_NUMBER_DIGITS,
        request=_set_of_numbers,
    ),
    _dynamodb(
        name="number-digits-of-an-update",
        operation="update_item",
        limit=limits.DYNAMODB_NUMBER_DIGITS,
        request=_updated_number,
    ),
    _dynamodb(
        name="number-digits-of-a-query",
        operation="query",
        limit=limits.DYNAMODB_NUMBER_DIGITS,
        request=_requested_number,
    ),
    _dynamodb(
        name="keys-read-at-once",
        operation="batch_get_item",
        limit=limits.DYNAMODB_BATCH_GET_KEYS,
        request=_keys,
    ),
    _dynamodb(
        name="items-written-at-once",
        operation="batch_write_item",
        limit=limits.DYNAMODB_BATCH_WRITE_ITEMS,
        request=_batch_puts,
    ),
    _sqs(
        name="message-bytes",
        operation="send_message",
        limit=limits.SQS_MESSAGE_BYTES,
        request=_body,
    ),
    _sqs(
        name="message-group-id",
        operation="send_message",
        limit=limits.SQS_ID_CHARACTERS,
        request=_group_id,
        is_emulated=False,
    ),
    _sqs(
        name="message-deduplication-id",
        operation="send_message",
        limit=limits.SQS_ID_CHARACTERS,
        request=_deduplication_id,
        is_emulated=False,
    ),
    _sqs(
        name="messages-sent-at-once",
        operation="send_message_batch",
        limit=limits.SQS_BATCH_MESSAGES,
        request=_messages,
    ),
    _sqs(
        name="message-batch-bytes",
        operation="send_message_batch",
        limit=limits.SQS_BATCH_BYTES,
        request=_message_bytes,
    ),
    _sqs(
        name="messages-received-at-once",
        operation="receive_message",
        limit=limits.SQS_BATCH_MESSAGES,
        request=_poll,
    ),
    _kinesis(
        name="records-put-at-once",
        operation="put_records",
        limit=limits.KINESIS_CALL_RECORDS,
        request=_records,
    ),
    _kinesis(
        name="record-bytes",
        operation="put_records",
        limit=limits.KINESIS_RECORD_BYTES,
        request=_record,
        beyond=2,  # the emulator counts the data without the key of one byte
    ),
    _kinesis(
        name="put-bytes",
        operation="put_records",
        limit=limits.KINESIS_CALL_BYTES,
        request=_call_bytes,
    ),
    _kinesis(
        name="partition-key",
        operation="put_records",
        limit=limits.KINESIS_KEY_CHARACTERS,
        request=_key,
    ),
)
