"""Batches through the consumer into real stores under faults: slower, but with the same result.

A consumer on fakes without faults yields the expected result.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from botocore.config import Config

from consumer.arrivals import StreamRecord
from consumer.committing import Committer, Stores
from consumer.errors import RetriesExhausted
from consumer.match_cache import MatchCache
from consumer.nudging import Nudger
from consumer.pipeline import BatchPipeline
from consumer.quota import QuotaEnforcer
from consumer.retrying import RetryPolicy
from consumer.settling import Settler
from consumer.transitions import TransitionWriter
from consumer.truck_states import TruckStates
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.matches import MatchStore
from rtdts.position_store.client import connect
from rtdts.position_store.history_pages import HistoryPages
from rtdts.position_store.state import TruckStateStore
from rtdts.position_store.writer import PositionWriter
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.push_queue.nudges import Nudge
from rtdts.runtime.logs import Logger
from rtdts.telemetry_stream.parking import Parking
from rtdts.telemetry_stream.shard_range import ShardRange, hash_key
from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from sim.fault_shim.rules import (
    CutResponse,
    Drop,
    FailItems,
    Fault,
    FaultPlan,
    FaultRule,
    LagIndex,
    Reject,
)
from sim.fault_shim.shim import FaultShim
from sim.local_cloud.resources import (
    CloudNames,
    CreatedResources,
    create_resources,
    local_session,
)
from tests.support.consumer_world import SHARD, STATUSES, World, drive
from tests.support.corrected_ministack import corrected_ministack
from tests.support.deliveries import unique
from tests.support.faults import cancelled
from tests.support.latest_positions import LatestPositions
from tests.support.ministack_process import REGION

pytestmark = pytest.mark.real

BATCH = 5
RETRY_BUDGET_S = 20.0
MAX_RESTARTS = 20


def often(name: str, operation: str, fault: Fault, probability: float, **more: Any) -> FaultRule:
    return FaultRule(name=name, operation=operation, fault=fault, probability=probability, **more)


THROTTLED = Reject(status=400, code="ProvisionedThroughputExceededException")
OPENSEARCH_STORM = (
    often("busy items", "_bulk", FailItems(code="rejected_execution_exception", share=0.4), 0.5),
    often("no shards", "_bulk", FailItems(code="unavailable_shards", status=503, share=0.3), 0.2),
    often("breaker", "_bulk", Reject(status=429, code="circuit_breaking_exception"), 0.15),
    often("lost", "_bulk", CutResponse(), 0.15),
    often("cut", "_bulk", CutResponse(after_bytes=40), 0.1),
    often("unread", "_mget", Drop(), 0.2),
    often("unfound", "_search", Reject(status=503, code="search_phase"), 0.2),
)
AWS_STORM = (
    often("met another", "TransactWriteItems", cancelled("TransactionConflict"), 0.3),
    often("lost", "TransactWriteItems", CutResponse(), 0.3),
    often("never came", "TransactWriteItems", Drop(by="close"), 0.1),
    often("row throttled", "GetItem", THROTTLED, 0.2),
    often("log throttled", "Query", THROTTLED, 0.2),
    often("unread", "BatchGetItem", FailItems(share=0.5), 0.5),
    often("queue busy", "SendMessageBatch", FailItems(code="InternalError", share=0.4), 0.5),
    often("queue lost", "SendMessageBatch", CutResponse(), 0.2),
    often("bucket busy", "PutObject", Reject(status=503, code="SlowDown"), 0.5),
    often("lag", "Query", LagIndex(seconds=60), 1.0),
)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with corrected_ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="module")
def created(aws: str) -> CreatedResources:
    return create_resources(aws, REGION, CloudNames())


class Consumer:
    """A consumer of one truck and its delivery on real stores, and another one on fakes.

    Attributes:
        aws_shim: Before DynamoDB, SQS and S3.
        search_shim: Before OpenSearch.
    """

    def __init__(
        self,
        aws: str,
        search: str,
        created: CreatedResources,
        aws_shim: FaultShim,
        search_shim: FaultShim,
    ) -> None:
        self._aws, self._search, self._created = aws, search, created
        self.aws_shim, self.search_shim = aws_shim, search_shim
        self.truck_id, self.delivery_id = unique("T"), unique("D")
        self.fair = World()
        self.restarts = 0
        self.output = io.StringIO()
        self._tables = created.names.tables
        delivery = self.fair.assign(self.delivery_id, self.truck_id)
        self.truth = DeliveryStore(self._client("dynamodb", aws), self._tables)
        self.truth.append(
            None, delivery, self.fair.deliveries.events(self.delivery_id), matches=True
        )
        self._true_queue = self._nudge_queue(aws)
        self._drain()

    def pipeline(self) -> BatchPipeline:
        """Returns the pipeline of a process that has just got the shard's lease."""
        clock, log = self.fair.clock, Logger("consumer", self.output)
        search = connect(self.search_shim.url, timeout_s=5.0)
        dynamodb = self._client("dynamodb", self.aws_shim.url)
        parking = Parking(self._client("s3", self.aws_shim.url), self._created.names.parked_bucket)
        stores = Stores(
            writer=PositionWriter(search),
            finder=HistoryPages(search),
            nudges=self._nudge_queue(self.aws_shim.url),
            parking=parking,
        )
        retry_policy = RetryPolicy(
            RETRY_BUDGET_S, log=log, clock=clock.monotonic, sleep=self.fair.sleep
        )
        truck_states = TruckStates(
            TruckStateStore(search),
            shard_id=SHARD,
            writer_id=unique("writer"),
            log=log,
            capacity=100,
        )
        committer = Committer(
            stores.writer,
            truck_states=truck_states,
            transitions=TransitionWriter(
                DeliveryStore(dynamodb, self._tables, sleep=self.fair.sleep),
                self.fair.rules.status,
                parking=parking,
                log=log,
                now_ms=clock.now_ms,
                trace=self.fair.trace,
            ),
            nudger=Nudger(stores.nudges, retry_policy=retry_policy, log=log, clock=clock.monotonic),
            log=log,
        )
        key = hash_key(self.truck_id)
        return BatchPipeline(
            SHARD,
            stores=stores,
            truck_states=truck_states,
            matches=MatchCache(
                MatchStore(dynamodb, self._tables, sleep=self.fair.sleep), clock=clock.monotonic
            ),
            committer=committer,
            settler=Settler(
                SHARD,
                finder=stores.finder,
                truck_states=truck_states,
                committer=committer,
                rules=self.fair.rules,
                log=log,
                # Beside this truck's, states of other tests are in the store.
                shard_range=ShardRange(first=key, last=key),
                clock=clock.monotonic,
                now_ms=clock.now_ms,
            ),
            quota=QuotaEnforcer(self.fair.quota, self.fair.blocks, log=log, now_ms=clock.now_ms),
            rules=self.fair.rules,
            retry_policy=retry_policy,
            log=log,
            trace=self.fair.trace,
            now_ms=clock.now_ms,
        )

    async def consume(self, records: Sequence[StreamRecord], *, batch: int = BATCH) -> None:
        """Processes records in batches as the KCL would; replaces a process that gave up."""
        await asyncio.to_thread(self._consume, records, batch)

    def _consume(self, records: Sequence[StreamRecord], batch: int) -> None:
        pipeline = self.pipeline()
        for start in range(0, len(records), batch):
            while True:
                try:
                    pipeline.process(records[start : start + batch])
                    break
                except RetriesExhausted:
                    self.restarts += 1
                    assert self.restarts <= MAX_RESTARTS
                    pipeline = self.pipeline()

    def nudges(self) -> set[str]:
        """Empties the queue, and returns the deduplication ids of its nudges."""
        return {nudge.deduplication_id for nudge in self._drain()}

    def _drain(self) -> list[Nudge]:
        found: list[Nudge] = []
        while batch := self._true_queue.receive(wait_s=0):
            for one in batch:
                found.append(one.message)
                self._true_queue.delete([one])
        return found

    def latest(self) -> LatestPosition:
        return LatestPositions(connect(self._search)).latest([self.truck_id])[self.truck_id]

    def in_history(self, points: Sequence[Point]) -> list[Point]:
        found = HistoryPages(connect(self._search)).stored(points)
        return [
            one
            for one in points
            if point_id(one) in found and found[point_id(one)].event_at_ms == one.event_at_ms
        ]

    def parked(self) -> list[bytes]:
        s3 = self._client("s3", self._aws)
        bucket = self._created.names.parked_bucket
        listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed]

    def _nudge_queue(self, url: str) -> NudgeQueue:
        return NudgeQueue(
            self._client("sqs", url), self._created.queue_urls["nudges"], sleep=self.fair.sleep
        )

    def _client(self, service: Any, url: str) -> Any:
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
        return local_session(REGION).client(service, endpoint_url=url, config=config)


@pytest.fixture
async def consumer(
    aws: str, created: CreatedResources, opensearch_url: str
) -> AsyncIterator[Consumer]:
    async with FaultShim(aws) as aws_shim, FaultShim(opensearch_url) as search_shim:
        yield await asyncio.to_thread(Consumer, aws, opensearch_url, created, aws_shim, search_shim)


@pytest.mark.parametrize("seed", range(6))
async def test_a_drive_has_the_same_result_with_and_without_faults(
    consumer: Consumer, seed: int
) -> None:
    points = drive(consumer.truck_id)
    records = consumer.fair.shard.records(*[[one] for one in points])
    for start in range(0, len(records), BATCH):
        consumer.fair.pipeline().process(records[start : start + BATCH])
    for shim, rules in (
        (consumer.search_shim, OPENSEARCH_STORM),
        (consumer.aws_shim, AWS_STORM),
    ):
        await shim.set_fault_plan(FaultPlan(rules=rules, seed=seed))
    await consumer.consume(records)
    applied = {
        rule
        for shim in (consumer.search_shim, consumer.aws_shim)
        for rule, tally in shim.tallies.items()
        if tally.applied
    }

    assert len(applied) > 5, "no faults"
    assert await asyncio.to_thread(consumer.in_history, points) == points
    latest = await asyncio.to_thread(consumer.latest)
    assert (
        latest.newest
        == consumer.fair.positions.latest([consumer.truck_id])[consumer.truck_id].newest
    )
    events = await asyncio.to_thread(consumer.truth.events, consumer.delivery_id)
    expected = consumer.fair.deliveries.events(consumer.delivery_id)
    assert [event.status for event in events] == list(STATUSES)
    assert [(e.version, e.cause, e.effective_at_ms, e.point_id) for e in events] == [
        (e.version, e.cause, e.effective_at_ms, e.point_id) for e in expected
    ]
    assert await asyncio.to_thread(consumer.nudges) >= {
        nudge.deduplication_id
        for nudge in consumer.fair.nudges.sent
        if nudge.deduplication_id.startswith("t:")
    }


@pytest.mark.parametrize("index", ["truck-positions-*", "truck-latest", "truck-state"])
@pytest.mark.parametrize("fault", [CutResponse(), CutResponse(after_bytes=30)], ids=str)
async def test_the_consumer_recognises_its_own_write_after_a_lost_response(
    consumer: Consumer, index: str, fault: Fault
) -> None:
    points = drive(consumer.truck_id)
    rule = FaultRule(name="lost", operation="_bulk", target=index, fault=fault, times=3)
    await consumer.search_shim.set_rules(rule)
    await consumer.consume(consumer.fair.shard.records(*[[one] for one in points]))

    assert consumer.search_shim.tallies["lost"].applied == 3
    assert consumer.restarts == 0
    assert await asyncio.to_thread(consumer.in_history, points) == points
    events = await asyncio.to_thread(consumer.truth.events, consumer.delivery_id)
    assert [event.status for event in events] == list(STATUSES)


async def test_a_point_that_can_never_be_indexed_is_parked_and_the_others_are_written(
    consumer: Consumer,
) -> None:
    points = drive(consumer.truck_id)
    poison = points[7]
    rule = FaultRule(
        name="poison",
        operation="_bulk",
        target="truck-positions-*",
        ids=point_id(poison),
        fault=FailItems(code="mapper_parsing_exception", status=400),
    )
    await consumer.search_shim.set_rules(rule)
    records = consumer.fair.shard.records(*[[one] for one in points])
    await consumer.consume(records)

    assert await asyncio.to_thread(consumer.in_history, points) == [
        one for one in points if one is not poison
    ]
    assert await asyncio.to_thread(consumer.parked) == [records[7].data]


async def test_the_consumer_gives_up_before_any_nudge_when_a_store_stays_unavailable(
    consumer: Consumer,
) -> None:
    points = drive(consumer.truck_id)[:BATCH]
    records = consumer.fair.shard.records(*[[one] for one in points])
    rule = FaultRule(name="unavailable", fault=Reject(status=503, code="x"), operation="_bulk")
    await consumer.search_shim.set_rules(rule)
    pipeline = await asyncio.to_thread(consumer.pipeline)

    with pytest.raises(RetriesExhausted):
        await asyncio.to_thread(pipeline.process, records)
    assert await asyncio.to_thread(consumer.nudges) == set()
    await consumer.search_shim.set_rules()
    await consumer.consume(records)
    assert await asyncio.to_thread(consumer.in_history, points) == points


async def test_positions_and_statuses_are_written_while_the_queue_is_unavailable(
    consumer: Consumer,
) -> None:
    points = drive(consumer.truck_id)
    rule = FaultRule(name="unavailable", fault=Drop(), service="sqs")
    await consumer.aws_shim.set_rules(rule)
    await consumer.consume(consumer.fair.shard.records(*[[one] for one in points]))

    assert consumer.restarts == 0
    assert await asyncio.to_thread(consumer.in_history, points) == points
    events = await asyncio.to_thread(consumer.truth.events, consumer.delivery_id)
    assert [event.status for event in events] == list(STATUSES)
