"""The cost for the consumer of points that are an hour late, beside the same points in order.

Trucks that report every half minute have driven for more than an hour. The consumer has read all of
their points except a few that were not received. Then new points come, one per record, and a batch
holds one point of each truck. Some of them are replaced by missing points, each an hour after its
time; each truck's missing points come at different times.

A run ends when the checkpoints are at the stream's end and nothing is unsettled. Late points are
settled together, every 2 s, so in a run of some seconds the last settling would dominate a rate by
elapsed time. Rates are therefore by the CPU time of the record processors, the daemon and the node
together. The time from the last batch until the last late point is settled is a separate figure.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random
import time
from collections.abc import Iterator, Sequence

import msgspec

from bench.consumer_points import check_all_are_stored, warm_up
from bench.engines import SHARDS, Engines, Work, engines, stream_records
from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.fleets import carry, fleet_on
from rtdts.position_store.index_definitions import STATE_INDEX
from rtdts.tracking.positions import Point

INTERVAL_S = 30
LATE_POINTS = 3_600 // INTERVAL_S
"""Points that a truck sends in an hour."""

BEFORE_POINTS = LATE_POINTS + 20
"""Points of each truck before the measured ones; its very first point is never late."""

DRIVES = 50
SEED = 9
SPEED_MPS = 14.0
NOISE_DEG = 0.000_03
"""About 3 m."""

SHARES = {"1_percent": 0.01, "10_percent": 0.1}
BEFORE_POINTS_PER_RECORD = 20
WARMING_TRUCKS = 500
TIMEOUT_S = 600.0
IN_ORDER = "the same points in order"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Load:
    """What the trucks of one run send.

    Attributes:
        before: Each truck's points that come first and are not measured.
        new: Each truck's measured points, in order of arrival.
        late: How many of those are late.
    """

    before: Sequence[Sequence[Point]]
    new: Sequence[Sequence[Point]]
    late: int


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    yield from asyncio.run(_measure(quick, print_line))


async def _measure(quick: bool, print_line: PrintLine) -> list[Figure]:
    trucks, new = (20, 20) if quick else (1_000, 40)
    shares = {"10_percent": SHARES["10_percent"]} if quick else SHARES
    async with engines(print_line) as running:
        warm_up(running, 10 if quick else 100, quick, print_line)
        if not quick:
            # Not measured: a node compiles the code for searching and settling at its first use.
            await _work(running, "warming", WARMING_TRUCKS, new, max(SHARES.values()), print_line)
        # In order first and last, as the node keeps getting faster.
        first = await _work(running, "inorder", trucks, new, 0.0, print_line)
        late = {
            name: await _work(
                running, f"late{name.replace('_', '')}", trucks, new, share, print_line
            )
            for name, share in shares.items()
        }
        last = (
            first if quick else await _work(running, "inorderagain", trucks, new, 0.0, print_line)
        )
    in_order = (_rate(first) + _rate(last)) / 2
    return list(_figures(late, in_order))


def _figures(late: dict[str, Work], in_order: float) -> Iterator[Figure]:
    unit = "points/s of CPU time"
    for name, work in late.items():
        suffix = f".{name}" if name != "10_percent" else ""
        yield beside(f"late_points{suffix}", _rate(work), unit, IN_ORDER, in_order)
        yield Figure(name=f"late_points.{name}.settled_after", value=work.done_after_s, unit="s")


def _rate(work: Work) -> float:
    """Points per second of CPU time of all processes."""
    return 1e6 / work.cpu_us


async def _work(
    running: Engines, name: str, trucks: int, new: int, share: float, print_line: PrintLine
) -> Work:
    fleet = fleet_on(drives(BEFORE_POINTS + new), name, trucks)
    load = load_of(fleet, share, random.Random(SEED))
    carry(running, fleet, DRIVES)
    stream = running.new_stream(stream_records(load.before, BEFORE_POINTS_PER_RECORD))
    points = sum(map(len, load.before))
    print_line(f"{name}: {points} points before")
    await running.work_of(
        running.consumer(stream),
        points,
        within_s=TIMEOUT_S,
        is_done=lambda: running.is_checkpointed(stream),
    )
    if found := _unsettled(running):
        raise CannotMeasureError(f"{found} trucks are unsettled before anything was late")
    running.put(stream, stream_records(load.new, 1))
    expected = sum(map(len, load.new))
    # The trucks come in turn, and a shard has about its share of them: one point of each.
    settings = {"KCL_MAX_RECORDS": str(max(1, round(trucks / SHARDS * 0.9)))}
    work = await running.work_of(
        running.consumer(stream, settings=settings),
        expected,
        within_s=TIMEOUT_S,
        is_done=lambda: running.is_checkpointed(stream) and not _unsettled(running),
    )
    spent = ", ".join(f"{part} {us:,.0f}" for part, us in work.cpu_us_by_part.items())
    print_line(
        f"{name}: {expected} points, {load.late} late: {work.cpu_us:,.0f} µs of CPU ({spent}); "
        f"{work.elapsed_s:.1f} s, all settled {work.done_after_s:.1f} s later"
    )
    check_all_are_stored(running, fleet, points + expected)
    return work


def load_of(fleet: Sequence[Sequence[Point]], share: float, chance: random.Random) -> Load:
    """Sends points an hour late instead of new ones, spread over the trucks and over time.

    Args:
        fleet: Each truck's points in order: `BEFORE_POINTS`, the new ones, and its destination.
        share: How many of the measured points are late, from 0 to 1.
        chance: Chooses them.
    """
    of_each = len(fleet[0]) - 1 - BEFORE_POINTS
    slots = [(truck, slot) for truck in range(len(fleet)) for slot in range(of_each)]
    late = set(chance.sample(slots, round(len(slots) * share)))
    before, new = [], []
    for truck, of in enumerate(fleet):
        missing = {
            BEFORE_POINTS + slot - LATE_POINTS for slot in range(of_each) if (truck, slot) in late
        }
        before.append([of[n] for n in range(BEFORE_POINTS) if n not in missing])
        in_order = iter(of[BEFORE_POINTS:-1])
        new.append(
            [
                _received_with(of[BEFORE_POINTS + slot - LATE_POINTS], of[BEFORE_POINTS + slot])
                if (truck, slot) in late
                else next(in_order)
                for slot in range(of_each)
            ]
        )
    return Load(before=before, new=new, late=len(late))


def _received_with(late: Point, now: Point) -> Point:
    return msgspec.structs.replace(late, received_at_ms=now.received_at_ms)


def _unsettled(running: Engines) -> int:
    """Number of unsettled trucks."""
    running.opensearch.indices.refresh(index=STATE_INDEX)
    query = {"query": {"term": {"is_unsettled": True}}}
    return int(running.opensearch.count(index=STATE_INDEX, body=query)["count"])


def drives(count: int) -> list[list[Point]]:
    """Drives that last for hours, longer than any road of the library.

    They end long enough ago for the pause after late points to be over: otherwise a corrected time,
    and with it the run, would wait for that.
    """
    end_ms = time.time_ns() // 1_000_000 - 120_000
    return [_drive(number, count, end_ms) for number in range(DRIVES)]


def _drive(number: int, count: int, end_ms: int) -> list[Point]:
    """A truck that drives straight on with varying speed; its last point is far ahead."""
    chance = random.Random(f"{SEED}.{number}")
    lat, lon, heading = 36.0 + number / 100, 128.0, chance.uniform(0.0, 2 * math.pi)
    made = []
    for n in range(count + 1):
        speed_mps = SPEED_MPS * chance.uniform(0.7, 1.3)
        step_m = (speed_mps * INTERVAL_S if n else 0.0) * (1 if n < count else 200)
        lat += step_m * math.cos(heading) / 111_195
        lon += step_m * math.sin(heading) / (111_195 * math.cos(math.radians(lat)))
        at_ms = end_ms - (count - n) * INTERVAL_S * 1_000
        made.append(
            Point(
                truck_id="",
                recorded_at_ms=at_ms,
                lat=round(lat + chance.gauss(0.0, NOISE_DEG), 7),
                lon=round(lon + chance.gauss(0.0, NOISE_DEG), 7),
                event_at_ms=at_ms,
                received_at_ms=at_ms + 800,
                seq=n,
                accuracy_m=5.0,
                speed_mps=round(speed_mps, 1),
                heading_deg=round(math.degrees(heading), 1) % 360,
                satellites=10,
                hdop=0.9,
                ignition=True,
                battery_pct=90.0,
            )
        )
    return made


BENCHMARK = Benchmark(
    name="late_points",
    title="the consumer with points that are an hour late",
    run=run,
)
