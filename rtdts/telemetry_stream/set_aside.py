"""Batches of device messages that Lambda could not process, set aside in S3.

An object is the record of an invocation, with the whole event in its ``payload`` (AWS Lambda
Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event source"). What a
truck sent beyond its quota is set aside in the same form, so that it is listed, replayed and erased
in the same way.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from rtdts.telemetry_stream.backup_format import BrokenObjectError, is_about
from rtdts.telemetry_stream.bucket_objects import BucketObjects, ObjectEntry, rewrite
from rtdts.telemetry_stream.device_stream import DeviceRecord

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "aws/lambda/"
"""The prefix that Lambda chooses: ``aws/lambda/MAPPING/SHARD/…``."""


_OVER_QUOTA: Final = f"{PREFIX}over-quota/"


def set_aside_over_quota(
    client: S3Client, bucket: str, truck_id: str, number: str, records: Sequence[bytes]
) -> None:
    """Sets aside what a truck sent beyond its quota, as one object.

    Args:
        client: The SDK's S3 client.
        bucket: The bucket.
        truck_id: The truck.
        number: The first record's sequence number: always the same for the same records.
        records: The records as they were in the stream.

    Raises:
        botocore.exceptions.ClientError: The bucket rejected it.
        botocore.exceptions.BotoCoreError: The bucket could not be reached.
    """
    event = {
        "Records": [
            {"kinesis": {"partitionKey": truck_id, "data": base64.b64encode(one).decode()}}
            for one in records
        ]
    }
    client.put_object(
        Bucket=bucket,
        Key=f"{_OVER_QUOTA}{truck_id}/{number}",
        Body=json.dumps({"payload": event}).encode(),
        ContentType="application/json",
        Metadata={"reason": "over_quota"},
    )


class SetAsideBatches:
    """The batches of a bucket."""

    def __init__(self, objects: BucketObjects) -> None:
        self._objects = objects

    def entries(self) -> Iterator[ObjectEntry]:
        """Yields the batches by key: within a shard, in the order in which they were set aside."""
        return self._objects.entries(PREFIX)

    def messages(self, key: str) -> list[DeviceRecord]:
        """Returns a batch's messages, as they were in the stream.

        Raises:
            BrokenObjectError: The object can't be read, or names the batch without its messages.
        """
        batch = _Batch.of(self._objects.read(key).body)
        if batch is None:
            raise BrokenObjectError("it names the batch without its messages")
        return batch.messages()

    def remove(self, key: str) -> None:
        """Removes a batch; an older version of the object keeps its content for some days."""
        self._objects.remove(key)

    def erase_truck(self, truck_id: str, *, dry_run: bool) -> Iterator[tuple[str, int]]:
        """Rewrites each batch without a truck's messages; no version with them is left.

        See `FirehoseBackup.erase_truck`.
        """
        return rewrite(
            self._objects,
            (PREFIX,),
            lambda _, body: without_truck(body, truck_id),
            dry_run=dry_run,
        )


def without_truck(body: bytes, truck_id: str) -> tuple[bytes, int]:
    """Returns a batch without a truck's messages (maybe empty), and how many were removed.

    Raises:
        BrokenObjectError: It can't be read.
    """
    batch = _Batch.of(body)
    if batch is None:
        return body, 0
    kept = [
        record
        for record, message in zip(batch.records, batch.messages(), strict=True)
        if not is_about(message.data, truck_id)
    ]
    lost = len(batch.records) - len(kept)
    if not lost:
        return body, 0
    return batch.with_records(kept) if kept else b"", lost


class _Batch(NamedTuple):
    """A decoded record of an invocation."""

    invocation: dict[str, Any]
    event: dict[str, Any]
    """The event that the function received: the payload."""
    records: list[Any]

    @classmethod
    def of(cls, body: bytes) -> _Batch | None:
        """Decodes an object; returns None if it names the batch without its messages.

        Raises:
            BrokenObjectError: The object can't be read.
        """
        with _broken_if_unreadable():
            invocation: Any = json.loads(body)
            payload = invocation.get("payload")
            if payload is None:
                return None
            event = json.loads(payload) if isinstance(payload, str) else payload
            return cls(invocation, event, event["Records"])

    def messages(self) -> list[DeviceRecord]:
        """Returns the batch's messages.

        Raises:
            BrokenObjectError: A message can't be read.
        """
        with _broken_if_unreadable():
            return [
                DeviceRecord(
                    record["kinesis"]["partitionKey"],
                    base64.b64decode(record["kinesis"]["data"], validate=True),
                )
                for record in self.records
            ]

    def with_records(self, records: list[Any]) -> bytes:
        """Returns the object with these records, its payload in the same form as before."""
        event: Any = self.event | {"Records": records}
        if isinstance(self.invocation["payload"], str):
            event = json.dumps(event)
        return json.dumps(self.invocation | {"payload": event}).encode()


@contextlib.contextmanager
def _broken_if_unreadable() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise BrokenObjectError(f"not a record of an invocation: {error!r}") from error
