"""Reads every shard of a stream in order, from the last position on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING

from sim.local_cloud.firehose_documents import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

READ_LIMIT = 1_000
"""Records per call: with 500 points in each this is a lot already."""


def stream_identity(client: KinesisClient, stream_name: str) -> str:
    """Identifies a stream; one created again under the same name gets another identity."""
    summary = client.describe_stream_summary(StreamName=stream_name)["StreamDescriptionSummary"]
    return f"{summary['StreamARN']} {summary['StreamCreationTimestamp'].isoformat()}"


class StreamReader:
    """A cursor over all shards of a stream, its children included once their parents end.

    Args:
        client: Kinesis.
        stream_name: The stream.
        positions: The last sequence number read of each shard; a shard without one is read from
            its beginning.
    """

    def __init__(
        self, client: KinesisClient, stream_name: str, positions: Mapping[str, str]
    ) -> None:
        self._client = client
        self._stream_name = stream_name
        self._positions = dict(positions)
        self._iterators: dict[str, str | None] = {}
        self._discover()

    def read(self) -> list[StreamRecord]:
        """Makes one call per shard: returns the records since the last call."""
        found: list[StreamRecord] = []
        open_shards = [shard for shard, iterator in self._iterators.items() if iterator]
        for shard_id in open_shards:
            found += self._read_shard(shard_id)
        if not all(self._iterators[shard_id] for shard_id in open_shards):
            self._discover()  # a shard has just ended, so it has children
        return found

    def _discover(self) -> None:
        pages = self._client.get_paginator("list_shards").paginate(StreamName=self._stream_name)
        for shard in (shard for page in pages for shard in page["Shards"]):
            if shard["ShardId"] not in self._iterators:
                self._iterators[shard["ShardId"]] = self._iterator(shard["ShardId"])

    def _iterator(self, shard_id: str) -> str:
        position = self._positions.get(shard_id)
        if position is None:
            return self._client.get_shard_iterator(
                StreamName=self._stream_name,
                ShardId=shard_id,
                ShardIteratorType="TRIM_HORIZON",
            )["ShardIterator"]
        return self._client.get_shard_iterator(
            StreamName=self._stream_name,
            ShardId=shard_id,
            ShardIteratorType="AFTER_SEQUENCE_NUMBER",
            StartingSequenceNumber=position,
        )["ShardIterator"]

    def _read_shard(self, shard_id: str) -> list[StreamRecord]:
        try:
            response = self._client.get_records(
                ShardIterator=self._iterators[shard_id] or "", Limit=READ_LIMIT
            )
        except self._client.exceptions.ExpiredIteratorException:
            # A delivery took longer than the five minutes for which an iterator is valid.
            self._iterators[shard_id] = self._iterator(shard_id)
            return []
        except self._client.exceptions.ProvisionedThroughputExceededException:
            return []
        # None when a shard was closed by a reshard and has been read to its end.
        self._iterators[shard_id] = response.get("NextShardIterator")
        records = [
            StreamRecord(
                shard_id=shard_id,
                sequence_number=record["SequenceNumber"],
                partition_key=record["PartitionKey"],
                data=record["Data"],
                arrived_at=record["ApproximateArrivalTimestamp"].astimezone(UTC),
            )
            for record in response["Records"]
        ]
        if records:
            self._positions[shard_id] = records[-1].sequence_number
        return records
