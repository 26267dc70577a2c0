"""The benchmarks' workload is as described."""

from __future__ import annotations

import json

from bench.engines import _work_in, stream_records
from bench.posting import connection_id, post_all
from bench.timing import interleaved
from bench.workload import batches, delivery, plan, points
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.stream_codec import decode_point
from rtdts.tracking.truck_fold import TrackingRules, fold_truck
from sim.local_cloud.deaggregation import deaggregate

END_MS = 1_795_504_368_000


def test_trucks_move_and_the_same_number_yields_the_same_points() -> None:
    first, again, other = (points(n, 120, end_ms=END_MS) for n in (3, 3, 4))

    assert first == again
    assert len(first) == len({point.recorded_at_ms for point in first}) == 120
    assert first[-1].event_at_ms == END_MS - 1_000
    assert distance_m(first[0].lat, first[0].lon, first[-1].lat, first[-1].lon) > 100
    assert (first[0].lat, first[0].lon) != (other[0].lat, other[0].lon)


def test_a_truck_keeps_driving_after_the_end_of_its_road() -> None:
    assert len(points(0, 1_500, end_ms=END_MS)) == 1_500


def test_a_delivery_along_the_road_changes_its_status() -> None:
    of = points(1, 300, end_ms=END_MS)
    known = plan(delivery(of))
    plans = {known.match.delivery_id: known}

    update = fold_truck(of[0].truck_id, None, [of], [known.match], plans, TrackingRules())

    assert update.deliveries[0].pending


def test_the_stream_contains_every_point_once_at_any_record_size() -> None:
    fleet = [points(n, 25, end_ms=END_MS) for n in range(3)]

    for size in (1, 10, 50):
        records = list(stream_records(fleet, size))
        found = [
            decode_point(record.data) for key, data in records for record in deaggregate(data, key)
        ]
        assert len(records) == 3 * len(list(batches(fleet[0], size)))
        assert {(p.truck_id, p.seq) for p in found} == {
            (p.truck_id, p.seq) for of in fleet for p in of
        }


def test_the_work_of_a_consumer_is_read_from_its_log() -> None:
    def batch(at: str, points_done: int, duration_ms: float) -> str:
        return json.dumps(
            {"timestamp": at, "event": "batch", "points": points_done, "duration_ms": duration_ms}
        )

    log = "\n".join(
        [
            "2026-11-24 WARN something of the JVM",
            '{"timestamp":"2026-11-24T06:52:40.000Z","event":"record_processor_ready"}',
            batch("2026-11-24T06:52:48.000Z", 100, 1_000),
            batch("2026-11-24T06:52:47.500Z", 50, 1_500),
            '{"timestamp":"2026-11-24T06:5',
        ]
    )

    work = _work_in(log)

    assert work is not None
    assert (work.points, work.elapsed_s) == (150, 2.0)
    assert _work_in("nothing yet") is None


async def test_posting_by_several_workers_posts_to_each_connection_once() -> None:
    posted: list[str] = []

    async def post(to: str) -> None:
        posted.append(to)

    await post_all(post, 10, 3)

    assert sorted(posted) == [connection_id(number) for number in range(10)]


def test_contenders_are_measured_in_turn() -> None:
    order: list[str] = []
    values = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 4.0, 6.0])}

    def measure(name: str) -> float:
        order.append(name)
        return next(values[name])

    medians = interleaved({"a": lambda: measure("a"), "b": lambda: measure("b")})

    assert order == ["a", "b"] * 3
    assert medians == {"a": 2.0, "b": 5.0}
