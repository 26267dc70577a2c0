"""Which partition keys belong to a shard.

Kinesis hashes a record's key, unless its writer sets an explicit hash key (``ExplicitHashKey``):
then the record may be in any shard.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

LAST_HASH_KEY = 2**128 - 1


class ShardRange(msgspec.Struct, frozen=True, kw_only=True):
    """The hash keys of a shard, both ends included."""

    first: int
    last: int

    def contains(self, partition_key: str) -> bool:
        """Returns whether records of this key, without an explicit hash key, are in the shard."""
        return self.first <= hash_key(partition_key) <= self.last


ANY_KEY = ShardRange(first=0, last=LAST_HASH_KEY)
NO_KEY = ShardRange(first=1, last=0)


def hash_key(partition_key: str) -> int:
    """Returns Kinesis' hash of a partition key: its MD5 as a number."""
    digest = md5(partition_key.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big")


class ShardRanges:
    """Reads the ranges of a stream's shards, including closed ones."""

    def __init__(self, client: KinesisClient, stream_name: str) -> None:
        self._client = client
        self._stream_name = stream_name

    def of_shard(self, shard_id: str) -> ShardRange | None:
        """Returns a shard's range; None when the stream no longer has the shard.

        Raises:
            botocore.exceptions.ClientError: Kinesis rejected the call.
            botocore.exceptions.BotoCoreError: Kinesis could not be reached.
        """
        request: dict[str, Any] = {"StreamName": self._stream_name}
        while True:
            response = self._client.list_shards(**request)
            for shard in response.get("Shards", []):
                if shard["ShardId"] == shard_id:
                    keys = shard["HashKeyRange"]
                    return ShardRange(
                        first=int(keys["StartingHashKey"]), last=int(keys["EndingHashKey"])
                    )
            if not response.get("NextToken"):
                return None
            request = {"NextToken": response["NextToken"]}  # the name must not be repeated
