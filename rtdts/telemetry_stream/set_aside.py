"""Batches of device messages that Lambda could not have processed, and set aside in S3.

An object is the record of an invocation, with the whole event in its ``payload`` (AWS Lambda
Developer Guide, "Retain discarded batch records for a Kinesis Data Streams event source"). How one
is handed to the function again is in docs/operations.md; here a truck is erased from them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from rtdts.telemetry_stream.backup_format import BrokenObjectError, is_about
from rtdts.telemetry_stream.bucket_objects import BucketObjects, rewrite

PREFIX: Final = "aws/lambda/"
"""Lambda's choice: ``aws/lambda/MAPPING/SHARD/…``."""


class SetAsideBatches:
    """The batches of a bucket."""

    def __init__(self, objects: BucketObjects) -> None:
        self._objects = objects

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
    """A batch without a truck's messages, and how many it lost; empty when none is left.

    Raises:
        BrokenObjectError: It can't be read.
    """
    try:
        invocation: Any = json.loads(body)
        payload = invocation.get("payload")
        if payload is None:
            return body, 0  # it names the batch alone
        event = json.loads(payload) if isinstance(payload, str) else payload
        records = event["Records"]
        kept = [one for one in records if not is_about(_data(one), truck_id)]
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        raise BrokenObjectError(f"no record of an invocation: {error!r}") from error
    if len(kept) == len(records):
        return body, 0
    if not kept:
        return b"", len(records)
    event["Records"] = kept
    invocation["payload"] = json.dumps(event) if isinstance(payload, str) else event
    return json.dumps(invocation).encode(), len(records) - len(kept)


def _data(record: Any) -> bytes:
    return base64.b64decode(record["kinesis"]["data"], validate=True)
