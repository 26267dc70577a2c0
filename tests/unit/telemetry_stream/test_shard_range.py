from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rtdts.telemetry_stream.shard_range import (
    ANY_KEY,
    LAST_HASH_KEY,
    ShardRange,
    ShardRanges,
    hash_key,
)
from tests.fakes.scripted_client import AnyClient

MIDDLE = 2**127


class Lister(AnyClient):
    """Lists two shards, each on a page of its own."""

    def __init__(self) -> None:
        self.requested: list[Mapping[str, Any]] = []

    def list_shards(self, **request: Any) -> Mapping[str, Any]:
        self.requested.append(request)
        if "NextToken" in request:
            return {"Shards": [shard("shardId-1", MIDDLE, LAST_HASH_KEY)]}
        return {"Shards": [shard("shardId-0", 0, MIDDLE - 1)], "NextToken": "more"}


def shard(shard_id: str, first: int, last: int) -> Mapping[str, Any]:
    keys = {"StartingHashKey": str(first), "EndingHashKey": str(last)}
    return {"ShardId": shard_id, "HashKeyRange": keys}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a", 0x0CC175B9C0F1B6A831C399E269772661),
        ("☎", 0x141A43F03F89977E482D93903D5713BF),
    ],
)
def test_a_key_is_hashed_as_kinesis_does(key: str, expected: int) -> None:
    assert hash_key(key) == expected


def test_a_range_includes_both_its_ends() -> None:
    at = hash_key("a")

    assert ShardRange(first=at, last=at).contains("a")
    assert not ShardRange(first=at + 1, last=LAST_HASH_KEY).contains("a")
    assert not ShardRange(first=0, last=at - 1).contains("a")
    assert ANY_KEY.contains("a")


def test_a_shard_is_found_on_any_page() -> None:
    lister = Lister()

    found = ShardRanges(lister, "s").of_shard("shardId-1")

    assert found == ShardRange(first=MIDDLE, last=LAST_HASH_KEY)
    assert lister.requested == [{"StreamName": "s"}, {"NextToken": "more"}]


def test_a_shard_that_the_stream_no_longer_lists_has_no_range() -> None:
    assert ShardRanges(Lister(), "s").of_shard("shardId-7") is None
