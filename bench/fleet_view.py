"""The cost of a fleet view, which does not grow with the trucks outside of it.

A real OpenSearch node holds first a small fleet, then a large one; the same trucks are in view. The
cost is the CPU time of the node, with all its work, and of our process; elapsed time depends on the
machine's other load. `clusters` has more trucks in view than are shown one by one. `everything`
shows a whole large fleet, and its cost is that of what it shows.
"""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence

from bench.engines import Engines, engines
from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from broadcaster.fleet_snapshots import FleetSnapshots
from broadcaster.threads import Threads
from rtdts.position_store.fleet import FleetReader
from rtdts.position_store.index_definitions import LATEST_INDEX
from rtdts.position_store.writer import PositionWriter
from rtdts.runtime.wall_clock import now_ms
from rtdts.tracking.current_delivery import CurrentDelivery
from rtdts.tracking.deliveries import Status
from rtdts.tracking.fixes import LatestPosition, fix_of
from rtdts.tracking.fleet_messages import Ages
from rtdts.tracking.fleet_view import FleetFilter, FleetStatus, FleetView
from rtdts.tracking.positions import Point

AGES = Ages(stale_after_ms=120_000, offline_after_ms=600_000)
MAX_TRUCKS = 400

CITY = (128.9, 35.0, 129.3, 35.3)
REGION = (127.0, 36.0, 128.0, 37.0)
"""North-west of the city; all other trucks are farther west."""
WORLD = (-180.0, -90.0, 180.0, 90.0)

SMALL = "the same view of a small fleet"
_BULK = 2_000
_STATUSES = (Status.ASSIGNED, Status.IN_TRANSIT, Status.NEARBY, None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """The size of the measurement."""

    in_city: int
    in_region: int
    small: int
    large: int
    views: int


PROPER = Size(in_city=300, in_region=700, small=1_000, large=100_000, views=100)
QUICK = Size(in_city=10, in_region=20, small=50, large=500, views=3)

VIEWS = {
    "trucks": FleetView(bbox=CITY, zoom=11),
    "filtered": FleetView(
        bbox=CITY,
        zoom=11,
        filter=FleetFilter(status=(FleetStatus.IN_TRANSIT, FleetStatus.NEARBY), late=True),
    ),
    "clusters": FleetView(bbox=REGION, zoom=9),
    "everything": FleetView(bbox=WORLD, zoom=3),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of one view, in milliseconds."""

    clock: float
    node: float
    ours: float


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    yield from asyncio.run(_measure(QUICK if quick else PROPER, print_line))


async def _measure(size: Size, print_line: PrintLine) -> list[Figure]:
    async with engines(print_line) as running:
        writer = PositionWriter(running.opensearch)
        _index(writer, _fleet(range(size.small), size))
        print_line(f"{size.small:,} trucks")
        small = await _costs(running, size)
        _index(writer, _fleet(range(size.small, size.large), size))
        print_line(f"{size.large:,} trucks")
        large = await _costs(running, size)
    figures = []
    for name, cost in large.items():
        suffix = "" if name == "trucks" else f".{name}"
        before = small[name]
        for part, unit, value, value_before in (
            ("", "ms of the node's CPU", cost.node, before.node),
            (".broadcaster", "ms of our CPU", cost.ours, before.ours),
            (".clock", "ms", cost.clock, before.clock),
        ):
            figures.append(beside(f"fleet_view{suffix}{part}", value, unit, SMALL, value_before))
    return figures


async def _costs(running: Engines, size: Size) -> dict[str, Cost]:
    store = running.opensearch
    # Like a running index: some segments, not the many that a bulk of 100,000 leaves behind.
    store.indices.refresh(index=LATEST_INDEX)
    store.indices.forcemerge(index=LATEST_INDEX, max_num_segments=5, request_timeout=300)
    return {name: await _cost(running, view, size, name) for name, view in VIEWS.items()}


async def _cost(running: Engines, view: FleetView, size: Size, name: str) -> Cost:
    threads = Threads(1, "bench-fleet")
    max_trucks = min(MAX_TRUCKS, size.in_region - 1)
    snapshots = FleetSnapshots(
        FleetReader(running.opensearch, AGES), AGES, threads, max_trucks=max_trucks
    )
    try:
        for _ in range(size.views):  # the node compiles its frequent operations
            snapshot = await snapshots.take(view, now_ms())
        is_clustered = snapshot.clusters != b"[]"
        if not snapshot.total or is_clustered != (name in ("clusters", "everything")):
            raise CannotMeasureError(f"{name}: {snapshot.total} trucks are in view")
        took_s, node_s, ours_s = [], running.node_cpu_s(), time.process_time()
        for _ in range(size.views):
            began_s = time.perf_counter()
            await snapshots.take(view, now_ms())
            took_s.append(time.perf_counter() - began_s)
        ours_s = time.process_time() - ours_s
        node_s = running.node_cpu_s() - node_s
    finally:
        threads.close()
    return Cost(
        clock=statistics.median(took_s) * 1_000,
        # The kernel counts in hundredths of a second.
        node=max(node_s, 0.01) * 1_000 / size.views,
        ours=ours_s * 1_000 / size.views,
    )


def _index(writer: PositionWriter, fleet: Iterable[LatestPosition]) -> None:
    some: list[LatestPosition] = []
    for one in fleet:
        some.append(one)
        if len(some) == _BULK:
            writer.write_latest(some)
            some = []
    if some:
        writer.write_latest(some)


def _fleet(numbers: Sequence[int], size: Size) -> Iterator[LatestPosition]:
    at_ms = now_ms()
    for number in numbers:
        lat, lon = _place(number, size)
        fix = fix_of(
            Point(
                truck_id=f"T-{number:06d}",
                recorded_at_ms=at_ms,
                lat=lat,
                lon=lon,
                event_at_ms=at_ms,
                received_at_ms=at_ms,
                speed_mps=13.2,
                heading_deg=271.0,
            )
        )
        status = _STATUSES[number % len(_STATUSES)]
        current = None
        if status is not None:
            late_from_ms = at_ms if number % 3 == 0 else None
            current = CurrentDelivery(
                delivery_id=f"D-{number:06d}", status=status, late_from_ms=late_from_ms
            )
        yield LatestPosition(newest=fix, shown=fix, current=current)


def _place(number: int, size: Size) -> tuple[float, float]:
    """The first trucks are in the city, those after them in the region, all others elsewhere."""
    across, along = number * 0.618034 % 1, number * 0.414214 % 1
    if number < size.in_city:
        west, south, east, north = CITY
    elif number < size.in_city + size.in_region:
        west, south, east, north = REGION
    else:
        west, south, east, north = (-120.0, -40.0, 120.0, 60.0)  # none of them in those boxes
    return south + (north - south) * along, west + (east - west) * across


BENCHMARK = Benchmark(
    name="fleet_view",
    title="a view of the fleet, by the number of trucks outside of it",
    run=run,
)
