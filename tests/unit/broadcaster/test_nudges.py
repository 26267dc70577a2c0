"""Which viewers a nudge reaches, and with which messages."""

from __future__ import annotations

import asyncio
import threading

import msgspec

from broadcaster.rate_limiter import RateLimiter
from rtdts.push_queue.nudges import PositionNudge, SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from tests.support.broadcaster_world import World
from tests.support.nudging import consuming, handle, near
from tests.support.waiting import SHORT_DEADLINE_S, until


async def test_a_transition_is_pushed_to_the_viewers_of_its_delivery_alone(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.delivery("D-2")
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")
    world.viewer("b", "D-1", role="dispatcher", identity="x")
    world.viewer("other", "D-2")

    await handle(world, TransitionNudge(delivery_id="D-1", version=5))

    for connection_id in ("a", "b"):
        status, position = world.gateway.messages(connection_id)
        assert (status["type"], status["status"], status["version"]) == ("status", "nearby", 5)
        assert status["cause"] == "near_destination"
        assert (position["type"], position["version"]) == ("position", 5)
    assert world.gateway.messages("other") == []


async def test_each_of_two_quick_transitions_is_reported(world: World) -> None:
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 4, Status.IN_TRANSIT, Cause.LEFT_ORIGIN)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")

    await handle(
        world,
        TransitionNudge(delivery_id="D-1", version=4),
        TransitionNudge(delivery_id="D-1", version=5),
    )

    reported = [one for one in world.gateway.messages("a") if one["type"] == "status"]
    assert sorted(one["version"] for one in reported) == [4, 5]


async def test_a_cancelled_delivery_sends_its_status_then_ends_and_its_subscription_is_removed(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1", status=Status.CANCELLED, version=5)
    world.event("D-1", 5, Status.CANCELLED, Cause.DECLARED)
    world.viewer("a", "D-1")

    await handle(world, TransitionNudge(delivery_id="D-1", version=5))

    assert world.gateway.types("a") == ["status", "ended"]
    assert world.gateway.messages("a")[1]["reason"] == "cancelled"
    assert world.tracking == set()


async def test_a_viewer_of_a_cancelled_delivery_receives_no_earlier_status(
    world: World,
) -> None:
    world.delivery("D-1", status=Status.CANCELLED, version=5)
    world.event("D-1", 4, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.event("D-1", 5, Status.CANCELLED, Cause.DECLARED)
    world.viewer("a", "D-1")

    await handle(world, TransitionNudge(delivery_id="D-1", version=4))

    assert world.gateway.types("a") == ["ended"]


async def test_a_viewer_that_lost_its_right_receives_only_the_end(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", customer_id="C-2", version=5)
    world.event("D-1", 5, Status.IN_TRANSIT, Cause.ASSIGNED)
    world.viewer("old", "D-1", identity="C-1")
    world.viewer("new", "D-1", identity="C-2")

    await handle(world, TransitionNudge(delivery_id="D-1", version=5))

    assert world.gateway.types("old") == ["ended"]
    assert world.gateway.messages("old")[0]["reason"] == "no_longer_yours"
    assert world.gateway.types("new") == ["status", "position"]
    assert world.tracking == {"new"}


async def test_a_delivered_delivery_is_shown_until_the_viewing_time_ends(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", status=Status.DELIVERED, version=5)
    now_ms = world.clock.now_ms()
    world.change("D-1", closed_at_ms=now_ms, updated_at_ms=now_ms)
    world.event("D-1", 5, Status.DELIVERED, Cause.DECLARED)
    world.viewer("a", "D-1")

    await handle(world, TransitionNudge(delivery_id="D-1", version=5))
    world.clock.advance(30 * 60)
    await world.run_round()

    assert world.gateway.types("a") == ["status", "position", "ended"]
    assert world.gateway.messages("a")[2]["reason"] == "viewing_over"


async def test_a_position_nudge_shows_the_position(world: World) -> None:
    world.truck("T-1", age_s=1)
    world.delivery("D-1", status=Status.NEARBY)
    world.viewer("a", "D-1")

    await handle(world, PositionNudge(delivery_id="D-1", event_at_ms=world.clock.now_ms()))

    assert world.gateway.types("a") == ["position"]
    assert world.gateway.messages("a")[0]["position"]["age_s"] == 1


async def test_a_position_that_the_rate_limiter_would_delay_for_long_is_not_posted(
    world: World,
) -> None:
    world.truck("T-1", age_s=1)
    world.delivery("D-1", status=Status.NEARBY)
    world.viewer("a", "D-1")
    world.rate = RateLimiter(0.1, sleep=world.clock.sleep, monotonic=world.clock.monotonic)
    now_ms = world.clock.now_ms()

    await handle(world, PositionNudge(delivery_id="D-1", event_at_ms=now_ms))
    await handle(world, PositionNudge(delivery_id="D-1", event_at_ms=now_ms + 1_000))

    assert world.gateway.types("a") == ["position"]


async def test_nudges_without_viewers_are_deleted(world: World) -> None:
    await handle(
        world,
        TransitionNudge(delivery_id="D-9", version=1),
        SnapshotNudge(delivery_id="D-9", connection_id="a", request_id="r"),
    )

    assert world.deliveries.reads == []


async def test_a_viewer_that_tracks_again_during_its_removal_stays(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", status=Status.CANCELLED, version=5)
    world.event("D-1", 5, Status.CANCELLED, Cause.DECLARED)
    read = world.viewer("a", "D-1")

    def track_again(_connection_id: str) -> None:
        again_at_ms = read.subscribed_at_ms + 1
        world.subscriptions.add(msgspec.structs.replace(read, subscribed_at_ms=again_at_ms))

    world.gateway.before_response = track_again
    await handle(world, TransitionNudge(delivery_id="D-1", version=5))

    assert world.gateway.types("a") == ["status", "ended"]
    assert world.tracking == {"a"}


async def test_the_nudge_age_metric_is_the_largest_age_and_is_then_reset(world: World) -> None:
    world.delivery("D-1", status=Status.NEARBY)
    world.viewer("a", "D-1")
    consumer = world.nudge_consumer()

    world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=1))
    world.clock.advance(3.0)
    async with consuming(consumer):
        await until(lambda: len(world.queue.deleted) == 1)
        world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=5_000))
        await until(lambda: len(world.queue.deleted) == 2)

    assert consumer.collect_metrics()["NudgeAge"] == 3_000
    assert consumer.collect_metrics()["NudgeAge"] == 0


async def test_a_position_nudge_that_waited_too_long_is_dropped_and_a_transition_is_not(
    world: World,
) -> None:
    """So a flood of positions delays a status only by the time that deleting them takes."""
    near(world, "D-1")
    world.event("D-1", 4, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.queue.send(TransitionNudge(delivery_id="D-1", version=4))
    world.clock.advance(3.1)

    async with consuming(world.nudge_consumer()):
        await until(lambda: len(world.queue.deleted) == 2)

    assert world.gateway.types("of-D-1") == ["status", "position"]


async def test_many_deletions_share_requests(world: World) -> None:
    nudges = near(world, *(f"D-{number}" for number in range(10)))
    first = threading.Event()

    def wait_for_first() -> None:
        first.wait(SHORT_DEADLINE_S)

    world.queue.before_delete = wait_for_first

    async with consuming(world.nudge_consumer()):
        await until(lambda: len(world.gateway.payloads) == 10)
        first.set()
        await until(lambda: len(world.queue.deleted) == 10)

    assert all(world.gateway.types(f"of-{one.delivery_id}") == ["position"] for one in nudges)
    assert len(world.queue.deletions) < 10


async def test_many_viewers_are_notified_in_chunks(world: World) -> None:
    world.delivery("D-1")
    for number in range(25):
        world.viewer(f"conn-{number}", "D-1")
    handler = world.nudge_handler(slots=10, chunk_size=10)

    tasks = await handler.begin(PositionNudge(delivery_id="D-1", event_at_ms=1))
    await asyncio.gather(*tasks)

    assert len(world.gateway.payloads) == 25
    assert len(world.deliveries.reads) == 3


async def test_an_event_that_is_missing_from_the_log_is_reported(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")

    await handle(world, TransitionNudge(delivery_id="D-1", version=9))

    assert "nudged_event_missing" in world.logged
    assert world.gateway.types("a") == ["position"]
