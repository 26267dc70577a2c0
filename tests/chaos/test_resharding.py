"""The stream is resharded 2→3→2 under load, and the real KCL with our processors loses nothing."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.config import Config
from mypy_boto3_kinesis.type_defs import ShardTypeDef

from bench.truth.timeline import timeline
from consumer.arrivals import StreamRecord
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.wall_clock import now_ms
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.telemetry_stream.shard_range import hash_key
from rtdts.tracking.deliveries import Cause, Delivery, PlannedRoute, Status
from rtdts.tracking.fixes import fix_of
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.stream_codec import decode_point, encode_point
from rtdts.tracking.truck_fold import TrackingRules
from sim.local_cloud.deaggregation import deaggregate
from sim.local_cloud.kcl_tables import create_kcl_tables
from sim.local_cloud.launch import LaunchedCloud
from sim.local_cloud.resources import local_session
from tests.chaos.conftest import PrintLine
from tests.support.consumed import Consumed, Expected, agrees
from tests.support.consumer_daemon import Daemon, running_daemon
from tests.support.consumer_world import START_MS, World, point
from tests.support.deliveries import unique
from tests.support.kinesis_local import running_kinesis_local
from tests.support.resharding import Stream, range_of
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

TRUCKS_PER_QUARTER = 2
"""Per quarter of the range of keys: whatever is split or merged, each shard has trucks."""
POINTS_PER_RECORD = 5
STEP_MS = 10_000
"""Between the points of a truck, in the trucks' own time."""
PUT_EVERY_S = 0.2
DAYS_BACK_MS = 3 * 86_400_000
SHARD_END = "SHARD_END"


class Truck:
    """Drives along its route, and uploads as a device does, repeating what was not accepted.

    Every third record is put after the one that follows it, so that there are late points wherever
    the stream is cut.
    """

    def __init__(self, truck_id: str, putter: StreamPutter) -> None:
        self.truck_id = truck_id
        self.taken: list[Point] = []
        self.began_at_ms = (now_ms() - DAYS_BACK_MS) // 1_000 * 1_000
        self._putter = putter
        self._steps = itertools.count()
        self._east_m = -1_000.0
        self._goal: Iterator[float] = itertools.cycle((-10.0, 0.0, 20.0))

    def leave(self) -> None:
        """To somewhere between origin and destination."""
        self._goal = itertools.cycle((1_500.0, 2_500.0))

    def arrive(self) -> None:
        """At the destination."""
        self._goal = itertools.cycle((3_990.0, 4_000.0, 4_010.0))

    def drive(self, stop: threading.Event) -> None:
        held: list[Point] = []
        for number in itertools.count():
            record = [self._next_point() for _ in range(POINTS_PER_RECORD)]
            if number % 3 == 1:
                held = record
                continue
            self._put(record)
            if held:
                self._put(held)
                held = []
                if stop.wait(PUT_EVERY_S):
                    return

    def _put(self, record: Sequence[Point]) -> None:
        waiting = list(record)
        while waiting:
            received_at_ms = now_ms()
            stamped = [
                msgspec.structs.replace(one, received_at_ms=received_at_ms) for one in waiting
            ]
            outcome = self._putter.put(
                self.truck_id, [encode_point(one) for one in stamped], Deadline(20.0)
            )
            self.taken += (p for n, p in enumerate(stamped) if n not in outcome.failed)
            waiting = [waiting[n] for n in outcome.failed]

    def _next_point(self) -> Point:
        step = next(self._steps)
        goal_m = next(self._goal)
        self._east_m += max(-200.0, min(200.0, goal_m - self._east_m))
        at_ms = self.began_at_ms + step * STEP_MS
        return point(
            step, self._east_m, truck_id=self.truck_id, recorded_at_ms=at_ms, event_at_ms=at_ms
        )


@dataclasses.dataclass
class Fleet:
    """Trucks in every part of the range of keys, all driving at once."""

    trucks: Sequence[Truck]
    stop: threading.Event
    driving: Sequence[Future[None]]

    def after(self, more: int) -> None:
        """Waits until that many more points of each truck were accepted."""
        required = {truck.truck_id: len(truck.taken) + more for truck in self.trucks}
        eventually(lambda: all(len(t.taken) >= required[t.truck_id] for t in self.trucks))

    def park(self) -> None:
        """Returns when the last put has its response."""
        self.stop.set()
        for one in self.driving:
            one.result()


class Leases:
    """The lease table of the KCL."""

    def __init__(self, consumed: Consumed, application: str) -> None:
        self._dynamodb = consumed.client("dynamodb")
        self.application = application

    def checkpoints(self) -> dict[str, str]:
        return {key: lease["checkpoint"]["S"] for key, lease in self._items().items()}

    def owned(self) -> set[str]:
        return {key for key, lease in self._items().items() if "leaseOwner" in lease}

    def has_ended(self, shard: ShardTypeDef) -> bool:
        return self.checkpoints().get(shard["ShardId"]) == SHARD_END

    def is_under_way(self, shard: ShardTypeDef) -> bool:
        return self.checkpoints().get(shard["ShardId"], "TRIM_HORIZON").isdigit()

    def _items(self) -> dict[str, dict[str, dict[str, str]]]:
        items = self._dynamodb.scan(TableName=self.application, ConsistentRead=True)["Items"]
        return {item["leaseKey"]["S"]: item for item in items}


@pytest.fixture(scope="module")
def kinesis_url(
    local_cloud: LaunchedCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("kinesis-local")
    with running_kinesis_local(folder, region=local_cloud.environment.region) as url:
        yield url


@pytest.fixture
def consumed(local_cloud: LaunchedCloud) -> Consumed:
    return Consumed(local_cloud.environment)


@pytest.fixture
def stream(kinesis_url: str, local_cloud: LaunchedCloud) -> Stream:
    client = local_session(local_cloud.environment.region).client(
        "kinesis", endpoint_url=kinesis_url
    )
    return Stream.created(client, unique("resharded"), shards=2)


@pytest.fixture
def leases(consumed: Consumed, stream: Stream) -> Leases:
    application = f"{stream.name}-consumer"
    create_kcl_tables(consumed.client("dynamodb"), application, stream.shards())
    return Leases(consumed, application)


@pytest.fixture
def daemon(
    local_cloud: LaunchedCloud, kinesis_url: str, stream: Stream, leases: Leases, tmp_path: Path
) -> Iterator[Daemon]:
    with running_daemon(
        dataclasses.replace(local_cloud.environment, stream_name=stream.name),
        application=leases.application,
        shards=2,
        folder=tmp_path,
        more={"AWS_ENDPOINT_URL_KINESIS": kinesis_url},
    ) as daemon:
        yield daemon


@pytest.fixture
def fleet(kinesis_url: str, local_cloud: LaunchedCloud, stream: Stream) -> Iterator[Fleet]:
    # As in ingest: the putter decides what is retried.
    config = Config(
        connect_timeout=5,
        read_timeout=10,
        retries={"total_max_attempts": 1},
        max_pool_connections=20,
    )
    client: Any = local_session(local_cloud.environment.region).client(
        "kinesis", endpoint_url=kinesis_url, config=config
    )
    putter = StreamPutter(client, stream.name)
    trucks = [Truck(truck_id, putter) for truck_id in truck_ids_in_every_quarter()]
    stop = threading.Event()
    with ThreadPoolExecutor(len(trucks)) as pool:
        try:
            yield Fleet(trucks, stop, [pool.submit(truck.drive, stop) for truck in trucks])
        finally:
            stop.set()


def truck_ids_in_every_quarter() -> list[str]:
    by_quarter: dict[int, list[str]] = {quarter: [] for quarter in range(4)}
    while any(len(ids) < TRUCKS_PER_QUARTER for ids in by_quarter.values()):
        truck_id = unique("T-resharded")
        by_quarter[hash_key(truck_id) >> 126].append(truck_id)
    return [one for ids in by_quarter.values() for one in ids[:TRUCKS_PER_QUARTER]]


def records_of(stream: Stream) -> list[StreamRecord]:
    """All records of the stream's shards, in the KCL's order: ended shards first."""
    found = [
        StreamRecord(
            partition_key=user.partition_key,
            sequence_number=record["SequenceNumber"],
            sub_sequence_number=user.sub_sequence_number,
            data=user.data,
            arrived_at_ms=round(record["ApproximateArrivalTimestamp"].timestamp() * 1_000),
        )
        for shard in stream.shards()
        for record in stream.records(shard)
        for user in deaggregate(record["Data"], record["PartitionKey"])
    ]
    return sorted(found, key=lambda record: record.position)


def deliver(consumed: Consumed, fleet: Fleet) -> list[Delivery]:
    """Gives each truck a delivery."""
    world, made = World(), []
    for truck in fleet.trucks:
        delivery_id, second = unique("D-resharded"), (truck.began_at_ms - START_MS) // 1_000
        delivery = world.assign(delivery_id, truck.truck_id, second=second)
        consumed.deliveries.append(
            None, delivery, world.deliveries.events(delivery_id), matches=True
        )
        made.append(delivery)
    return made


def true_timeline(delivery: Delivery, fleet: Fleet) -> Sequence[Transition]:
    """The timeline that all points of its truck imply."""
    (truck,) = (one for one in fleet.trucks if one.truck_id == delivery.truck_id)
    assigned_at_ms = delivery.current.started_at_ms
    return timeline(
        PlannedRoute(origin=delivery.origin, destination=delivery.destination),
        [fix_of(one) for one in truck.taken],
        [Transition(Status.ASSIGNED, Cause.ASSIGNED, assigned_at_ms)],
        status_rules=TrackingRules().status,
        enrichment_rules=TrackingRules().enrichment,
    )


def until_consumed(consumed: Consumed, records: Sequence[StreamRecord]) -> None:
    last = {record.partition_key: record.position for record in records}
    eventually(
        lambda: all(
            (state := consumed.states([truck_id]).get(truck_id)) is not None
            and any(int(number) >= position.sequence_number for number, _ in state.applied.values())
            for truck_id, position in last.items()
        )
    )


@pytest.mark.parametrize("pause", ["consumer-follows", "at-once"])
def test_resharding_under_load_loses_nothing(
    stream: Stream,
    leases: Leases,
    consumed: Consumed,
    fleet: Fleet,
    daemon: Daemon,
    pause: str,
    print_line: PrintLine,
) -> None:
    deliveries = deliver(consumed, fleet)
    low, high = stream.open_shards()
    fleet.after(60)
    for truck in fleet.trucks:
        truck.leave()
    stream.split(low)
    print_line(f"split: {len(stream.open_shards())} open shards")
    if pause == "consumer-follows":
        eventually(lambda: all(map(leases.is_under_way, stream.open_shards())))
        fleet.after(60)
    _, middle, _ = stream.open_shards()
    for truck in fleet.trucks:
        truck.arrive()
    stream.merge(middle, high)
    print_line(f"merged: {len(stream.open_shards())} open shards")
    fleet.after(100)
    fleet.park()
    records = records_of(stream)
    print_line(
        f"{len(records)} points in {len({r.sequence_number for r in records})} records are put"
    )
    truck_ids = [truck.truck_id for truck in fleet.trucks]
    until_consumed(consumed, records)
    print_line("all of them are consumed")
    expected = Expected.of(deliveries, records)
    required = sorted(expected.history(), key=str)
    # Late points are settled some seconds after they were consumed.
    eventually(lambda: sorted(consumed.history(truck_ids), key=str) == required)
    ids = [identity for _, identity, _ in required]

    taken = {point_id(one) for truck in fleet.trucks for one in truck.taken}
    assert taken <= {point_id(decode_point(record.data)) for record in records}
    assert taken <= set(ids)
    assert len(ids) == len(set(ids))
    assert consumed.latest(truck_ids) == expected.latest(truck_ids)
    for delivery in deliveries:
        truth = true_timeline(delivery, fleet)
        log_of = partial(consumed.deliveries.events, delivery.delivery_id)
        eventually(lambda: agrees(log_of(), truth[1:]))  # noqa: B023 - awaited at once
        versions = [event.version for event in log_of()]
        assert versions == list(range(1, len(versions) + 1))
    assert not {one.data for one in records} & set(consumed.parked().values())
    open_ids = {shard["ShardId"] for shard in stream.open_shards()}
    for shard in stream.shards():
        if shard["ShardId"] not in open_ids:
            eventually(partial(leases.has_ended, shard))
    eventually(lambda: leases.owned() >= open_ids)
    truths = [true_timeline(one, fleet) for one in deliveries]
    assert {truth[-1].status for truth in truths} == {Status.ARRIVED}
    assert len(open_ids) == 2
    assert daemon.is_running
    assert "state_conflict" not in daemon.log.read_text()


def test_a_record_on_the_wrong_shard_is_parked_and_affects_no_other_record(
    stream: Stream, consumed: Consumed, fleet: Fleet, daemon: Daemon
) -> None:
    """Its writer set an explicit hash key, so that two processes get points of one truck."""
    victim = fleet.trucks[0]
    low, high = stream.open_shards()
    fleet.after(30)
    strays = []
    for number in range(3):
        at_ms = victim.began_at_ms + number
        stray = point(
            10_000 + number,
            0.0,
            truck_id=victim.truck_id,
            recorded_at_ms=at_ms,
            event_at_ms=at_ms,
            received_at_ms=now_ms(),
        )
        strays.append(encode_point(stray))
        stream.client.put_record(
            StreamName=stream.name,
            PartitionKey=victim.truck_id,
            ExplicitHashKey=high["HashKeyRange"]["StartingHashKey"],
            Data=strays[-1],
        )
        fleet.after(15)
    assert range_of(low)[0] <= hash_key(victim.truck_id) <= range_of(low)[1]
    eventually(lambda: set(strays) <= set(consumed.parked().values()))
    fleet.park()
    records = [record for record in records_of(stream) if record.data not in strays]
    until_consumed(consumed, records)
    truck_ids = [truck.truck_id for truck in fleet.trucks]

    assert sorted(identity for _, identity, _ in consumed.history(truck_ids)) == sorted(
        {point_id(decode_point(record.data)) for record in records}
    )
    assert daemon.is_running
    assert "state_conflict" not in daemon.log.read_text()
