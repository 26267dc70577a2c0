"""A stream that is resharded, and the records in its shards."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from mypy_boto3_kinesis import KinesisClient
from mypy_boto3_kinesis.type_defs import RecordTypeDef, ShardTypeDef

from tests.support.waiting import eventually


@dataclasses.dataclass(frozen=True)
class Stream:
    """A test's own stream."""

    client: KinesisClient
    name: str

    @classmethod
    def created(cls, client: KinesisClient, name: str, *, shards: int) -> Stream:
        client.create_stream(StreamName=name, ShardCount=shards)
        stream = cls(client, name)
        stream._until_active()
        return stream

    def shards(self) -> list[ShardTypeDef]:
        """Returns all shards, including closed ones."""
        pages = self.client.get_paginator("list_shards").paginate(StreamName=self.name)
        return [shard for page in pages for shard in page["Shards"]]

    def open_shards(self) -> list[ShardTypeDef]:
        """Returns the open shards, in the order of their ranges."""
        parts = [s for s in self.shards() if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
        return sorted(parts, key=lambda shard: range_of(shard)[0])

    def split(self, shard: ShardTypeDef) -> None:
        """Splits a shard in the middle of its range, and waits until both children are open."""
        first, last = range_of(shard)
        self.client.split_shard(
            StreamName=self.name,
            ShardToSplit=shard["ShardId"],
            NewStartingHashKey=str((first + last) // 2 + 1),
        )
        self._until_active()

    def merge(self, shard: ShardTypeDef, neighbour: ShardTypeDef) -> None:
        """Merges two shards, and waits until their child is open."""
        self.client.merge_shards(
            StreamName=self.name,
            ShardToMerge=shard["ShardId"],
            AdjacentShardToMerge=neighbour["ShardId"],
        )
        self._until_active()

    def records(self, shard: ShardTypeDef) -> Iterator[RecordTypeDef]:
        """Returns all records in a shard so far."""
        iterator = self.client.get_shard_iterator(
            StreamName=self.name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            response = self.client.get_records(ShardIterator=iterator)
            yield from response["Records"]
            at_its_end = not response["Records"] and not response.get("MillisBehindLatest")
            iterator = "" if at_its_end else response.get("NextShardIterator", "")

    def _until_active(self) -> None:
        eventually(lambda: self._status() == "ACTIVE")

    def _status(self) -> str:
        reported = self.client.describe_stream_summary(StreamName=self.name)
        return reported["StreamDescriptionSummary"]["StreamStatus"]


def range_of(shard: ShardTypeDef) -> tuple[int, int]:
    """Returns the first and the last hash key of a shard."""
    keys = shard["HashKeyRange"]
    return int(keys["StartingHashKey"]), int(keys["EndingHashKey"])
