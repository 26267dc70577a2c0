"""A truck that sends more than its quota, by however many endpoints, is blocked for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from consumer.pipeline import BatchPipeline
from rtdts.ingest.quota import TruckQuota
from rtdts.tracking.blocks import Block, BlockKind
from rtdts.tracking.positions import Point
from tests.support.blocks import revocation
from tests.support.consumer_world import START_MS, World, point


@pytest.fixture
def world() -> World:
    """120 points and 12 requests at once."""
    made = World()
    made.quota = TruckQuota(requests_per_minute=6, points_per_minute=60, minutes=2)
    made.clock.advance(1_000)
    return made


NOW_MS = START_MS + 1_000_000


def batch(seconds: range, **changed: Any) -> list[Point]:
    return [point(second, 5.0 * second, **changed) for second in seconds]


def blocks(world: World) -> list[Block]:
    return world.blocks.in_force(0)


def send(world: World, pipeline: BatchPipeline, *requests: Sequence[Point]) -> None:
    """All requests arrive now, as one batch."""
    now_ms = world.clock.now_ms()
    sent = [[_received(one, now_ms) for one in request] for request in requests]
    pipeline.process(world.shard.records(*sent))


def _received(one: Point, now_ms: int) -> Point:
    return msgspec.structs.replace(one, received_at_ms=now_ms)


def test_a_truck_over_its_quota_of_points_is_blocked_in_proportion_to_the_excess(
    world: World,
) -> None:
    send(world, world.pipeline(), batch(range(150)))
    (block,) = blocks(world)

    assert (block.subject, block.kind) == ("truck:T-1", BlockKind.OVER_QUOTA)
    assert block.until_ms == NOW_MS + 31_000
    assert [line["truck_id"] for line in world.reported("truck_blocked")] == ["T-1"]


def test_a_truck_over_its_quota_of_requests_is_blocked(world: World) -> None:
    send(world, world.pipeline(), *([one] for one in batch(range(15))))
    (block,) = blocks(world)

    assert block.until_ms == NOW_MS + 40_000


def test_messages_over_mqtt_count_only_their_points(world: World) -> None:
    """The bridge decides how many of them share a record."""
    send(world, world.pipeline(), *([one] for one in batch(range(15), source="mqtt")))
    before = blocks(world)
    send(world, world.pipeline(), batch(range(20, 155), source="mqtt"))

    assert not before
    assert [block.subject for block in blocks(world)] == ["truck:T-1"]


def test_a_burst_within_the_quota_blocks_no_truck(world: World) -> None:
    send(world, world.pipeline(), batch(range(115)), batch(range(20), truck_id="T-2"))

    assert not blocks(world)


def test_only_the_truck_that_sends_too_much_is_blocked(world: World) -> None:
    send(world, world.pipeline(), batch(range(150)), batch(range(20), truck_id="T-2"))

    assert [block.subject for block in blocks(world)] == ["truck:T-1"]


def test_points_read_long_after_their_arrival_block_no_truck(world: World) -> None:
    """A consumer that was down for an hour reads what its trucks have sent meanwhile."""
    records = world.shard.records([_received(one, NOW_MS) for one in batch(range(150))])
    world.clock.advance(3_600)
    world.pipeline().process(records)

    assert not blocks(world)


def test_points_received_over_an_hour_and_read_at_once_are_within_the_quota(world: World) -> None:
    sent = [[_received(one, NOW_MS + 60_000 * n)] for n, one in enumerate(batch(range(60)))]
    records = world.shard.records(*sent)
    world.clock.advance(3_600)
    world.pipeline().process(records)

    assert not blocks(world)


def test_an_operators_replay_blocks_no_truck(world: World) -> None:
    """A replayed record has the time at which it was first received."""
    records = world.shard.records(batch(range(150)))
    arrived_ms = NOW_MS + 24 * 3_600_000
    world.clock.advance(24 * 3_600)
    for record in records:
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        world.pipeline().process([type(record)(**{**fields, "arrived_at_ms": arrived_ms})])

    assert not blocks(world)


def test_a_block_in_force_is_written_once_and_again_when_more_points_exceed_the_quota(
    world: World,
) -> None:
    pipeline = world.pipeline()
    send(world, pipeline, batch(range(150)))
    send(world, pipeline, batch(range(150, 155)))
    once = len(world.reported("truck_blocked"))
    send(world, pipeline, batch(range(160, 200)))
    (block,) = blocks(world)

    assert once == 1
    assert len(world.reported("truck_blocked")) == 2
    assert block.until_ms == NOW_MS + 76_000


def test_a_revocation_is_not_replaced(world: World) -> None:
    revoked = revocation("truck:T-1", START_MS)
    world.blocks.block(revoked)
    send(world, world.pipeline(), batch(range(150)))

    assert revoked in blocks(world)
    assert len(blocks(world)) == 2


def test_an_unavailable_table_loses_no_point_and_is_not_retried_for_a_while(
    world: World,
) -> None:
    pipeline = world.pipeline()
    world.blocks.is_unavailable = True
    send(world, pipeline, batch(range(150)))
    send(world, pipeline, batch(range(150, 200)))
    failures = len(world.reported("truck_not_blocked"))
    world.blocks.is_unavailable = False
    world.clock.advance(30)
    send(world, pipeline, batch(range(200, 260)))

    assert failures == 1
    assert len(world.positions.fixes_of("T-1")) == 260
    assert [block.subject for block in blocks(world)] == ["truck:T-1"]


def test_a_batch_writes_at_most_ten_blocks(world: World) -> None:
    pipeline = world.pipeline()
    trucks = [f"T-{number}" for number in range(15)]
    send(world, pipeline, *(batch(range(150), truck_id=one) for one in trucks))
    first = len(blocks(world))
    send(world, pipeline, *(batch(range(150, 151), truck_id=one) for one in trucks))

    assert first == 10
    assert len(blocks(world)) == 15
