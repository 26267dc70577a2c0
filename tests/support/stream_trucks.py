"""Trucks whose points are put directly into the stream, and their data in the stores."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

import msgspec

from rtdts.runtime.wall_clock import now_ms
from rtdts.telemetry_stream.aggregation import aggregate
from rtdts.telemetry_stream.shard_range import ShardRange, ShardRanges
from rtdts.tracking.deliveries import Delivery, DeliveryEvent, Place, Status
from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import encode_point
from sim.geodesy import place_at
from sim.local_cloud.launch import LaunchedCloud
from tests.support.consumed import Consumed
from tests.support.consumer_world import DESTINATION, ORIGIN, START_MS, World
from tests.support.delivery_log import log_problems, timeline_of, true_timeline
from tests.support.points import make_point
from tests.support.system_settings import DWELL_S
from tests.support.waiting import eventually


class StreamTrucks:
    """Trucks with deliveries, whose points are put directly into the stream."""

    def __init__(self, cloud: LaunchedCloud) -> None:
        self.cloud = cloud
        self.stores = Consumed(cloud.environment)
        self._stream = cloud.environment.stream_name
        self._kinesis = self.stores.client("kinesis")

    def put(self, *records: Sequence[Point]) -> None:
        """Puts one record per point, in this order within a truck's shard."""
        for record in records:
            (truck_id,) = {one.truck_id for one in record}
            self._kinesis.put_record(
                StreamName=self._stream,
                PartitionKey=truck_id,
                Data=aggregate(truck_id, list(map(encode_point, record))),
            )

    def deliver(
        self,
        truck_id: str,
        at_ms: int,
        *,
        origin: Place = ORIGIN,
        destination: Place = DESTINATION,
    ) -> Delivery:
        """Creates a delivery from the origin to the destination that was assigned in the past."""
        world, delivery_id = World(), f"D-{uuid.uuid4().hex[:10]}"
        delivery = world.assign(
            delivery_id,
            truck_id,
            second=(at_ms - START_MS) // 1_000,
            origin=origin,
            destination=destination,
        )
        events = world.deliveries.events(delivery_id)
        self.stores.deliveries.append(None, delivery, events, matches=True)
        return delivery

    def events(self, delivery: Delivery) -> list[DeliveryEvent]:
        return self.stores.deliveries.events(delivery.delivery_id)

    def status(self, delivery: Delivery) -> Status:
        row = self.stores.deliveries.get(delivery.delivery_id)
        assert row is not None
        return row.status

    def latest(self, truck_id: str) -> LatestPosition:
        return self.stores.latest([truck_id])[truck_id]

    def is_settled(self, truck_id: str) -> bool:
        state = self.stores.states([truck_id]).get(truck_id)
        return state is not None and not (state.unsettled or state.has_moved_times)

    def documents(self, truck_id: str) -> set[str]:
        return {identity for _, identity, _ in self.stores.history([truck_id])}

    def wait_for_all(self, points: Sequence[Point]) -> float:
        """Waits until the history has all points, and returns how many seconds it took."""
        began_s, expected = time.monotonic(), {point_id(one) for one in points}
        truck_ids = {one.truck_id for one in points}
        eventually(lambda: expected <= set().union(*map(self.documents, truck_ids)))
        return time.monotonic() - began_s

    def assert_log_is_right(self, delivery: Delivery, points: Sequence[Point]) -> None:
        """Asserts that the log folds to what the points imply, with times within a dwell."""
        log = self.events(delivery)
        found, true = timeline_of(log), true_timeline(delivery, points, log, dwell_s=DWELL_S)
        assert log_problems(log) == []
        assert [(one.status, one.cause) for one in found] == [(o.status, o.cause) for o in true]
        off_ms = [
            abs(one.effective_at_ms - other.effective_at_ms)
            for one, other in zip(found, true, strict=True)
        ]
        assert max(off_ms) <= DWELL_S * 1_000

    def shard_of(self, truck_id: str) -> str:
        shards = self._kinesis.list_shards(StreamName=self._stream)["Shards"]
        ranges = ShardRanges(self._kinesis, self._stream)
        (shard_id,) = [
            one["ShardId"]
            for one in shards
            if "EndingSequenceNumber" not in one["SequenceNumberRange"]
            and (ranges.of_shard(one["ShardId"]) or ShardRange(first=1, last=0)).contains(truck_id)
        ]
        return str(shard_id)


def new_truck() -> str:
    return f"T-late{uuid.uuid4().hex[:8]}"


def east_of_origin(truck_id: str, at_ms: int, east_m: float, seq: int, **changed: object) -> Point:
    lat, lon = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, east_m)
    made = make_point(truck_id, at_ms, lat, lon, seq=seq, received_at_ms=now_ms())
    return msgspec.structs.replace(made, **changed)
