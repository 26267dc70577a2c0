"""AWS batch requests whose entries can fail individually: splits them and builds responses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Set
from typing import Any

import msgspec

from sim.fault_shim.batches import Batch, Entry, Failures


class _PutRecords:
    """Kinesis: one result per record, in order."""

    def __init__(self, body: bytes) -> None:
        self._body = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        self._records = msgspec.json.decode(self._body["Records"], type=list[msgspec.Raw])
        keys = msgspec.json.decode(self._body["Records"], type=list[_Keyed])
        self.entries: tuple[Entry, ...] = tuple((each.PartitionKey,) for each in keys)

    def without(self, failing: Set[int]) -> bytes | None:
        kept = [record for place, record in enumerate(self._records) if place not in failing]
        if not kept:
            return None
        return msgspec.json.encode({**self._body, "Records": kept})

    def respond(self, upstream: bytes | None, failures: Failures) -> bytes:
        reported: dict[str, Any] = msgspec.json.decode(upstream) if upstream else {}
        taken = iter(reported.get("Records", ()))
        records = [
            {"ErrorCode": failures[place].code, "ErrorMessage": failures[place].message}
            if place in failures
            else next(taken)
            for place in range(len(self._records))
        ]
        failed = reported.get("FailedRecordCount", 0) + len(failures)
        return msgspec.json.encode({**reported, "FailedRecordCount": failed, "Records": records})


class _Keyed(msgspec.Struct):
    PartitionKey: str = ""


class _QueueBatch:
    """SQS: two lists, successful and failed entries, by the entries' own ids."""

    def __init__(self, body: bytes) -> None:
        self._body = msgspec.json.decode(body)
        self._entries: list[dict[str, Any]] = self._body["Entries"]
        about = ("MessageGroupId", "MessageDeduplicationId", "Id")
        self.entries: tuple[Entry, ...] = tuple(
            tuple(entry[name] for name in about if name in entry) for entry in self._entries
        )

    def without(self, failing: Set[int]) -> bytes | None:
        kept = [entry for place, entry in enumerate(self._entries) if place not in failing]
        return msgspec.json.encode({**self._body, "Entries": kept}) if kept else None

    def respond(self, upstream: bytes | None, failures: Failures) -> bytes:
        reported: dict[str, Any] = msgspec.json.decode(upstream) if upstream else {}
        failed = [
            {
                "Id": self._entries[place]["Id"],
                "SenderFault": False,
                "Code": failure.code,
                "Message": failure.message,
            }
            for place, failure in failures.items()
        ]
        reported.setdefault("Successful", [])
        return msgspec.json.encode(
            {**reported, "Failed": [*(reported.get("Failed") or ()), *failed]}
        )


class _TableBatch:
    """DynamoDB: unprocessed entries are returned as they were requested, by table."""

    def __init__(self, body: bytes, *, reads: bool) -> None:
        self._body = msgspec.json.decode(body)
        self._reads = reads
        self._requested = [
            (table, entry)
            for table, parsed in self._body["RequestItems"].items()
            for entry in (parsed["Keys"] if reads else parsed)
        ]
        self.entries: tuple[Entry, ...] = tuple(
            (table, *_key_texts(entry, reads=reads)) for table, entry in self._requested
        )

    def without(self, failing: Set[int]) -> bytes | None:
        kept = self._some(lambda place: place not in failing)
        return msgspec.json.encode({**self._body, "RequestItems": kept}) if kept else None

    def respond(self, upstream: bytes | None, failures: Failures) -> bytes:
        reported: dict[str, Any] = msgspec.json.decode(upstream) if upstream else {}
        name = "UnprocessedKeys" if self._reads else "UnprocessedItems"
        left = self._some(lambda place: place in failures)
        for table, entries in (reported.get(name) or {}).items():
            if not self._reads:
                left[table] = [*left.get(table, ()), *entries]
            elif table in left:
                left[table]["Keys"] += entries["Keys"]
            else:
                left[table] = entries
        if self._reads:
            reported.setdefault("Responses", {})
        return msgspec.json.encode({**reported, name: left})

    def _some(self, expected: Callable[[int], bool]) -> dict[str, Any]:
        some: dict[str, Any] = {}
        for place, (table, entry) in enumerate(self._requested):
            if expected(place):
                some.setdefault(table, []).append(entry)
        if not self._reads:
            return some
        parsed = self._body["RequestItems"]
        return {table: {**parsed[table], "Keys": keys} for table, keys in some.items()}


def _key_texts(entry: dict[str, Any], *, reads: bool) -> list[str]:
    if reads:
        attributes = entry
    elif "PutRequest" in entry:
        attributes = entry["PutRequest"]["Item"]
    else:
        attributes = entry["DeleteRequest"]["Key"]
    return [value[kind] for value in attributes.values() for kind in ("S", "N") if kind in value]


AWS_BATCHES: Mapping[tuple[str, str], Callable[[bytes], Batch]] = {
    ("kinesis", "PutRecords"): _PutRecords,
    ("sqs", "SendMessageBatch"): _QueueBatch,
    ("sqs", "DeleteMessageBatch"): _QueueBatch,
    ("sqs", "ChangeMessageVisibilityBatch"): _QueueBatch,
    ("dynamodb", "BatchWriteItem"): functools.partial(_TableBatch, reads=False),
    ("dynamodb", "BatchGetItem"): functools.partial(_TableBatch, reads=True),
}
"""The batch of a body, by service and operation; raises for a body of another form."""
