"""Putting points into a real stream that rejects some of them, or responds late or wrongly."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from rtdts.runtime.deadline import Deadline
from rtdts.telemetry_stream.putter import PutOutcome, StreamPutter
from sim.fault_shim.rules import (
    CutResponse,
    Delay,
    Drop,
    FailItems,
    Fault,
    FaultRule,
    Reject,
    ReplaceResponse,
)
from sim.fault_shim.shim import FaultShim
from sim.local_cloud.deaggregation import deaggregate
from sim.local_cloud.resources import local_session
from tests.support.corrected_ministack import corrected_ministack
from tests.support.deliveries import unique
from tests.support.ministack_process import REGION

STREAM = "points"
THROTTLED = "ProvisionedThroughputExceededException"
PAYLOADS = [b"point-%d" % number for number in range(7)]
ONE_PER_RECORD = 66
"""Fits one payload, so that each becomes its own record of a call."""
SUBSETS = [set(some) for n in range(1, 4) for some in itertools.combinations(range(4), n)]
READ_TIMEOUT_S = 3.0
"""Long enough for a busy machine: a slower response counts as lost."""
LONG_TIMEOUT_S = 20.0
SHORT_TIMEOUT_S = 0.0


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        kinesis = local_session(REGION).client("kinesis", endpoint_url=url)
        kinesis.create_stream(StreamName=STREAM, ShardCount=2)
        kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
        yield url


@pytest.fixture
async def shim(upstream: str) -> AsyncIterator[FaultShim]:
    async with FaultShim(upstream) as shim:
        yield shim


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return local_session(REGION)


class Truck:
    """A truck that puts its points through the shim, and reads what arrived in the stream."""

    def __init__(self, session: boto3.Session, upstream: str, shim: FaultShim) -> None:
        self.truck_id = unique("T")
        self._direct = session.client("kinesis", endpoint_url=upstream)
        config = Config(
            connect_timeout=2, read_timeout=READ_TIMEOUT_S, retries={"total_max_attempts": 1}
        )
        client = session.client("kinesis", endpoint_url=shim.url, config=config)
        self._putter = StreamPutter(client, STREAM, max_record_bytes=ONE_PER_RECORD)

    async def put(self, payloads: list[bytes], budget_s: float) -> PutOutcome:
        deadline = Deadline(budget_s)
        return await asyncio.to_thread(self._putter.put, self.truck_id, payloads, deadline)

    def arrived(self) -> Counter[bytes]:
        """Returns how often each payload is in the stream."""
        found: Counter[bytes] = Counter()
        for shard in self._direct.list_shards(StreamName=STREAM)["Shards"]:
            iterator: Any = self._direct.get_shard_iterator(
                StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            records = self._direct.get_records(ShardIterator=iterator, Limit=10_000)["Records"]
            for record in records:
                if record["PartitionKey"] == self.truck_id:
                    users = deaggregate(record["Data"], record["PartitionKey"])
                    found.update(user.data for user in users)
        return found


@pytest.fixture
def truck(session: boto3.Session, upstream: str, shim: FaultShim) -> Truck:
    return Truck(session, upstream, shim)


def a_rule(fault: Fault, **more: Any) -> FaultRule:
    return FaultRule(name="r", fault=fault, operation="PutRecords", target=STREAM, **more)


@pytest.mark.parametrize("code", [THROTTLED, "InternalFailure"])
@pytest.mark.parametrize("failing", SUBSETS, ids=str)
async def test_exactly_the_records_reported_as_failed_are_missing_from_the_stream(
    shim: FaultShim, truck: Truck, failing: set[int], code: str
) -> None:
    await shim.set_rules(a_rule(FailItems(code=code, places=tuple(failing))))
    outcome = await truck.put(PAYLOADS[:4], SHORT_TIMEOUT_S)

    assert outcome == PutOutcome(failed=tuple(sorted(failing)), attempts=1, failure=code)
    assert truck.arrived() == Counter(PAYLOADS[n] for n in range(4) if n not in failing)


@pytest.mark.parametrize("failing", SUBSETS, ids=str)
async def test_only_records_that_failed_are_put_again(
    shim: FaultShim, truck: Truck, failing: set[int]
) -> None:
    await shim.set_rules(a_rule(FailItems(code=THROTTLED, places=tuple(failing)), times=1))
    outcome = await truck.put(PAYLOADS[:4], LONG_TIMEOUT_S)
    calls = shim.record.of("PutRecords")

    assert outcome == PutOutcome(failed=(), attempts=2, failure=THROTTLED)
    assert [len(call.entries) for call in calls] == [4, len(failing)]
    assert truck.arrived() == Counter(PAYLOADS[:4])


@pytest.mark.parametrize("seed", range(5))
async def test_every_point_is_in_the_stream_once_even_if_it_rejects_half_of_each_call(
    upstream: str, session: boto3.Session, seed: int
) -> None:
    rule = a_rule(FailItems(code=THROTTLED, share=0.5))
    async with FaultShim(upstream, [rule], seed=seed) as shim:
        truck = Truck(session, upstream, shim)
        outcome = await truck.put(PAYLOADS, LONG_TIMEOUT_S)

    assert outcome.failed == ()
    assert truck.arrived() == Counter(PAYLOADS)


@pytest.mark.parametrize(
    "fault",
    [
        Reject(status=400, code=THROTTLED),
        Reject(status=400, code="LimitExceededException"),
        Reject(status=500, code="InternalFailure"),
        Reject(status=503, code="ServiceUnavailable"),
        Drop(),
    ],
    ids=str,
)
async def test_a_call_that_failed_as_a_whole_is_retried(
    shim: FaultShim, truck: Truck, fault: Fault
) -> None:
    await shim.set_rules(a_rule(fault, times=2))
    outcome = await truck.put(PAYLOADS, LONG_TIMEOUT_S)

    assert (outcome.failed, outcome.attempts) == ((), 3)
    assert truck.arrived() == Counter(PAYLOADS)


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
async def test_a_call_that_can_never_succeed_is_made_once(
    shim: FaultShim, truck: Truck, code: str
) -> None:
    await shim.set_rules(a_rule(Reject(status=400, code=code)))
    outcome = await truck.put(PAYLOADS, LONG_TIMEOUT_S)

    assert outcome == PutOutcome(failed=tuple(range(7)), attempts=1, failure=code)
    assert not truck.arrived()


LOST = [
    CutResponse(),
    CutResponse(after_bytes=20),
    Delay(seconds=4 * READ_TIMEOUT_S, when="after"),
    ReplaceResponse(status=200, body='{"FailedRecordCount":0,"Rec'),
    ReplaceResponse(status=200, body=""),
    ReplaceResponse(status=200, body="{}"),
    ReplaceResponse(status=502, body="<html>Bad Gateway</html>"),
]
"""The records are in the stream, and the writer gets no confirmation."""


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_after_a_lost_response_no_point_is_missing(
    shim: FaultShim, truck: Truck, fault: Fault
) -> None:
    await shim.set_rules(a_rule(fault, times=1))
    outcome = await truck.put(PAYLOADS, LONG_TIMEOUT_S)

    assert (outcome.failed, outcome.attempts) == ((), 2)
    assert truck.arrived() == Counter(PAYLOADS * 2), "a repeat counts once, by its id; see design"


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_an_unconfirmed_write_is_reported_as_failed_even_if_it_succeeded(
    shim: FaultShim, truck: Truck, fault: Fault
) -> None:
    await shim.set_rules(a_rule(fault))
    outcome = await truck.put(PAYLOADS, SHORT_TIMEOUT_S)

    assert outcome.failed == tuple(range(7))
    assert truck.arrived() == Counter(PAYLOADS)
