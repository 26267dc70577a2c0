"""A process that was given a shard reads its range from Kinesis first."""

from __future__ import annotations

import io

import pytest

from consumer.bootstrap import range_of
from consumer.errors import RetriesExhausted
from consumer.retrying import RetryPolicy
from rtdts.runtime.logs import Logger
from rtdts.telemetry_stream.shard_range import LAST_HASH_KEY, ShardRange, ShardRanges
from tests.fakes.fake_clock import FakeClock
from tests.fakes.scripted_client import ScriptedClient, client_error

BUDGET_S = 60.0
KEYS = {"StartingHashKey": "1", "EndingHashKey": str(LAST_HASH_KEY)}
FOUND = {"Shards": [{"ShardId": "shardId-0", "HashKeyRange": KEYS}]}


def range_reported_by(*script: object) -> ShardRange | None:
    clock, log = FakeClock(0), Logger("consumer", io.StringIO())
    retry_policy = RetryPolicy(BUDGET_S, log=log, clock=clock.monotonic, sleep=clock.advance)
    return range_of(
        "shardId-0", ShardRanges(ScriptedClient(*script), "telemetry"), retry_policy, log
    )


def test_reading_the_shards_range_is_retried_while_kinesis_is_unavailable() -> None:
    throttled = client_error("LimitExceededException")

    assert range_reported_by(throttled, client_error("InternalFailure", 500), FOUND) == ShardRange(
        first=1, last=LAST_HASH_KEY
    )


def test_reading_the_shards_range_is_given_up_when_kinesis_stays_unavailable() -> None:
    with pytest.raises(RetriesExhausted, match="list shards"):
        range_reported_by(*[client_error("InternalFailure", 500)] * 1_000)


def test_a_shard_that_is_older_than_the_streams_retention_has_no_known_range() -> None:
    assert range_reported_by({"Shards": []}) is None
