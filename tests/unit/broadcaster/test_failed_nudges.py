"""Nudges, posts and queues that fail: what is retried, and what is given up."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from broadcaster.nudges import FOLLOW_UPS
from broadcaster.polling import QueueUnreachableError
from broadcaster.sender import PostOutcome
from rtdts.push_queue.nudges import PositionNudge, SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from tests.support.broadcaster_world import World
from tests.support.nudging import consuming, handle, near
from tests.support.waiting import until


async def test_a_nudge_stays_in_the_queue_when_its_delivery_cannot_be_read(world: World) -> None:
    world.delivery("D-1", version=5)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")

    def fail() -> None:
        raise OSError("DynamoDB is unavailable")

    world.deliveries.before_read = fail
    nudge = TransitionNudge(delivery_id="D-1", version=5)
    world.queue.send(nudge)
    async with consuming(world.nudge_consumer()):
        await until(lambda: "nudge_failed" in world.logged)
        assert world.queue.deleted == []

        world.deliveries.before_read = lambda: None
        world.queue.end_visibility_timeouts()
        await until(lambda: world.queue.deleted == [nudge])

    assert world.gateway.types("a")[0] == "status"


POISON = int("9" * 40)


def poisoned(world: World) -> SnapshotNudge:
    """Sends a nudge that DynamoDB always rejects, and then a transition of the same delivery."""
    world.truck("T-1")
    world.delivery("D-1", version=5)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")
    poison = SnapshotNudge(
        delivery_id="D-1", connection_id="a", request_id="r", since_version=POISON
    )
    world.queue.send(poison)
    world.queue.send(TransitionNudge(delivery_id="D-1", version=5))
    return poison


async def test_a_poison_nudge_is_dead_lettered_at_once_and_blocks_no_later_nudge(
    world: World,
) -> None:
    poison = poisoned(world)
    consumer = world.nudge_consumer()
    async with consuming(consumer):
        await until(lambda: len(world.queue.deleted) == 2)
    metrics = consumer.collect_metrics()

    assert world.gateway.types("a") == ["status", "position"]
    assert world.queue.dead == [poison]
    assert (metrics["NudgesFailed"], metrics["NudgesDead"]) == (1, 1)


async def test_a_nudge_for_an_undecodable_delivery_log_is_dead_lettered_at_once(
    world: World,
) -> None:
    world.delivery("D-1", version=5)
    world.viewer("a", "D-1")
    world.deliveries.unreadable_logs["D-1"] = msgspec.ValidationError("an entry lacks its version")
    nudge = TransitionNudge(delivery_id="D-1", version=5)
    await handle(world, nudge)

    assert world.queue.dead == [nudge]


async def test_a_poison_nudge_stays_in_the_queue_while_dead_letters_cannot_be_sent(
    world: World,
) -> None:
    poison = poisoned(world)
    world.queue.dead_letter_trouble = OSError("SQS is unavailable")
    consumer = world.nudge_consumer()
    async with consuming(consumer):
        await until(lambda: "dead_letter_not_sent" in world.logged)
        world.queue.dead_letter_trouble = None
        world.queue.end_visibility_timeouts()
        await until(lambda: world.queue.dead == [poison])


async def test_a_retry_to_a_throttled_viewer_reads_its_right_again(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", version=5)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("slow", "D-1", identity="C-1")
    world.viewer("fast", "D-1", identity="C-1")
    world.gateway.respond_with("slow", PostOutcome.THROTTLED, PostOutcome.DELIVERED)
    # By the time of the retry, the delivery belongs to another customer.
    first = iter([True])
    world.gateway.before_response = lambda connection_id: (
        world.change("D-1", customer_id="C-2")
        if connection_id == "slow" and next(first, False)
        else None
    )

    world.queue.send(TransitionNudge(delivery_id="D-1", version=5))
    async with consuming(world.nudge_consumer()):
        # Stopping ends retries, so wait for the retry first.
        await until(lambda: len(world.gateway.payloads["slow"]) == 2)

    assert world.gateway.types("slow") == ["status", "ended"]
    assert world.gateway.types("fast") == ["status", "position"]
    assert max(world.clock.slept_s) >= 0.5


async def test_the_number_of_follow_ups_is_bounded(world: World) -> None:
    world.delivery("D-1", version=5)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.FAILED)
    consumer = world.nudge_consumer()

    world.queue.send(TransitionNudge(delivery_id="D-1", version=5))
    task = asyncio.create_task(consumer.run())
    await until(lambda: "viewers_not_reached" in world.logged)
    consumer.stop()
    await task

    assert world.gateway.types("a") == ["status"] * (FOLLOW_UPS + 1)
    assert world.tracking == {"a"}
    assert consumer.collect_metrics() == {
        "NudgesReceived": 1,
        "NudgesFailed": 0,
        "NudgesDead": 0,
        "NudgeAge": 0,
        "NudgeViewersDelivered": 0,
        "NudgeViewersNotReached": 1,
    }
    assert consumer.collect_metrics()["NudgesReceived"] == 0


async def test_a_position_that_was_throttled_has_no_follow_up(world: World) -> None:
    world.delivery("D-1", status=Status.NEARBY)
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.THROTTLED)

    world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=1))
    async with consuming(world.nudge_consumer()):
        await until(lambda: "viewers_not_reached" in world.logged)

    assert world.gateway.types("a") == ["position"]


async def test_a_failed_deletion_is_logged_and_the_nudge_is_received_again(world: World) -> None:
    near(world, "D-1")

    def fail() -> None:
        raise OSError("SQS is unavailable")

    world.queue.before_delete = fail
    async with consuming(world.nudge_consumer()):
        await until(lambda: "nudge_not_deleted" in world.logged)
        world.queue.before_delete = lambda: None
        world.queue.end_visibility_timeouts()
        await until(lambda: len(world.queue.deleted) == 1)


async def test_the_consumer_waits_for_a_queue_that_is_briefly_unavailable(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")
    world.queue.broken = True
    world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=1))

    async with consuming(world.nudge_consumer()):
        await until(lambda: "nudges_not_received" in world.logged)
        world.queue.broken = False
        await until(lambda: bool(world.queue.deleted))

    assert world.gateway.types("a") == ["position"]


async def test_a_queue_that_stays_unavailable_ends_the_consumer(world: World) -> None:
    world.queue.broken = True

    with pytest.raises(QueueUnreachableError):
        await world.nudge_consumer().run()

    assert sum(world.clock.slept_s) >= 300
