"""The consumer with a wide fleet: every truck has one point in a batch, as in the field.

`consumer_points` reads a backlog of few trucks: a batch then holds dozens of points of each, and a
truck's state is written once for all of them. When many trucks report every ten seconds, a batch
holds one point of each, so each point costs one write of a state, and also a read when there are
more trucks than a child's cache holds.

It is compared, on the same node and with the same points, with the former consumer
(`bench.baselines.window_consumer`). Each of the two runs first once, as the node keeps getting
faster. The raw limit is always that of the former mappings, before and after all: the current ones
index less, and a limit that changes with what is measured beside it shows nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from bench.baselines import window_consumer
from bench.consumer_points import WARM_UPS, check_all_are_stored
from bench.engines import LOCAL_AWS, SHARDS, Engines, Work, engines, stream_records
from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.fleets import carry, fleet_on
from bench.raw_limit import raw_bodies, raw_rate
from bench.timing import cpu_rate
from bench.truck_states import Drive
from bench.workload import created, delivery, plan, points
from rtdts.tracking.positions import Point
from rtdts.tracking.state_codec import pack_state
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.truck_fold import WINDOW_FIXES, TrackingRules, fold_truck

DRIVES, QUICK_DRIVES = 100, 10
"""Trucks whose points are made; the others drive the same roads under other names."""

DRIVE_POINTS = 900
"""So many that no truck comes near its destination: a status is rare, and its cost is included."""

REMEMBERED = window_consumer.WINDOW_POINTS
"""Points that a truck has sent before the measurement."""

TIMEOUT_S = 600.0

AT_ONCE, QUICK_AT_ONCE = 200, 20
"""States compressed together."""

FORMER = window_consumer.NAME
RAW = "the node's raw limit: documents in bulk, with the former mappings"

_ROOT = Path(__file__).parents[1]
_RAW_INDEX = "bench-raw"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """How many trucks, and how many new points of each."""

    trucks: int
    new: int
    cache_size: int
    """States that a child keeps."""
    drives: int = DRIVES


SIZES = {
    "cached": Size(trucks=2_000, new=30, cache_size=2_000),
    "read_first": Size(trucks=3_000, new=15, cache_size=500),
}
"""Sizes at which the compile time of each daemon's JVM is a small part."""
WARMING = Size(trucks=1_000, new=15, cache_size=500)
"""A run of each consumer that is not measured: a node that has just started takes four times as
long."""
QUICK = {
    "cached": Size(trucks=10, new=10, cache_size=100, drives=QUICK_DRIVES),
    "read_first": Size(trucks=30, new=3, cache_size=5, drives=QUICK_DRIVES),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Consumed:
    """The cost of one consumer."""

    work: Work
    written: float
    """Bytes per point that the node wrote to its disk meanwhile."""

    @property
    def cpu_us(self) -> Mapping[str, float]:
        """CPU time per point, by process."""
        return {name: us for name, us in self.work.cpu_us_by_part.items() if name != LOCAL_AWS}


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    yield from asyncio.run(_measure(quick, print_line))


async def _measure(quick: bool, print_line: PrintLine) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="rtdts-former-") as folder:
        sources = window_consumer.extract(Path(folder))
        figures = await _beside_the_former(quick, sources, print_line)
        figures += _in_subprocess(quick, sources, print_line)
    figures += _compressed_sizes(quick)
    return figures


async def _beside_the_former(quick: bool, sources: Path, print_line: PrintLine) -> list[Figure]:
    former, ours = window_consumer.variables(sources), {"PYTHONPATH": str(_ROOT)}
    measured: dict[str, dict[str, _Consumed]] = {}
    async with engines(print_line) as running:
        index = window_consumer.positions_index(sources)
        raw_before = _raw(running, index, quick, WARM_UPS, print_line)
        repeats = {"former": former, "ours": ours}
        for name in () if quick else repeats:
            await _consume(running, f"warming.{name}", WARMING, repeats[name], print_line)
        for kind, size in (QUICK if quick else SIZES).items():
            # In turn: the node is faster each time.
            measured[kind] = {
                name: await _consume(running, f"{kind}.{name}", size, repeats[name], print_line)
                for name in (repeats if kind == "cached" else reversed(repeats))
            }
        raw_after = _raw(running, index, quick, 1, print_line)
    print_line(f"raw limit before and after: {raw_before:,.0f} and {raw_after:,.0f} documents/s")
    return list(_figures(measured, (raw_before + raw_after) / 2))


def _figures(measured: Mapping[str, Mapping[str, _Consumed]], raw: float) -> Iterator[Figure]:
    for kind, by_consumer in measured.items():
        ours, former = by_consumer["ours"], by_consumer["former"]
        suffix = "" if kind == "cached" else f".{kind}"
        unit = "µs of CPU per point"
        yield beside(f"wide_fleet_points{suffix}", ours.work.rate, "points/s", RAW, raw)
        yield beside(f"wide_fleet_cpu{suffix}", ours.work.cpu_us, unit, FORMER, former.work.cpu_us)
        for part, us in ours.cpu_us.items():
            yield beside(f"wide_fleet_cpu.{kind}.{part}", us, unit, FORMER, former.cpu_us[part])
        name = f"wide_fleet_written.{kind}"
        yield beside(name, ours.written, "bytes per point", FORMER, former.written)


async def _consume(
    running: Engines, kind: str, size: Size, variables: Mapping[str, str], print_line: PrintLine
) -> _Consumed:
    """Measures the fleet's new points on a node that holds only the fleet's states."""
    _clear_all(running)
    prefix = kind.replace("_", "").replace(".", "")
    fleet = _fleet(prefix, size.trucks, REMEMBERED + size.new, size.drives)
    print_line(
        f"{kind}: {size.trucks} trucks, {REMEMBERED} points remembered, {size.new} new ones each"
    )
    carry(running, fleet, size.drives)
    if kind.endswith(".former"):
        window_consumer.write_matches(
            running.client("dynamodb"), running.environment.truck_matches_table
        )
    url = running.environment.opensearch_url
    remember = ["remember", url, prefix, str(size.trucks)]
    _with_states(remember, REMEMBERED, variables, size.drives)
    rest = [of[REMEMBERED:-1] for of in fleet]
    stream = running.new_stream(stream_records(rest, 1))
    settings = {
        "CACHED_TRUCKS": str(size.cache_size),
        # The trucks come in turn, and a shard has about its share of them: one point of each.
        "KCL_MAX_RECORDS": str(max(1, round(size.trucks / SHARDS * 0.9))),
    }
    consumer = running.consumer(stream, settings=settings, variables=variables)
    expected = size.trucks * size.new
    before = _written_by_node(running)
    work = await running.work_of(consumer, expected, within_s=TIMEOUT_S)
    written = (_written_by_node(running) - before) / expected
    spent = ", ".join(
        f"{name} {us:,.0f}" for name, us in work.cpu_us_by_part.items() if name != LOCAL_AWS
    )
    print_line(
        f"{work.rate:,.0f} points/s; {work.cpu_us:,.0f} µs of CPU ({spent}); {written:,.0f} bytes"
    )
    check_all_are_stored(running, fleet, expected)
    return _Consumed(work=work, written=written)


def _clear_all(running: Engines) -> None:
    """Empties the node. The next states install the templates and indexes of their sources."""
    indexes = running.opensearch.indices
    if there := list(indexes.get(index="truck-*")):
        indexes.delete(index=",".join(there))


def _raw(
    running: Engines, index: Mapping[str, Any], quick: bool, times: int, print_line: PrintLine
) -> float:
    now_ms = time.time_ns() // 1_000_000
    trucks, count = (10, 10) if quick else (DRIVES, 150)
    fleet = [points(number, count, end_ms=now_ms, fleet="raw") for number in range(trucks)]
    mappings = index["mappings"]
    bodies = raw_bodies(fleet, only=mappings["properties"])
    rate = 0.0
    for _ in range(1 if quick else times):
        running.opensearch.indices.create(index=_RAW_INDEX, body=index)
        rate = raw_rate(running, bodies, _RAW_INDEX)
        running.opensearch.indices.delete(index=_RAW_INDEX)
        print_line(f"raw limit, former mappings: {rate:,.0f} documents/s")
    return rate


def _written_by_node(running: Engines) -> int:
    """Bytes that OpenSearch has written to disk."""
    pid = (running.run_dir / "opensearch.pid").read_text().strip()
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        name, _, value = line.partition(": ")
        if name == "write_bytes":
            return int(value)
    raise CannotMeasureError("this system does not report what a process writes")


def _fleet(name: str, trucks: int, count: int, drives: int) -> list[list[Point]]:
    """Each truck's first points, and then the last of its drive: its delivery's destination."""
    return fleet_on([[*of[:count], of[-1]] for of in _drives(drives)], name, trucks)


@cache
def _drives(count: int) -> list[list[Point]]:
    """The drives, the same for all fleets: their states are made in other processes."""
    now_ms = time.time_ns() // 1_000_000
    return [points(number, DRIVE_POINTS, end_ms=now_ms) for number in range(count)]


def _with_states(
    arguments: Sequence[str], count: int, variables: Mapping[str, str], number_of_drives: int
) -> str:
    """Runs `bench.truck_states` with the sources that the variables name."""
    drives = [
        Drive(
            points=[encode_point(point).decode() for point in of[:count]],
            delivery=delivery(of),
            created=created(delivery(of)),
        )
        for of in _drives(number_of_drives)
    ]
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("truck_states.py")), *arguments],
        input=msgspec.json.encode(drives),
        env={**os.environ, **variables},
        capture_output=True,
    )
    if done.returncode:
        raise CannotMeasureError(f"no states: {done.stderr.decode()[-2_000:]}")
    return done.stdout.decode()


def _in_subprocess(quick: bool, sources: Path, print_line: PrintLine) -> Iterator[Figure]:
    """The memory that a truck's state takes in a record processor.

    The same work runs twice, in separate processes: once all states are kept, once hardly any.
    """
    found = {}
    ours, former = {"PYTHONPATH": str(_ROOT)}, window_consumer.variables(sources)
    drives = QUICK_DRIVES if quick else DRIVES
    for name, trucks, count, variables in (
        ("ours", 1_000 if quick else 20_000, 2 * WINDOW_FIXES, ours),
        ("former", 100 if quick else 2_000, REMEMBERED, former),
    ):
        none, all_ = (
            int(_with_states(["hold", "T", str(trucks), str(kept)], count, variables, drives))
            for kept in (1, trucks)
        )
        found[name] = (all_ - none) / trucks
        print_line(f"{name}: {found[name]:,.0f} bytes of a process's memory per truck, of {trucks}")
    unit = "bytes per truck"
    yield beside("wide_fleet_process_bytes", found["ours"], unit, FORMER, found["former"])


def _compressed_sizes(quick: bool) -> Iterator[Figure]:
    """The size of a state as sent, and the client's CPU time to compress it for a domain.

    The client compresses over https only; within one machine it would only cost time.
    """
    trucks, drives = (QUICK_AT_ONCE, QUICK_DRIVES) if quick else (AT_ONCE, DRIVES)
    documents = [_state_document(of) for of in _fleet("state", trucks, REMEMBERED, drives)]
    body = b"\n".join(documents)
    compressed = gzip.compress(body)
    rate = cpu_rate(len(documents), lambda: gzip.compress(body))
    for name, sent in (("memory", body), ("wire", compressed)):
        size = len(sent) / len(documents)
        yield Figure(name=f"wide_fleet_{name}", value=size, unit="bytes per truck")
    yield Figure(name="wide_fleet_wire_cpu", value=1e6 / rate, unit="µs of CPU per truck")


def _state_document(of: Sequence[Point]) -> bytes:
    known = plan(delivery(of))
    plans = {known.match.delivery_id: known}
    rules = TrackingRules()
    state = fold_truck(of[0].truck_id, None, [of[:-1]], [known.match], plans, rules).state
    document = {"truck_id": state.truck_id, "is_unsettled": False, "state": pack_state(state)}
    return msgspec.json.encode(document)


BENCHMARK = Benchmark(
    name="wide_fleet_points",
    title="the consumer when each point belongs to another truck",
    run=run,
)
