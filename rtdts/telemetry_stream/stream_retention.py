"""The retention of the stream: how long a record stays; it can't be deleted before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient


class StreamRetention:
    """The retention of one stream."""

    def __init__(self, client: KinesisClient, stream_name: str) -> None:
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
