"""Batches whose points are rejected, or whose stores and queues fail."""

from __future__ import annotations

import pytest
from botocore.exceptions import NoCredentialsError

import consumer.pipeline as pipeline_module
from consumer.errors import RetriesExhausted
from rtdts.delivery_store.errors import StoreBusy
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.telemetry_stream.shard_range import ShardRange, hash_key
from rtdts.tracking.point_identity import point_id
from tests.fakes.scripted_client import client_error
from tests.support.consumer_world import STATUSES, UNAVAILABLE, World, drive, point


def test_a_record_that_is_no_point_of_its_truck_is_parked_and_others_are_processed(
    world: World,
) -> None:
    good = world.shard.records([point(0, 0.0)])
    stolen = world.shard.records([point(1, 0.0, truck_id="T-2")])[0]
    foreign = world.shard.raw(stolen.data, partition_key="T-1")
    future = world.shard.records([point(9_000, 0.0)])[0]
    too_early = world.shard.raw(future.data)
    garbage = world.shard.raw(b"\xff{")

    report = world.pipeline().process([garbage, *good, foreign, too_early])

    assert report.parked == 3
    assert sorted(reason for _, reason in world.parking.parked.values()) == [
        "not_a_point",
        "partition_key_is_not_the_truck",
        "received_at_out_of_range",
    ]
    assert len(world.positions.history) == 1


def test_a_record_of_another_shards_truck_is_parked_and_no_state_is_touched(world: World) -> None:
    ours, strangers = "T-1", "T-2"
    here = ShardRange(first=hash_key(ours), last=hash_key(ours))
    records = world.shard.records(
        [point(0, 0.0, truck_id=ours)], [point(n, 0.0, truck_id=strangers) for n in range(2)]
    )

    report = world.pipeline(shard_range=here).process(records)

    assert (report.points, report.parked) == (1, 2)
    assert {reason for _, reason in world.parking.parked.values()} == {"key_of_another_shard"}
    assert set(world.positions.load([ours, strangers])) == {ours}


def test_a_point_that_the_history_rejects_is_parked_with_the_reason(world: World) -> None:
    world.positions.rejects = lambda fix: "400 mapper" if fix.seq == 1 else ""

    report = world.pipeline().process(world.shard.records([point(n, 0.0) for n in range(3)]))

    assert report.parked == 1
    ((body, reason),) = world.parking.parked.values()
    assert reason == "not_indexable"
    assert b'"seq":1' in body
    assert len(world.positions.history) == 2


def test_an_item_that_fails_temporarily_is_retried_alone(world: World) -> None:
    points = [point(n, n * 10.0) for n in range(3)]
    world.positions.passing[point_id(points[1])] = 2

    world.pipeline().process(world.shard.records(points))

    assert world.positions.writes == {point_id(one): 1 for one in points}
    assert len(world.clock.slept_s) == 2


def test_nothing_is_lost_when_a_store_is_unavailable_for_a_while(world: World) -> None:
    world.positions.troubles = {
        name: [UNAVAILABLE] * 3 for name in ("load", "write_history", "write_latest", "save")
    }

    world.pipeline().process(world.shard.records(drive()))

    assert len(world.positions.history) == len(drive())
    assert "T-1" in world.positions.latest(["T-1"])
    assert len(world.clock.slept_s) == 12


def test_retries_end_within_the_budget_when_a_store_stays_unavailable(world: World) -> None:
    world.positions.troubles["write_history"] = [UNAVAILABLE] * 1_000

    with pytest.raises(RetriesExhausted):
        world.pipeline().process(world.shard.records(drive()))

    assert sum(world.clock.slept_s) == pytest.approx(60.0, abs=1.0)
    assert not world.positions.latest(["T-1"])


def test_nudges_that_cannot_be_sent_do_not_stop_the_positions(world: World) -> None:
    world.assign("D-1")
    world.nudges.trouble = StoreBusy("SendMessageBatch", ("throttled",))

    world.pipeline().process(world.shard.records(drive()))

    assert world.reported("nudges_not_sent")
    assert world.positions.load(["T-1"])


@pytest.mark.parametrize(
    "trouble",
    [
        client_error("AWS.SimpleQueueService.NonExistentQueue"),
        client_error("KMS.AccessDeniedException"),
        client_error("InvalidClientTokenId", 403),
        NoCredentialsError(),
    ],
    ids=str,
)
def test_positions_are_written_whatever_error_the_queues_client_raises(
    world: World, trouble: Exception
) -> None:
    world.assign("D-1")
    world.nudges.trouble = trouble

    world.pipeline().process(world.shard.records(drive()))

    assert world.reported("nudges_not_sent")[0]["level"] == "error"
    assert world.positions.load(["T-1"])


def test_an_unavailable_queue_delays_one_batch_and_not_every_batch(
    world: World,
) -> None:
    world.assign("D-1")
    world.nudges.trouble = StoreBusy("SendMessageBatch", ("throttled",))
    pipeline = world.pipeline()
    records = [world.shard.records([one]) for one in drive()]
    pipeline.process(records[0])
    waited_s = sum(world.clock.slept_s)
    for batch in records[1:18]:
        pipeline.process(batch)

    assert 0 < sum(world.clock.slept_s) == waited_s
    assert len(world.reported("nudges_not_sent")) == 1

    world.nudges.trouble = None
    world.clock.advance(30.0)
    for batch in records[18:]:
        pipeline.process(batch)

    assert TransitionNudge(delivery_id="D-1", version=5) in world.nudges.sent


def test_a_delivery_that_cannot_be_processed_stops_no_other(world: World) -> None:
    world.assign("D-1")
    world.assign("D-2")
    world.deliveries.unreadable_logs["D-1"] = ValueError("not a log")

    world.pipeline().process(world.shard.records(*[[one] for one in drive()]))

    assert world.statuses("D-2") == list(STATUSES)
    assert world.reported("delivery_unprocessable")


def test_points_that_cause_an_error_are_parked_and_other_trucks_are_processed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline_module.fold_truck  # type: ignore[attr-defined]

    def broken(truck_id: str, *args: object, **more: object) -> object:
        if truck_id == "T-1":
            raise ZeroDivisionError
        return real(truck_id, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline_module, "fold_truck", broken)

    report = world.pipeline().process(
        world.shard.records([point(0, 0.0)], [point(0, 0.0, truck_id="T-2")])
    )

    assert report.parked == 1
    assert list(world.positions.latest(["T-1", "T-2"])) == ["T-2"]
