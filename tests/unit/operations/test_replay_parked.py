from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from operations.rate_limiter import RateLimiter
from operations.replay_parked import ParkedFilter, ParkedReplay, replay_parked
from operations.stream_replayer import StreamReplayer
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.tracking.stream_codec import encode_point
from tests.fakes.fake_stream import FailSome, FakeStream
from tests.support.consumer_world import START_MS, point
from tests.support.operations_world import World

DAY_MS = 86_400_000


@pytest.fixture
def world() -> World:
    return World()


def data(truck_id: str, second: int) -> bytes:
    return encode_point(point(second, 0.0, truck_id=truck_id))


def park(world: World, truck_id: str, second: int, **changed: str) -> str:
    output = {"reason": "unprocessable", "partition_key": truck_id, **changed}
    return world.parking.park(data(truck_id, second), name=f"{truck_id}.{second}", **output)


def replay(
    world: World,
    *,
    now_ms: int = START_MS + DAY_MS,
    dry_run: bool = False,
    replayer: StreamReplayer | None = None,
    **chosen: object,
) -> ParkedReplay:
    return replay_parked(
        world.parked,
        replayer or world.replayer,
        dataclasses.replace(ParkedFilter(), **chosen),  # type: ignore[arg-type]
        now_ms=now_ms,
        dry_run=dry_run,
        console=world.console,
    )


def test_valid_records_are_replayed_under_their_key_in_order_of_their_points(world: World) -> None:
    for truck_id, second in (("T-1", 9), ("T-2", 5), ("T-1", 2)):
        park(world, truck_id, second)

    report = replay(world)

    assert (report.replayed, report.kept, report.failed) == (3, {}, 0)
    assert world.streamed == [
        ("T-1", data("T-1", 2)),
        ("T-1", data("T-1", 9)),
        ("T-2", data("T-2", 5)),
    ]
    assert len(world.stream.records) == 2, "one record per truck, as ingest puts them"
    assert world.parked_bucket.objects == {}


def test_a_record_that_would_be_parked_again_stays_and_the_reason_is_printed(world: World) -> None:
    world.parking.park(b"no json", name="1", reason="not_a_point", partition_key="T-1")
    world.parking.park(data("T-2", 1), name="2", reason="any", partition_key="T-1")
    park(world, "T-3", 3)

    report = replay(world)

    assert report.kept == {"not_a_point": 1, "partition_key_is_not_the_truck": 1}
    assert [key for key, _ in world.streamed] == ["T-3"]
    assert sorted(world.parked_bucket.objects) == ["rejected/1", "rejected/2"]
    reported = [line for line in world.lines if line.startswith("stays: ")]
    assert any("rejected/1: not_a_point" in line for line in reported)
    assert any("partition key 'T-1', truck 'T-2'" in line for line in reported)


def test_messages_beyond_a_trucks_quota_are_replayed_point_by_point(world: World) -> None:
    points = [data("T-1", second) for second in (9, 2)]
    world.parking.park_points(points, truck_id="T-1")

    report = replay(world, reason="over_quota")

    assert (report.replayed, report.kept, report.failed) == (2, {}, 0)
    assert world.streamed == [("T-1", data("T-1", 2)), ("T-1", data("T-1", 9))]
    assert world.parked_bucket.objects == {}


def test_many_points_of_one_object_are_replayed_in_slices_at_the_rate_limit(world: World) -> None:
    taken_at_each_wait: list[int] = []

    def wait(_seconds: float) -> None:
        taken_at_each_wait.append(len(world.streamed))

    rate_limiter = RateLimiter(100.0, clock=lambda: 0.0, sleep=wait)
    replayer = StreamReplayer(
        StreamPutter(world.stream, "telemetry", sleep=lambda _: None), rate_limiter
    )
    world.parking.park_points([data("T-1", second) for second in range(1_200)], truck_id="T-1")

    report = replay(world, replayer=replayer)

    assert taken_at_each_wait == [500, 1_000]
    assert (report.replayed, len(world.streamed)) == (1_200, 1_200)
    assert world.parked_bucket.objects == {}


def test_an_object_stays_when_the_stream_did_not_accept_one_of_its_slices() -> None:
    world = World(stream=FakeStream([FailSome([0])]))
    world.parking.park_points([data("T-1", second) for second in range(1_200)], truck_id="T-1")

    report = replay(world)

    assert (report.replayed, report.failed) == (700, 500)
    assert report.failure is not None
    assert len(world.parked_bucket.objects) == 1


def test_parked_points_beyond_a_quota_stay_if_they_are_too_old(world: World) -> None:
    world.parking.park_points([data("T-1", 1), data("T-1", 2)], truck_id="T-1")

    report = replay(world, now_ms=START_MS + 31 * DAY_MS)

    assert report.kept == {"received_at_out_of_range": 1}
    assert not world.streamed
    assert len(world.parked_bucket.objects) == 1


def test_a_record_received_more_than_30_days_ago_stays(world: World) -> None:
    park(world, "T-1", 1)

    report = replay(world, now_ms=START_MS + 31 * DAY_MS)

    assert report.kept == {"received_at_out_of_range": 1}
    assert world.streamed == []


def test_a_record_parked_without_a_partition_key_is_replayed_with_its_trucks_key(
    world: World,
) -> None:
    world.parking.park(data("T-1", 1), name="1", reason="not_indexable")
    world.parking.park(data("T-1", 2), name="2", reason="partition_key_is_not_the_truck")

    report = replay(world)

    assert world.streamed == [("T-1", data("T-1", 1))]
    assert report.kept == {"partition_key_is_not_the_truck": 1}


def test_only_accepted_records_are_removed_and_a_second_run_replays_the_rest() -> None:
    world = World(stream=FakeStream([FailSome([0])]))
    for truck_id in ("T-1", "T-2"):
        park(world, truck_id, 1)

    first = replay(world)
    left = sorted(world.parked_bucket.objects)
    second = replay(world)

    assert (first.replayed, first.failed) == (1, 1)
    assert first.failure is not None
    assert len(left) == 1
    assert (second.replayed, second.failed) == (1, 0)
    assert sorted(key for key, _ in world.streamed) == ["T-1", "T-2"]
    assert world.parked_bucket.objects == {}


def test_a_crash_between_putting_and_removing_only_causes_a_duplicate(world: World) -> None:
    park(world, "T-1", 1)
    world.parked_bucket.fails_at.append("delete_object")

    with pytest.raises(Exception, match="SlowDown"):
        replay(world)
    replay(world)

    assert world.streamed == [("T-1", data("T-1", 1))] * 2
    assert world.parked_bucket.objects == {}


def test_only_objects_that_match_the_filter_are_replayed(world: World) -> None:
    world.parked_bucket.now = datetime(2026, 11, 1, tzinfo=UTC)
    park(world, "T-1", 1)
    world.parked_bucket.now = datetime(2026, 11, 2, tzinfo=UTC)
    park(world, "T-2", 2)
    park(world, "T-3", 3, reason="not_indexable")
    since_ms = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp() * 1000)

    assert replay(world, dry_run=True).replayed == 3
    assert replay(world, since_ms=since_ms, dry_run=True).replayed == 2
    assert replay(world, prefix="T-1", dry_run=True).replayed == 1
    assert replay(world, reason="not_indexable", since_ms=since_ms, dry_run=True).replayed == 1


def test_a_dry_run_puts_and_removes_nothing(world: World) -> None:
    park(world, "T-1", 1)

    report = replay(world, dry_run=True)

    assert report.replayed == 1
    assert world.streamed == []
    assert len(world.parked_bucket.objects) == 1
