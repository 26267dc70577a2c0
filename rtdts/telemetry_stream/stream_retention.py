"""The retention of the stream: how long a record stays; it can't be deleted before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class DescribingClient(Protocol):
    """The part of the SDK's Kinesis client that is used."""

    def describe_stream_summary(self, **request: Any) -> Mapping[str, Any]:
        """``DescribeStreamSummary``."""
        ...


class StreamRetention:
    """The retention of one stream."""

    def __init__(self, client: DescribingClient, stream_name: str) -> None:
        self._client = client
        self._stream_name = stream_name

    def hours(self) -> int:
        """Returns its retention in hours.

        Raises:
            botocore.exceptions.ClientError: The stream does not exist, or access is denied.
            botocore.exceptions.BotoCoreError: Kinesis could not be reached.
        """
        response = self._client.describe_stream_summary(StreamName=self._stream_name)
        return int(response["StreamDescriptionSummary"]["RetentionPeriodHours"])
