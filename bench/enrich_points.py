"""Enrichment alone: points per second of one core, with a window, all rules and a delivery."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from bench.baselines import plain_enrichment
from bench.figures import Benchmark, Figure, PrintLine, beside
from bench.timing import cpu_rate, interleaved
from bench.workload import batches, delivery, plan, points
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from rtdts.tracking.truck_state import TruckState

POINTS_PER_RECORD = (1, 10, 100)
"""Points per record: a truck that sends each point at once, every ten seconds, after a gap."""
USUAL = 10
BASELINE = "each point against the one before, in plain dicts (no window, quality, status)"


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    trucks, count = (2, 200) if quick else (20, 1_000)
    now_ms = time.time_ns() // 1_000_000
    print_line(f"{trucks} trucks with {count} points each")
    of_trucks = [points(number, count, end_ms=now_ms) for number in range(trucks)]
    plain = [[msgspec.structs.asdict(point) for point in of] for of in of_trucks]
    total = trucks * count
    contenders = {
        str(size): partial(cpu_rate, total, partial(_fold, of_trucks, size))
        for size in POINTS_PER_RECORD
    }
    contenders["plain"] = partial(cpu_rate, total, partial(_plain, plain))
    rates = interleaved(contenders, repeats=1 if quick else 3)
    for size in (USUAL, *(size for size in POINTS_PER_RECORD if size != USUAL)):
        name = "enrich_points" if size == USUAL else f"enrich_points.{size}_per_record"
        yield beside(name, rates[str(size)], "points/s per core", BASELINE, rates["plain"])


def _fold(of_trucks: Sequence[Sequence[Point]], size: int) -> None:
    rules = TrackingRules()
    for of in of_trucks:
        known = plan(delivery(of))
        plans = {known.match.delivery_id: known}
        state: TruckState | None = None
        for record in batches(of, size):
            update = fold_truck(of[0].truck_id, state, [record], [known.match], plans, rules)
            state, plans = update.state, {}
        assert state is not None
        assert state.deliveries[0].tip.transitions, "the workload moves its deliveries on"


def _plain(of_trucks: Sequence[Sequence[dict[str, object]]]) -> None:
    for of in of_trucks:
        for _ in plain_enrichment.enrich(of):
            pass


BENCHMARK = Benchmark(name="enrich_points", title="enrichment alone, in one process", run=run)
