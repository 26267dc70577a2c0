"""From the fix to the socket, while points come in at a steady rate: real local cloud.

Measured trucks post one fix per second over HTTP; their customers hold real sockets. Some trucks
drive through all statuses of a delivery (each `status` message counts, from the fix that made it
true). The others only drive (the `position` messages of the rounds count). The rest of the points
is put directly into the stream, in the form in which ingest puts them: the emulator's gateway,
which starts one Lambda process for what AWS runs in parallel, is not to be measured.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.workload import batches, points
from rtdts.telemetry_stream.aggregation import aggregate
from rtdts.tracking.instants import parse_instant
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import encode_point
from sim.drive.background import run_with_background
from sim.drive.simulated_truck import System
from sim.drive.verdict import percentile
from sim.environment import Environment
from sim.fleet.device import Fix
from sim.fleet.http_poster import http_poster
from sim.fleet.trips import Geofence
from sim.fleet.uploader import Uploader
from sim.geodesy import place_at
from sim.local_cloud.launch import CloudFailedError, launched_cloud
from sim.local_cloud.resources import local_session
from sim.token_client import TokenClient
from sim.viewers.connection import socket_opener
from sim.viewers.receiver import Received
from sim.viewers.viewer import Viewer

RATES = (100, 250, 500)
"""Points per second in total; the last one is the main figure."""
ROUND_S = 5.0
"""Time between rounds, so short that some fall into the measurement; 60 s in production."""
DRIVE_S = 29
SETTLE_S = 4
ENDING_S = 4
SNAPSHOTS_WITHIN_S = 60.0
POINTS_PER_RECORD = 10
SPEED_MPS = 55.0
RADIUS_M = 50.0
DWELL_S = 1.0
DISTANCE_M = 1_150.0
"""Distance from origin to destination: half a minute at a still plausible speed."""
BEFORE_LEAVING_M = (-150.0, -95.0, 0.0, 0.0, 0.0, 0.0)
"""Metres past the origin in the first seconds: the truck arrives and stands beyond the dwell."""
LEFT_M = 100.0
"""The first fix after that: it has left the origin, and is not near the destination yet."""
STATUSES = 5
"""The statuses that a driven delivery goes through after `assigned`."""
ROUNDS_ONLY = f"what only the rounds send, every {ROUND_S:g} s here"


@dataclasses.dataclass(frozen=True)
class _Size:
    """The load, and for how long the measured trucks drive."""

    rate: int
    drivers: int
    movers: int
    drive_s: int = DRIVE_S

    @property
    def background_trucks(self) -> int:
        return max(0, self.rate - self.drivers - self.movers)


WARM_UP = _Size(rate=100, drivers=3, movers=2, drive_s=8)
"""A drive that is not reported: the first Lambdas start, and two JVMs compile their code."""


@dataclasses.dataclass
class _Ages:
    status_s: list[float] = dataclasses.field(default_factory=list)
    round_s: list[float] = dataclasses.field(default_factory=list)


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    sizes = [_Size(20, 3, 2)] if quick else [WARM_UP, *(_Size(rate, 10, 4) for rate in RATES)]
    try:
        yield from _figures(_measure_all(sizes, print_line))
    except CloudFailedError as error:
        raise CannotMeasureError(str(error)) from error


def _figures(ages: dict[int, _Ages]) -> Iterator[Figure]:
    for rate, of in reversed(ages.items()):
        suffix = "" if rate == max(ages) else f".{rate}_per_second"
        status, rounds = sorted(of.status_s), sorted(of.round_s)
        for percent in (99, 50):
            status_s, round_s = percentile(status, percent), percentile(rounds, percent)
            if status_s is None or round_s is None:
                raise CannotMeasureError("no message came")
            name = f"status_age_p{percent}{suffix}"
            yield beside(name, status_s, "s", ROUNDS_ONLY, round_s)
            yield Figure(name=f"round_age_p{percent}{suffix}", value=round_s, unit="s")


def _measure_all(sizes: Sequence[_Size], print_line: PrintLine) -> dict[int, _Ages]:
    with tempfile.TemporaryDirectory(prefix="rtdts-bench-") as folder:
        pace = [f"--round-interval-s={ROUND_S}", f"--dwell-s={DWELL_S}"]
        with launched_cloud(
            run_dir=Path(folder) / "run",
            env_file=Path(folder) / "env",
            options=["--ports", "auto", *pace],
            on_line=print_line,
        ) as cloud:
            return {
                size.rate: ages
                for size in sizes
                if (ages := asyncio.run(_measure(cloud.environment, size, print_line)))
                and size is not WARM_UP
            }


async def _measure(environment: Environment, size: _Size, print_line: PrintLine) -> _Ages:
    run_id = f"A{size.rate}-{secrets.token_hex(2)}"
    async with aiohttp.ClientSession() as session:
        system = System(
            environment=environment,
            session=session,
            tokens=TokenClient.of(environment),
            now_ms=lambda: time.time_ns() // 1_000_000,
        )
        ages = _Ages()
        drivers = [
            _Car(system, f"{run_id}-d{n}", n, ages, drives=True) for n in range(size.drivers)
        ]
        movers = [_Car(system, f"{run_id}-m{n}", n, ages, drives=False) for n in range(size.movers)]
        cars = [*drivers, *movers]
        for start in range(0, len(cars), 8):
            await asyncio.gather(*(car.prepare() for car in cars[start : start + 8]))
        await run_with_background(
            _drive_all(environment, system, cars, size, print_line),
            *(car.keep_going() for car in cars),
        )
    expected = size.drivers * STATUSES
    if len(ages.status_s) < expected and size is not WARM_UP:
        raise CannotMeasureError(
            f"{len(ages.status_s)} of {expected} changes of status were received at "
            f"{size.rate} points/s"
        )
    return ages


async def _drive_all(
    environment: Environment,
    system: System,
    cars: Sequence[_Car],
    size: _Size,
    print_line: PrintLine,
) -> None:
    """Starts all trucks once every customer has its snapshot; ends when the last message is due."""
    try:
        async with asyncio.timeout(SNAPSHOTS_WITHIN_S):
            await asyncio.gather(*(car.snapshot_received.wait() for car in cars))
    except TimeoutError:
        raise CannotMeasureError("not every customer got its snapshot") from None
    print_line(f"{size.rate} points/s, {size.drivers} trucks through all statuses")
    background_s = SETTLE_S + size.drive_s + ENDING_S
    # Batches are spread over the time that one takes: the last one to start must not end too early.
    count = background_s + POINTS_PER_RECORD
    begun_ms = system.now_ms()
    background = [
        points(n, count, end_ms=begun_ms + count * 1_000, fleet=f"A{begun_ms}")
        for n in range(size.background_trucks)
    ]
    start_ms = system.now_ms() + 500  # only now: making the points takes some time
    await run_with_background(
        asyncio.sleep((start_ms - system.now_ms()) / 1_000 + background_s),
        *(car.drive(start_ms, size.drive_s) for car in cars),
        _put_background(environment, background, later_ms=start_ms - begun_ms),
    )


class _Car:
    """A measured truck and its customer."""

    def __init__(
        self, system: System, name: str, number: int, ages: _Ages, *, drives: bool
    ) -> None:
        self._system = system
        self._name = name
        self._number = number
        self._ages = ages
        self._drives = drives
        self._received_rounds = 0
        self._start_ms = 0
        self._sent_at_ms = 0
        self.snapshot_received = asyncio.Event()
        self._truck = system.identity("truck", f"T-{name}")
        self._uploader = Uploader(
            http_poster(system.session, system.environment.server_url), self._truck
        )
        self._viewer = Viewer(
            socket_opener(system.environment.websocket_url),
            system.identity("customer", f"C-{name}"),
            on_message=self._receive,
            now_ms=system.now_ms,
        )

    async def prepare(self) -> None:
        """Creates the delivery, and gets the truck's token before it drives."""
        await self._truck()
        await self._system.deliveries("dispatcher", "bench").put(
            f"D-{self._name}",
            truck_id=f"T-{self._name}",
            customer_id=f"C-{self._name}",
            origin=self._place(0.0 if self._drives else -50_000.0),
            destination=self._place(DISTANCE_M if self._drives else -60_000.0),
            stop_sequence=1,
        )
        await self._viewer.track(f"D-{self._name}")

    async def keep_going(self) -> None:
        """Holds the customer's socket, and sends the truck's points."""
        await run_with_background(self._viewer.run(), self._uploader.run())

    async def drive(self, start_ms: int, drive_s: int) -> None:
        """Drives; each truck starts a little later than the one before."""
        start_ms += SETTLE_S * 1_000 + self._number * 137 % 1_000
        self._start_ms = start_ms
        for second in range(drive_s):
            at_ms = start_ms + second * 1_000
            await asyncio.sleep(max(0.0, (at_ms - self._system.now_ms()) / 1_000))
            self._uploader.offer([self._fix(second, at_ms)])
            self._sent_at_ms = at_ms
        await asyncio.Event().wait()

    def _fix(self, second: int, at_ms: int) -> Fix:
        along_m, speed_mps = progress(second) if self._drives else (SPEED_MPS * second, SPEED_MPS)
        here = self._place(along_m)
        return Fix(
            truck_id=f"T-{self._name}",
            seq=second,
            recorded_at_ms=at_ms,
            lat=here.lat,
            lon=here.lon,
            accuracy_m=5.0,
            speed_mps=speed_mps,
            heading_deg=0.0,
            satellites=9,
            hdop=0.9,
            ignition=True,
            battery_pct=100.0,
            odometer_m=1_000 + round(SPEED_MPS * second),
        )

    def _place(self, along_m: float) -> Geofence:
        """A place on the truck's own straight road to the north."""
        lat, lon = place_at(35.0, 128.0 + self._number * 0.02, 0.0, along_m)
        return Geofence(round(lat, 7), round(lon, 7), RADIUS_M)

    def _receive(self, received: Received) -> None:
        message: Mapping[str, Any] = received.message
        kind, now_ms = message.get("type"), received.received_at_ms
        if kind == "snapshot":
            self.snapshot_received.set()
        if kind == "status" and self._drives:
            # A dwell ends between two fixes; the second one, a second after the first, shows it.
            before_ms = (self._start_ms - parse_instant(message["effective_at"])) % 1_000
            fix_at_ms = parse_instant(message["effective_at"]) + before_ms
            self._ages.status_s.append((now_ms - fix_at_ms) / 1_000)
        elif kind == "position" and not self._drives and received.new_position:
            # The first one comes with a change of status, not with a round. When the truck has
            # stopped sending, its position's age says nothing about the service.
            if self._received_rounds and now_ms - self._sent_at_ms <= 1_000:
                age_ms = now_ms - parse_instant(message["position_at"])
                self._ages.round_s.append(age_ms / 1_000)
            self._received_rounds += 1


def progress(second: int) -> tuple[float, float]:
    """Metres past the origin and m/s of a truck that drives through all statuses."""
    if second < len(BEFORE_LEAVING_M):
        along_m = BEFORE_LEAVING_M[second]
        return along_m, SPEED_MPS if along_m else 0.0
    along_m = LEFT_M + SPEED_MPS * (second - len(BEFORE_LEAVING_M))
    return min(along_m, DISTANCE_M), SPEED_MPS if along_m < DISTANCE_M else 0.0


async def _put_background(
    environment: Environment, of_trucks: Sequence[Sequence[Point]], *, later_ms: int
) -> None:
    """Puts every truck's points, ten at a time, when the last of the ten was made.

    Args:
        environment: Where to put them.
        of_trucks: The points.
        later_ms: How much later than their time the points are put.
    """
    client = local_session(environment.region).client(
        "kinesis", endpoint_url=environment.aws_endpoint_url
    )
    batch_ms = POINTS_PER_RECORD * 1_000
    due = sorted(
        (
            (part[-1].event_at_ms + later_ms - index * 37 % batch_ms, part)
            for index, of in enumerate(of_trucks)
            for part in batches(of, POINTS_PER_RECORD)
        ),
        key=lambda entry: entry[0],
    )
    waiting: list[Mapping[str, Any]] = []
    for at_ms, part in due:
        wait_s = (at_ms - time.time_ns() // 1_000_000) / 1_000
        if waiting and (wait_s > 0 or len(waiting) == 100):
            await asyncio.to_thread(
                client.put_records,
                StreamName=environment.stream_name,
                Records=waiting,  # type: ignore[arg-type] # its stubs want a TypedDict
            )
            waiting = []
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        truck = part[0].truck_id
        later = at_ms - part[-1].event_at_ms
        data = aggregate(truck, [encode_point(_made_later(point, later)) for point in part])
        waiting.append({"PartitionKey": truck, "Data": data})
    await asyncio.Event().wait()


def _made_later(point: Point, later_ms: int) -> Point:
    return msgspec.structs.replace(
        point,
        recorded_at_ms=point.recorded_at_ms + later_ms,
        event_at_ms=point.event_at_ms + later_ms,
        received_at_ms=point.received_at_ms + later_ms,
    )


BENCHMARK = Benchmark(
    name="status_age_p99", title="from the fix to the socket, under load", run=run
)
