"""Trucks whose points are put directly into the stream, several hundred per second."""

from __future__ import annotations

import asyncio
import math
import threading
import time
import uuid
from collections.abc import Sequence

import boto3

from rtdts.position_store.client import connect
from rtdts.runtime.wall_clock import now_ms
from rtdts.telemetry_stream.aggregation import aggregate
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import encode_point
from sim.drive.simulated_truck import System
from sim.drive.stores import HISTORY_INDEXES, RAW_INDEXES, StoreReader
from sim.environment import Environment
from tests.support.points import make_point
from tests.support.waiting import eventually

EVERY_S = 0.5
_AROUND = (35.17, 129.13)
_RADIUS_DEG = 0.01
_TURN_MS = 600_000


class StreamLoad:
    """Puts points for the duration of a `with` block; fewer on a slow machine.

    Attributes:
        fleet: The prefix of the trucks' ids.
        points: All accepted points of each truck, in order.
        rate: Points per second, set at the end.
    """

    def __init__(self, environment: Environment, *, trucks: int = 100, points_s: int = 400) -> None:
        self.fleet = f"T-load{uuid.uuid4().hex[:6]}"
        self.points: dict[str, list[Point]] = {f"{self.fleet}-{n}": [] for n in range(trucks)}
        self._stream = environment.stream_name
        self._kinesis = boto3.client(
            "kinesis",
            endpoint_url=environment.aws_endpoint_url,
            region_name=environment.region,
            aws_access_key_id=environment.access_key_id,
            aws_secret_access_key=environment.secret_access_key,
        )
        self._per_record = max(1, round(points_s * EVERY_S / trucks))
        self._stop = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stream-load", daemon=True)
        self._began_s = 0.0
        self.rate = 0.0

    def __enter__(self) -> StreamLoad:
        self._began_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.rate = self.count / (time.monotonic() - self._began_s)
        if self._problem is not None:
            raise self._problem

    @property
    def count(self) -> int:
        """Number of points so far."""
        return sum(map(len, self.points.values()))

    @property
    def ids(self) -> dict[str, list[str]]:
        """The points' ids, by truck."""
        return {truck_id: list(map(point_id, of)) for truck_id, of in self.points.items()}

    def _run(self) -> None:
        try:
            due_s = time.monotonic()
            while not self._stop.wait(max(0.0, due_s - time.monotonic())):
                self._put(now_ms())
                due_s = max(due_s + EVERY_S, time.monotonic())
        except BaseException as problem:
            self._problem = problem

    def _put(self, at_ms: int) -> None:
        made = {truck_id: self._make(truck_id, at_ms) for truck_id in self.points}
        response = self._kinesis.put_records(
            StreamName=self._stream,
            Records=[
                {"PartitionKey": truck_id, "Data": aggregate(truck_id, list(map(encode_point, of)))}
                for truck_id, of in made.items()
            ],
        )
        assert response["FailedRecordCount"] == 0
        for truck_id, of in made.items():
            self.points[truck_id] += of

    def _make(self, truck_id: str, at_ms: int) -> Sequence[Point]:
        step_ms = round(EVERY_S * 1000) // self._per_record
        first = len(self.points[truck_id])
        times_ms = [at_ms - (self._per_record - 1 - n) * step_ms for n in range(self._per_record)]
        return [self._point(truck_id, first + n, at, at_ms) for n, at in enumerate(times_ms)]

    @staticmethod
    def _point(truck_id: str, seq: int, recorded_at_ms: int, received_at_ms: int) -> Point:
        angle = recorded_at_ms % _TURN_MS / _TURN_MS * 2 * math.pi
        return make_point(
            truck_id,
            recorded_at_ms,
            round(_AROUND[0] + _RADIUS_DEG * math.sin(angle), 7),
            round(_AROUND[1] + _RADIUS_DEG * math.cos(angle), 7),
            received_at_ms=received_at_ms,
            seq=seq,
            speed_mps=11.0,
        )


async def assert_load_is_stored(system: System, load: StreamLoad) -> None:
    """Waits until there are as many documents as points, then counts by id."""
    client = connect(system.environment.opensearch_url, timeout_s=120.0)
    fleet = {"query": {"prefix": {"truck_id": load.fleet}}}
    for indexes in (RAW_INDEXES, HISTORY_INDEXES):
        await asyncio.to_thread(
            eventually,
            lambda indexes=indexes: client.count(index=indexes, body=fleet)["count"] >= load.count,
        )
    counts = await StoreReader(system.session, system.environment.opensearch_url).count(load.ids)

    expected = {one for of_truck in load.ids.values() for one in of_truck}
    assert counts.in_history == expected
    assert counts.history_copies == 0
    assert counts.in_raw == expected
    newest_ms = {truck_id: of[-1].event_at_ms for truck_id, of in load.points.items()}
    assert counts.latest_at_ms == newest_ms
