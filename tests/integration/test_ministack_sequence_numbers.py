"""A shard iterator starts where the KCL's checkpoint says, and the KCL drops leading zeros."""

from typing import Any

import pytest

from sim.local_cloud.resources import local_session
from tests.support.corrected_ministack import corrected_ministack
from tests.support.ministack_process import REGION


@pytest.mark.parametrize(
    ("kind", "left"), [("AFTER_SEQUENCE_NUMBER", 2), ("AT_SEQUENCE_NUMBER", 3)]
)
def test_an_iterator_starts_at_the_same_record_without_the_leading_zeros(
    tmp_path_factory: pytest.TempPathFactory, kind: Any, left: int
) -> None:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        kinesis = local_session(REGION).client("kinesis", endpoint_url=url)
        kinesis.create_stream(StreamName="s", ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName="s", WaiterConfig={"Delay": 1})
        put = [kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="p") for _ in range(5)]
        start = put[2]["SequenceNumber"]
        found = [
            len(
                kinesis.get_records(
                    ShardIterator=kinesis.get_shard_iterator(
                        StreamName="s",
                        ShardId=put[2]["ShardId"],
                        ShardIteratorType=kind,
                        StartingSequenceNumber=sequence,
                    )["ShardIterator"]
                )["Records"]
            )
            for sequence in (start, start.lstrip("0"))
        ]

    assert found == [left, left]
