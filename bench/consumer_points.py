"""The consumer: points per second through the real KCL into a real node, with all enrichment.

It is compared with the same node's raw limit (the same documents, ready-made, in bulk) and with the
KCL's official sample (one decode and one index call per record, no enrichment).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.engines import Engines, Work, engines, stream_records
from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.raw_limit import raw_bodies, raw_rate
from bench.workload import created, delivery, plan, points
from consumer.kcl_configuration import LOGBACK, command, properties, properties_file
from consumer.settings import Settings
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.schema import TableNames
from rtdts.position_store.index_definitions import POSITIONS_PATTERN
from rtdts.position_store.state import StateWrite, TruckStateStore
from rtdts.runtime.settings import read_settings
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from sim.local_cloud.parts import Part

POINTS_PER_RECORD = (10, 1, 50)
"""Points per stream record; the usual size first."""

RAW = "the node's raw limit: the same documents in bulk"
SAMPLE = "the KCL's sample: one decode and one index call per record"
WARM_UPS = 4
TIMEOUT_S = 180.0


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    yield from asyncio.run(_measure(quick, print_line))


async def _measure(quick: bool, print_line: PrintLine) -> list[Figure]:
    trucks = 10 if quick else 100
    counts = (
        {POINTS_PER_RECORD[0]: 50}
        if quick
        else dict(zip(POINTS_PER_RECORD, (301, 151, 151), strict=True))
    )
    async with engines(print_line) as running:
        warm_up(running, trucks, quick, print_line)
        raws = [_raw(running, _fleet("raw", trucks, counts[POINTS_PER_RECORD[0]]))]
        works: dict[int, Work] = {}
        for size, count in counts.items():
            fleet = _fleet(f"by{size}", trucks, count)
            carry_deliveries(running, fleet)
            _remember(running, fleet)
            works[size] = await _consume(running, fleet, size, print_line)
            # Between two measurements of ours, as the node keeps getting faster.
            raws.append(_raw(running, _fleet(f"raw{size}", trucks, counts[POINTS_PER_RECORD[0]])))
            print_line(
                f"raw limit before and after: {raws[-2]:,.0f} and {raws[-1]:,.0f} documents/s"
            )
        sample = await _sample(running, _fleet("sample", trucks, 3 if quick else 15), print_line)
    limits = {
        size: sum(around) / 2 for size, around in zip(works, itertools.pairwise(raws), strict=True)
    }
    first, *others = works
    usual = works[first]
    unit = "points/s"
    return [
        beside("consumer_points", usual.rate, unit, SAMPLE, sample.rate),
        beside("consumer_points.beside_raw_limit", usual.rate, unit, RAW, limits[first]),
        *(
            beside(f"consumer_points.{size}_per_record", works[size].rate, unit, RAW, limits[size])
            for size in others
        ),
        beside("consumer_cpu", usual.cpu_us, "µs of CPU per point", SAMPLE, sample.cpu_us),
        *(
            Figure(name=f"consumer_cpu.{part}", value=us, unit="µs of CPU per point")
            for part, us in usual.cpu_us_by_part.items()
        ),
    ]


def warm_up(running: Engines, trucks: int, quick: bool, print_line: PrintLine) -> float:
    """Warms the node up: one that has just started compiles its own code and is four times slower.

    Returns:
        The node's raw limit at the end, in documents/s.
    """
    rate = 0.0
    for number in range(1 if quick else WARM_UPS):
        rate = _raw(running, _fleet(f"warm{number}", trucks, 10 if quick else 150))
        print_line(f"warming the node up: {rate:,.0f} documents/s")
    return rate


def _fleet(name: str, trucks: int, count: int) -> list[list[Point]]:
    now_ms = time.time_ns() // 1_000_000
    return [points(number, count, end_ms=now_ms, fleet=name) for number in range(trucks)]


def _raw(running: Engines, fleet: Sequence[Sequence[Point]]) -> float:
    # The pattern's template makes it an index like the consumer's.
    return raw_rate(running, raw_bodies(fleet), POSITIONS_PATTERN.replace("*", "1970.01.01"))


def carry_deliveries(running: Engines, fleet: Sequence[Sequence[Point]]) -> None:
    """Gives every truck a delivery, so that there are statuses to find."""
    names = running.environment
    store = DeliveryStore(
        running.client("dynamodb"),
        TableNames(
            deliveries=names.deliveries_table,
            delivery_events=names.delivery_events_table,
            truck_matches=names.truck_matches_table,
            subscriptions="",
            socket_tickets="",
        ),
    )
    for of in fleet:
        row = delivery(of)
        store.append(None, row, [created(row)], matches=True)


def _remember(running: Engines, fleet: Sequence[Sequence[Point]]) -> None:
    """Sends each truck's first point, so that the consumer has the truck's state, as is usual.

    For a truck without a state it looks up every point, since the state might have been lost.
    """
    states = []
    for of in fleet:
        known = plan(delivery(of))
        plans = {known.match.delivery_id: known}
        update = fold_truck(of[0].truck_id, None, [of[:1]], [known.match], plans, TrackingRules())
        states.append(StateWrite.of(update.state, None))
    if any(one.version is None for one in TruckStateStore(running.opensearch).save(states)):
        raise CannotMeasureError("a truck's state could not be written")


async def _consume(
    running: Engines, fleet: Sequence[Sequence[Point]], size: int, print_line: PrintLine
) -> Work:
    rest = [of[1:] for of in fleet]
    expected = sum(map(len, rest))
    stream = running.new_stream(stream_records(rest, size))
    print_line(f"consuming {expected} points, {size} per record")
    work = await running.work_of(running.consumer(stream), expected, within_s=TIMEOUT_S)
    print_line(f"{work.rate:,.0f} points/s")
    check_all_are_stored(running, fleet, expected)
    return work


def check_all_are_stored(running: Engines, fleet: Sequence[Sequence[Point]], expected: int) -> None:
    """Checks that the history holds the expected points of the fleet.

    Raises:
        CannotMeasureError: It holds another number.
    """
    running.opensearch.indices.refresh(index=POSITIONS_PATTERN)
    prefix = fleet[0][0].truck_id.rpartition("-")[0]
    found = running.opensearch.count(
        index=POSITIONS_PATTERN, body={"query": {"prefix": {"truck_id": f"{prefix}-"}}}
    )["count"]
    if found != expected:
        raise CannotMeasureError(f"{found} of {expected} points are in the history")


async def _sample(
    running: Engines, fleet: Sequence[Sequence[Point]], print_line: PrintLine
) -> Work:
    expected = sum(map(len, fleet))
    stream = running.new_stream(stream_records(fleet, POINTS_PER_RECORD[0]))
    print_line(f"consuming {expected} points with the sample")
    return await running.work_of(_sample_part(running, stream), expected, within_s=TIMEOUT_S)


def _sample_part(running: Engines, stream: str) -> Part:
    """The consumer's daemon with the same properties, but with the sample as its child."""
    consumer = running.consumer(stream)
    environment = {
        **consumer.environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    settings = read_settings(Settings, environment)
    folder = Path(settings.work_folder)
    folder.mkdir(parents=True, exist_ok=True)
    properties_path, logback_path = folder / "kcl.properties", folder / "logback.xml"
    settings_document = {
        **properties(settings),
        "executableName": "python -m bench.baselines.sample_consumer",
    }
    properties_path.write_text(properties_file(settings_document), encoding="utf-8")
    logback_path.write_text(LOGBACK, encoding="utf-8")
    return Part(
        name="sample",
        command=command(
            settings,
            jars=_kclpy_jars(),
            properties_path=properties_path,
            logback_path=logback_path,
        ),
        environment=environment,
        is_ready=consumer.is_ready,
        ready_within_s=consumer.ready_within_s,
    )


def _kclpy_jars() -> Path:
    import amazon_kclpy

    return Path(amazon_kclpy.__file__).parent / "jars"


BENCHMARK = Benchmark(
    name="consumer_points",
    title="points/s through the real KCL into a real OpenSearch node",
    run=run,
)
