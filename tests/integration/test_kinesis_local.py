"""The behaviour of kinesis-local on which the tests of resharding rely."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sim.local_cloud.resources import local_session
from tests.support.kinesis_local import running_kinesis_local
from tests.support.ministack_process import REGION
from tests.support.resharding import Stream


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running_kinesis_local(tmp_path) as url:
        yield url


@pytest.mark.skipif(sys.platform != "linux", reason="seen in /proc")
def test_kinesis_local_listens_on_loopback_only(url: str) -> None:
    port = urlsplit(url).port
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]

    assert [one for one in listening if int(one.rsplit(":", 1)[1], 16) == port] == [
        f"0100007F:{port:04X}"
    ]


def test_the_records_of_a_shard_stay_readable_after_it_was_split(url: str) -> None:
    kinesis = local_session(REGION).client("kinesis", endpoint_url=url)
    stream = Stream.created(kinesis, "s", shards=1)
    kinesis.put_record(StreamName="s", PartitionKey="a", Data=b"before")
    (parent,) = stream.open_shards()
    stream.split(parent)
    kinesis.put_record(StreamName="s", PartitionKey="a", Data=b"after")

    assert len(stream.open_shards()) == 2
    assert {shard.get("ParentShardId") for shard in stream.open_shards()} == {parent["ShardId"]}
    assert [record["Data"] for record in stream.records(parent)] == [b"before"]
    assert [
        record["Data"] for shard in stream.open_shards() for record in stream.records(shard)
    ] == [b"after"]
