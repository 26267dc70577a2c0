"""A shard of a Kinesis stream whose records Lambda passes to a function in batches."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class FakeEventSource:
    """Stands for an event source mapping with ``ReportBatchItemFailures``, and never gives up.

    AWS Lambda Developer Guide, "Configuring partial batch response with Kinesis Data Streams and
    Lambda": the batch is repeated from the lowest sequence number that the response names; an
    error, or an entry that names none of the batch, repeats all of it; no entry is success.

    Attributes:
        deliveries: How many records each invocation was given.
    """

    def __init__(self, handler: Handler, *, batch_size: int = 100) -> None:
        self._handler = handler
        self._batch_size = batch_size
        self._records: list[tuple[str, str, bytes, int]] = []
        self._done = 0
        self.deliveries: list[int] = []

    def put(
        self, partition_key: str, data: bytes, *, arrived_at_ms: int = 1_795_503_168_120
    ) -> str:
        """Adds a record, and returns its sequence number."""
        number = f"{49_590_338_271_490_256_608_559_692_538_361_571_095 + len(self._records)}"
        self._records.append((partition_key, number, data, arrived_at_ms))
        return number

    @property
    def waiting(self) -> int:
        """Records that have not been processed yet."""
        return len(self._records) - self._done

    def deliver(self) -> Mapping[str, Any]:
        """Invokes the function once, and returns its response.

        Raises:
            Exception: The function raised it.
        """
        batch = self._records[self._done : self._done + self._batch_size]
        self.deliveries.append(len(batch))
        response = self._handler({"Records": [_event_record(*one) for one in batch]})
        numbers = [number for _, number, _, _ in batch]
        failed = [one["itemIdentifier"] for one in response["batchItemFailures"]]
        if all(one in numbers for one in failed):
            self._done += min(map(numbers.index, failed), default=len(batch))
        return response


def _event_record(
    partition_key: str, sequence_number: str, data: bytes, arrived_at_ms: int
) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": sequence_number,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": arrived_at_ms / 1_000,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/rtdts-dev-iot",
        "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/device-messages",
    }
