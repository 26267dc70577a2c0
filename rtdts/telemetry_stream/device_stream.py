"""The device stream that AWS IoT Core's rule writes to: one record per message, not aggregated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class DeviceRecord(NamedTuple):
    """A record of the device stream."""

    truck_id: str
    """The partition key, as in IoT Core's rule: a truck's messages stay in order."""
    data: bytes


class DeviceStream:
    """Puts records into the device stream; what the SDK raises passes through."""

    def __init__(self, client: KinesisClient, stream_name: str) -> None:
        self._client = client
        self._stream_name = stream_name

    def put_messages(self, records: Sequence[DeviceRecord]) -> list[str | None]:
        """Makes one attempt to put a few records.

        Args:
            records: At most as many as one call accepts.

        Returns:
            For each record its error code; None for one that is in the stream.
        """
        response = self._client.put_records(
            StreamName=self._stream_name,
            Records=[{"Data": one.data, "PartitionKey": one.truck_id} for one in records],
        )
        results = response.get("Records", ())
        if len(results) != len(records):
            # Cut off: the SDK returns an empty response when it can't parse one.
            return ["UnreadableResponse"] * len(records)
        return [one.get("ErrorCode") for one in results]
