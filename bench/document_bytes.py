"""What a point takes: bytes in the stream, and on the disk of a real OpenSearch node.

On disk: the primary copy, merged into one segment, with everything that the mappings ask for. Each
index has as many points as a busy day's shard has in some minutes; with more, a document takes a
few per cent less, as the dictionaries of terms grow slower than the index.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from opensearchpy import OpenSearch

from bench.engines import engines
from bench.figures import Benchmark, CannotMeasureError, Figure, PrintLine, beside
from bench.workload import batches, delivery, plan, points
from rtdts.position_store.bulk import Action, head, send_bulk
from rtdts.position_store.documents import index_of
from rtdts.position_store.index_definitions import LATEST_INDEX, STATE_INDEX
from rtdts.position_store.state import StateWrite, TruckStateStore
from rtdts.position_store.writer import HistoryWrite, PositionWriter
from rtdts.telemetry_stream.aggregation import aggregate
from rtdts.tracking.fixes import IndexedFix
from rtdts.tracking.positions import Point
from rtdts.tracking.stream_codec import encode_point
from rtdts.tracking.truck_fold import TrackingRules, TruckUpdate, fold_truck
from rtdts.tracking.truck_state import TruckState

A_RECORD = (10, 1, 50)
"""Points a stream record; the usual size first."""

RAW_INDEX = "truck-raw-2026-01-01"
BULK_ITEMS = 2_000
MERGE_S = 300
JSON = "the point's JSON"

T = TypeVar("T")


def run(quick: bool, print_line: PrintLine) -> Iterator[Figure]:
    """Measures."""
    yield from asyncio.run(_measure(quick, print_line))


async def _measure(quick: bool, print_line: PrintLine) -> list[Figure]:
    trucks, count = (5, 60) if quick else (500, 600)
    # A day has one index; a fleet's points must not fall on two.
    end_ms = time.time_ns() // 86_400_000_000_000 * 86_400_000 - 1
    print_line(f"{trucks} trucks with {count} points each")
    fleet = [points(number, count, end_ms=end_ms) for number in range(trucks)]
    payload = sum(len(encode_point(point)) for of in fleet for point in of) / (trucks * count)
    figures = list(_of_records(fleet, payload))
    async with engines(print_line) as running:
        store = running.opensearch
        print_line("indexing as Firehose does")
        _index_raw(store, fleet)
        figures.append(_figure("document_bytes", _bytes_a_document(store, RAW_INDEX), payload))
        print_line("indexing as the consumer does")
        _index_history(store, fleet)
        history = _bytes_a_document(store, index_of(end_ms))
        figures.append(_figure("document_bytes.history", history, payload))
        for name, index in (("latest", LATEST_INDEX), ("state", STATE_INDEX)):
            per_truck = _bytes_a_document(store, index)
            figures.append(
                Figure(name=f"document_bytes.{name}", value=per_truck, unit="bytes a truck")
            )
    return figures


def _of_records(fleet: Sequence[Sequence[Point]], payload: float) -> Iterator[Figure]:
    """The stream's bytes a point, by points a record."""
    for size in A_RECORD:
        records = [
            aggregate(of[0].truck_id, [encode_point(point) for point in record])
            for of in fleet
            for record in batches(of, size)
        ]
        name = "stream_bytes" if size == A_RECORD[0] else f"stream_bytes.{size}_a_record"
        yield _figure(name, sum(map(len, records)) / sum(map(len, fleet)), payload)


def _figure(name: str, value: float, payload: float) -> Figure:
    return beside(name, value, "bytes a point", JSON, payload)


def _index_raw(store: OpenSearch, fleet: Sequence[Sequence[Point]]) -> None:
    """By arrival: the trucks by turns, and ids of OpenSearch's own."""
    line = head("index", _index=RAW_INDEX)
    arrivals = (point for at_once in zip(*fleet, strict=True) for point in at_once)
    for part in _parts(arrivals):
        send_bulk(store, [Action(head=line, document=encode_point(point)) for point in part])


def _index_history(store: OpenSearch, fleet: Sequence[Sequence[Point]]) -> None:
    """As the consumer writes: history, latest positions and memories, a delivery a truck."""
    writer = PositionWriter(store)
    folded = [_fold(of) for of in fleet]
    interleaved = zip(*(positions for positions, _ in folded), strict=True)
    for part in _parts(itertools.chain.from_iterable(interleaved)):
        writer.write_history([HistoryWrite(fix=one.fix, deliveries=one.deliveries) for one in part])
    lasts = [last for _, last in folded]
    writer.write_latest([one.latest for one in lasts if one.latest])
    states = [StateWrite.of(one.state, None) for one in lasts]
    TruckStateStore(store).save(states)


def _fold(of: Sequence[Point]) -> tuple[list[IndexedFix], TruckUpdate]:
    """A truck's points, enriched, and what the last batch led to."""
    known = plan(delivery(of))
    plans = {known.match.delivery_id: known}
    rules = TrackingRules()
    state: TruckState | None = None
    indexed: list[IndexedFix] = []
    for record in batches(of, A_RECORD[0]):
        update = fold_truck(of[0].truck_id, state, [record], [known.match], plans, rules)
        indexed += update.positions
        state, plans = update.state, {}
    return indexed, update


def _parts(things: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(things)
    while part := list(itertools.islice(remaining, BULK_ITEMS)):
        yield part


def _bytes_a_document(store: OpenSearch, index: str) -> float:
    """Of the primary copy, without what was deleted or not yet merged."""
    store.indices.forcemerge(index=index, max_num_segments=1, request_timeout=MERGE_S)
    store.indices.flush(index=index)
    store.indices.refresh(index=index)
    count = store.count(index=index)["count"]
    if not count:
        raise CannotMeasureError(f"{index} is empty")
    stats = store.indices.stats(index=index, metric="store")
    return float(stats["_all"]["primaries"]["store"]["size_in_bytes"]) / float(count)


BENCHMARK = Benchmark(
    name="document_bytes",
    title="bytes a point, in the stream and on OpenSearch's disk",
    run=run,
)
