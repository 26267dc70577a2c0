"""How long the stream keeps what it took: until then nobody can take anything out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class DescribingClient(Protocol):
    """What is used of the SDK's Kinesis client."""

    def describe_stream_summary(self, **request: Any) -> Mapping[str, Any]:
        """``DescribeStreamSummary``."""
        ...


class StreamRetention:
    """The retention of one stream."""

    def __init__(self, client: DescribingClient, stream_name: str) -> None:
        self._client = client
        self._stream_name = stream_name

    def hours(self) -> int:
        """Its retention in hours.

        Raises:
            botocore.exceptions.ClientError: There is no such stream, or it is not ours to see.
            botocore.exceptions.BotoCoreError: Kinesis could not be reached.
        """
        response = self._client.describe_stream_summary(StreamName=self._stream_name)
        return int(response["StreamDescriptionSummary"]["RetentionPeriodHours"])
