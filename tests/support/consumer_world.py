"""A consumer of one shard on fakes, and trucks that send it points."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from consumer.arrivals import StreamRecord
from consumer.checkpointing import Checkpoints
from consumer.committing import Committer, Stores
from consumer.match_cache import MatchCache
from consumer.nudging import Nudger
from consumer.pipeline import BatchPipeline
from consumer.quota import QuotaEnforcer
from consumer.record_processor import METRICS, RecordProcessor
from consumer.retrying import RetryPolicy
from consumer.settling import PASS_EVERY_S, Settler, SettleReport
from consumer.transitions import TransitionWriter
from consumer.truck_states import TruckStates
from rtdts.ingest.quota import TruckQuota
from rtdts.position_store.errors import StoreUnavailable
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.shard_range import ANY_KEY, ShardRange
from rtdts.tracking.deliveries import Assignment, Cause, Delivery, DeliveryEvent, Place, Status
from rtdts.tracking.delivery_log import fold_log
from rtdts.tracking.fixes import Fix, LatestPosition
from rtdts.tracking.positions import Clock, DeliveryProgress, Point
from rtdts.tracking.status_machine import Transition
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.truck_fold import TrackingRules
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_clock import FakeClock
from tests.fakes.fake_delivery_store import FakeDeliveryStore, FakeMatchStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_position_store import FakePositionStore
from tests.support.points import make_point, metres_east

START_MS = 1_800_000_000_000
SHARD = "shardId-000000000000"
ORIGIN = Place(lat=48.0, lon=11.0)
_LAT, _LON = metres_east(4_000.0)
DESTINATION = Place(lat=_LAT, lon=_LON)

_THERE_M = (-800, -600, -400, -200, -50)
_LOADING_M = (0, 0, 10, 20, 30, 30, 60, 90)
_ON_THE_WAY_M = (180, 400, 900, 1500, 2100, 2700)
_NEAR_M = (3100, 3300, 3600, 3900, 3990, 4000, 4001, 4002, 4003, 4004, 4010)
DRIVE_M = (*_THERE_M, *_LOADING_M, *_ON_THE_WAY_M, *_NEAR_M)
"""Metres east of the origin, every 10 s: to the origin, a wait, the drive, a wait at the end."""

STATUSES = (
    Status.ASSIGNED,
    Status.EN_ROUTE_TO_PICKUP,
    Status.AT_PICKUP,
    Status.IN_TRANSIT,
    Status.NEARBY,
    Status.ARRIVED,
)


def point(second: int, east_m: float, *, truck_id: str = "T-1", **changed: object) -> Point:
    """Returns a fix at a distance east of the origin."""
    lat, lon = metres_east(east_m)
    at_ms = START_MS + second * 1_000
    made = make_point(truck_id, at_ms, lat, lon, seq=second, speed_mps=60.0)
    return msgspec.structs.replace(made, **changed)


def shifted(of: Point, offset_ms: int) -> Point:
    """Returns the same point from a truck with a wrong clock, as ingest would stamp it."""
    stamp_ms = of.recorded_at_ms + offset_ms
    return make_point(
        of.truck_id,
        of.recorded_at_ms,
        of.lat,
        of.lon,
        event_at_ms=stamp_ms,
        received_at_ms=stamp_ms,
        clock=Clock.SHIFTED,
        seq=of.seq,
    )


def drive(truck_id: str = "T-1") -> list[Point]:
    """Returns the points of a drive, from before the origin to after the destination."""
    return [point(10 * n, float(m), truck_id=truck_id) for n, m in enumerate(DRIVE_M)]


class Killed(BaseException):
    """Simulates the end of the process: no code in it may catch this."""


KILLS = ("before", "half", "after")
"""When a process is killed: before a step, after half of its writes, or after all of them."""
STEPS = ("write_history", "append", "write_latest", "send_many", "save")
"""Steps at which a process can be killed, in the order of `consumer.pipeline`."""
RESTART_S = 3.0
"""How long it takes until a killed worker's shard has another worker."""
UNAVAILABLE = StoreUnavailable("bulk", 503, "unavailable")


class FakeParking:
    """Stands for `Parking`.

    Attributes:
        parked: Bodies and reasons by name.
    """

    def __init__(self) -> None:
        self.parked: dict[str, tuple[bytes, str]] = {}

    def park(
        self,
        body: bytes,
        *,
        name: str,
        reason: str,
        detail: str = "",
        partition_key: str | None = None,
    ) -> str:
        self.parked[name] = (body, reason)
        return f"rejected/{name}"


class Shard:
    """Delivers records as the KCL would."""

    def __init__(self) -> None:
        self._numbers = itertools.count(49_000_000_000_000_000_000_000)

    def records(self, *groups: Sequence[Point]) -> list[StreamRecord]:
        """Returns the records of one Kinesis record per group, with one user record per point."""
        made = []
        for group in groups:
            number = str(next(self._numbers))
            made += [
                StreamRecord(
                    partition_key=one.truck_id,
                    sequence_number=number,
                    sub_sequence_number=sub,
                    data=encode_point(one),
                    arrived_at_ms=one.received_at_ms,
                )
                for sub, one in enumerate(group)
            ]
        return made

    def raw(self, data: bytes, *, partition_key: str = "T-1") -> StreamRecord:
        """Returns a record with any content."""
        return StreamRecord(
            partition_key=partition_key,
            sequence_number=str(next(self._numbers)),
            sub_sequence_number=0,
            data=data,
            arrived_at_ms=START_MS,
        )


@dataclasses.dataclass
class World:
    """All stores, and processes that read the only shard."""

    positions: FakePositionStore = dataclasses.field(default_factory=FakePositionStore)
    deliveries: FakeDeliveryStore = dataclasses.field(default_factory=FakeDeliveryStore)
    nudges: FakeNudgeQueue = dataclasses.field(default_factory=FakeNudgeQueue)
    parking: FakeParking = dataclasses.field(default_factory=FakeParking)
    blocks: FakeBlockStore = dataclasses.field(default_factory=FakeBlockStore)
    quota: TruckQuota = dataclasses.field(
        default_factory=lambda: TruckQuota(
            requests_per_minute=60, points_per_minute=6_000, minutes=10
        )
    )
    clock: FakeClock = dataclasses.field(default_factory=lambda: FakeClock(START_MS))
    shard: Shard = dataclasses.field(default_factory=Shard)
    output: io.StringIO = dataclasses.field(default_factory=io.StringIO)
    traced: str = ""
    measured: io.StringIO = dataclasses.field(default_factory=io.StringIO)
    rules: TrackingRules = dataclasses.field(default_factory=TrackingRules)
    _writers: Iterable[int] = dataclasses.field(default_factory=itertools.count)

    @property
    def log(self) -> Logger:
        return Logger("consumer", self.output)

    @property
    def trace(self) -> PointTrace:
        return PointTrace(self.traced, self.log)

    def sleep(self, seconds: float) -> None:
        self.clock.slept_s.append(seconds)
        self.clock.advance(seconds)

    def pipeline(
        self, *, writer_id: str | None = None, shard_range: ShardRange = ANY_KEY
    ) -> BatchPipeline:
        """Returns the pipeline of a process that has just got the shard's lease."""
        matches = FakeMatchStore(self.deliveries)
        retry_policy = RetryPolicy(60.0, log=self.log, clock=self.clock.monotonic, sleep=self.sleep)
        truck_states = TruckStates(
            self.positions,
            shard_id=SHARD,
            writer_id=writer_id or f"writer-{next(iter(self._writers))}",
            log=self.log,
            capacity=100,
        )
        committer = Committer(
            self.positions,
            truck_states=truck_states,
            transitions=TransitionWriter(
                self.deliveries,
                self.rules.status,
                parking=self.parking,
                log=self.log,
                now_ms=self.clock.now_ms,
                trace=self.trace,
            ),
            nudger=Nudger(
                self.nudges, retry_policy=retry_policy, log=self.log, clock=self.clock.monotonic
            ),
            log=self.log,
        )
        return BatchPipeline(
            SHARD,
            stores=Stores(
                writer=self.positions,
                finder=self.positions,
                nudges=self.nudges,
                parking=self.parking,
            ),
            truck_states=truck_states,
            matches=MatchCache(matches, clock=self.clock.monotonic),
            committer=committer,
            settler=Settler(
                SHARD,
                finder=self.positions,
                truck_states=truck_states,
                committer=committer,
                rules=self.rules,
                log=self.log,
                shard_range=shard_range,
                clock=self.clock.monotonic,
                now_ms=self.clock.now_ms,
            ),
            quota=QuotaEnforcer(self.quota, self.blocks, log=self.log, now_ms=self.clock.now_ms),
            rules=self.rules,
            shard_range=shard_range,
            retry_policy=retry_policy,
            log=self.log,
            trace=self.trace,
            now_ms=self.clock.now_ms,
        )

    def settle(self, pipeline: BatchPipeline, *, after_s: float = PASS_EVERY_S) -> SettleReport:
        """Settles late points after the time for others to arrive has passed."""
        self.clock.advance(after_s)
        return pipeline.settle() or SettleReport()

    def processor(self, pipeline: BatchPipeline | None = None) -> RecordProcessor:
        """Returns the KCL's record processor with a pipeline."""
        made = pipeline or self.pipeline()
        return RecordProcessor(
            pipeline_of=lambda _: made,
            checkpoints=Checkpoints(log=self.log, clock=self.clock.monotonic, sleep=self.sleep),
            log=self.log,
            metrics=MetricWriter("consumer", METRICS, stream=self.measured),
            clock=self.clock.monotonic,
            now_ms=self.clock.now_ms,
        )

    def kill_at(self, step: str, when: str) -> None:
        """Kills the next process that reaches one of `STEPS`, at one of `KILLS`."""
        store = {"append": self.deliveries, "send_many": self.nudges}.get(step, self.positions)
        does = getattr(store, step)

        def killed(*args: Any, **more: Any) -> None:
            delattr(store, step)
            if when == "after":
                does(*args, **more)
            elif when == "half" and step != "append":
                does(args[0][: len(args[0]) // 2], **more)
            raise Killed

        setattr(store, step, killed)

    def let_live(self) -> None:
        """Cancels `kill_at` if no process has reached its step."""
        for step in STEPS:
            for store in (self.positions, self.deliveries, self.nudges):
                vars(store).pop(step, None)

    def assign(
        self,
        delivery_id: str,
        truck_id: str = "T-1",
        *,
        second: int = 0,
        origin: Place = ORIGIN,
        destination: Place = DESTINATION,
    ) -> Delivery:
        """Creates a delivery from the origin to the destination."""
        at_ms = START_MS + second * 1_000
        made = Delivery(
            delivery_id=delivery_id,
            customer_id="C-1",
            origin=origin,
            destination=destination,
            status=Status.ASSIGNED,
            version=1,
            assignments=(Assignment(assignment=1, truck_id=truck_id, started_at_ms=at_ms),),
            created_at_ms=at_ms,
            updated_at_ms=at_ms,
        )
        event = DeliveryEvent(
            delivery_id=delivery_id,
            version=1,
            status=Status.ASSIGNED,
            cause=Cause.ASSIGNED,
            effective_at_ms=at_ms,
            recorded_at_ms=at_ms,
            assignment=1,
            truck_id=truck_id,
            actor="dispatcher:A",
        )
        self.deliveries.append(None, made, [event], matches=True)
        return made

    def statuses(self, delivery_id: str) -> list[Status]:
        return [event.status for event in self.deliveries.events(delivery_id)]

    def reported(self, event: str) -> list[dict[str, object]]:
        """Returns the log's lines of one event."""
        lines = [json.loads(line) for line in self.output.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


def derived(world: World, truck_id: str | None = None) -> dict[str, Fix]:
    """Returns the history by point, of one truck or of all, without ordinals."""
    return {
        identity: msgspec.structs.replace(one.fix, n=0)
        for (_, identity), one in world.positions.history.items()
        if truck_id in (None, one.fix.truck_id)
    }


def shown(world: World, truck_id: str = "T-1") -> LatestPosition:
    """Returns a truck's latest position without its revision and without the ETA.

    The ETA is based on the points that arrived in order; late points do not change it.
    """
    latest = world.positions.latest([truck_id])[truck_id]
    good = latest.shown and msgspec.structs.replace(latest.shown, n=0)
    newest = msgspec.structs.replace(latest.newest, n=0)
    return msgspec.structs.replace(
        latest,
        newest=newest,
        deliveries=_without_eta(latest.deliveries),
        shown=good,
        shown_deliveries=_without_eta(latest.shown_deliveries),
        revision=0,
    )


def _without_eta(deliveries: Iterable[DeliveryProgress]) -> tuple[DeliveryProgress, ...]:
    return tuple(
        msgspec.structs.replace(one, eta_earliest_ms=None, eta_latest_ms=None) for one in deliveries
    )


def standing_of(world: World, delivery_id: str = "D-1") -> tuple[Transition, ...]:
    """Returns the transitions in a delivery's log that are in effect."""
    return fold_log(world.deliveries.events(delivery_id)).transitions
