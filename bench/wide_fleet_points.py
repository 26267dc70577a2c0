"""The consumer with a wide fleet: every truck has one point in a batch, as in the field.

`consumer_points` reads a backlog of few trucks: a batch then holds dozens of points of each, and a
truck's memory is written once for all of them. Where many trucks report every ten seconds, a batch
holds one point of each, so each point costs a memory: written whole, and read first where there are
more trucks than a child keeps at hand.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.consumer_points import RAW, carry_deliveries, check_all_are_there, warm_up
from bench.engines import LOCAL_AWS, SHARDS, Engines, Work, engines, stream_records
from bench.figures import Benchmark, CannotMeasureError, Figure, Say, beside
from bench.timing import cpu_rate
from bench.workload import delivery, plan, points
from consumer.settings import Settings
from rtdts.position_store.state import StateWrite, TruckStateStore, encode_state
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from rtdts.tracking.truck_state import TruckState

DRIVES = 100
"""Trucks whose points are made; the others drive the same roads under other names."""

DRIVE_POINTS = 900
"""So long that no truck comes near its destination: a status is rare, and costs what it costs."""

MOST_S = 600.0

AT_ONCE = 200
"""Memories written in a request."""


def run(quick: bool, say: Say) -> Iterator[Figure]:
    """Measures."""
    yield from asyncio.run(_measure(quick, say))


async def _measure(quick: bool, say: Say) -> list[Figure]:
    at_hand = 20 if quick else _trucks_at_hand() * SHARDS
    # The second's memories don't fit at hand.
    fleets = {"at_hand": (at_hand // 2, 10), "read_first": (at_hand * 3 // 2, 3)}
    figures = []
    async with engines(say) as running:
        raw = warm_up(running, 10 if quick else DRIVES, quick, say)
        for kind, (trucks, new) in fleets.items():
            work, written = await _consume(running, kind, trucks, new, say)
            name = "wide_fleet_points" + ("" if kind == "at_hand" else f".{kind}")
            figures.append(beside(name, work.rate, "points/s", RAW, raw))
            figures += [
                Figure(name=f"wide_fleet_cpu.{kind}.{part}", value=us, unit="µs of CPU a point")
                for part, us in work.cpu_us_by_part.items()
                if part != LOCAL_AWS
            ]
            figures.append(
                Figure(name=f"wide_fleet_written.{kind}", value=written, unit="bytes a point")
            )
    figures += _memory_on_the_way()
    return figures


async def _consume(
    running: Engines, kind: str, trucks: int, new: int, say: Say
) -> tuple[Work, float]:
    """What it took, and the bytes a point that the node gave to its disk meanwhile."""
    remembered = TrackingRules().window_points
    fleet = _fleet(kind.replace("_", ""), trucks, remembered + new)
    say(f"{trucks} trucks, each with {remembered} points remembered and {new} new ones")
    carry_deliveries(running, fleet)
    _remember(running, fleet, remembered)
    rest = [of[remembered:-1] for of in fleet]
    stream = running.new_stream(stream_records(rest, 1))
    wanted = trucks * new
    before = _written_by_node(running)
    work = await running.work_of(running.consumer(stream), wanted, within_s=MOST_S)
    written = (_written_by_node(running) - before) / wanted
    say(f"{work.rate:,.0f} points/s, {work.cpu_us:,.0f} µs of CPU and {written:,.0f} bytes each")
    check_all_are_there(running, fleet, wanted)
    return work, written


def _written_by_node(running: Engines) -> int:
    """Bytes that OpenSearch has had written to disk."""
    pid = (running.run_dir / "opensearch.pid").read_text().strip()
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        name, _, value = line.partition(": ")
        if name == "write_bytes":
            return int(value)
    raise CannotMeasureError("this system does not say what a process writes")


def _trucks_at_hand() -> int:
    """The default of the consumer's setting, a child."""
    defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Settings)}
    return int(defaults["trucks_at_hand"])


def _fleet(name: str, trucks: int, count: int) -> list[list[Point]]:
    """Each truck's first points, and then the last of its drive: its delivery's destination."""
    now_ms = time.time_ns() // 1_000_000
    drives = [points(number, DRIVE_POINTS, end_ms=now_ms) for number in range(DRIVES)]
    return [
        [
            msgspec.structs.replace(point, truck_id=f"{name}-{number:06d}")
            for point in (*drives[number % DRIVES][:count], drives[number % DRIVES][-1])
        ]
        for number in range(trucks)
    ]


def _memory_of(of: Sequence[Point], count: int) -> TruckState:
    known = plan(delivery(of))
    plans = {known.match.delivery_id: known}
    rules = TrackingRules()
    return fold_truck(of[0].truck_id, None, [of[:count]], [known.match], plans, rules).state


def _memory_on_the_way() -> Iterator[Figure]:
    """A full memory as it is sent, and what the client takes to compress it on the way to a domain.

    It does so over https only; within one machine it would only cost time.
    """
    fleet = _fleet("memory", AT_ONCE, TrackingRules().window_points)
    documents = [encode_state(_memory_of(of, len(of) - 1)) for of in fleet]
    body = b"\n".join(documents)
    compressed = gzip.compress(body)
    rate = cpu_rate(len(documents), lambda: gzip.compress(body))
    for name, sent in (("memory", body), ("wire", compressed)):
        size = len(sent) / len(documents)
        yield Figure(name=f"wide_fleet_{name}", value=size, unit="bytes a truck")
    yield Figure(name="wide_fleet_wire_cpu", value=1e6 / rate, unit="µs of CPU a truck")


def _remember(running: Engines, fleet: Sequence[Sequence[Point]], count: int) -> None:
    """Every truck has a full memory already."""
    store = TruckStateStore(running.opensearch)
    writes = [StateWrite(state=_memory_of(of, count), replaces=None) for of in fleet]
    for start in range(0, len(writes), AT_ONCE):
        if any(one.version is None for one in store.save(writes[start : start + AT_ONCE])):
            raise CannotMeasureError("a truck's memory could not be written")


BENCHMARK = Benchmark(
    name="wide_fleet_points",
    title="the consumer where each point is of another truck",
    run=run,
)
