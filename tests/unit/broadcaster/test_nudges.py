from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from broadcaster.nudges import FOLLOW_UPS, NudgeConsumer
from broadcaster.polling import QueueUnreachableError
from broadcaster.pushing import Outcome
from broadcaster.rate_limiter import RateLimiter
from broadcaster.sender import PostOutcome
from rtdts.push_queue.nudges import Nudge, PositionNudge, SnapshotNudge, TransitionNudge
from rtdts.runtime.deadline import Deadline
from rtdts.tracking.deliveries import Cause, DeliveryEvent, Status
from rtdts.tracking.positions import TrackPoint
from rtdts.tracking.topics import socket_endpoint
from tests.support.broadcaster_world import NUDGE_THREADS, World
from tests.support.waiting import COMES_WITHIN_S, until

HANGS_S = 2 * COMES_WITHIN_S
"""A store that hangs does so for longer than anybody waits here."""


@asynccontextmanager
async def consuming(consumer: NudgeConsumer) -> AsyncIterator[None]:
    task = asyncio.create_task(consumer.run())
    try:
        yield
    finally:
        consumer.stop()
        await task
        await consumer.drain(Deadline(COMES_WITHIN_S))


async def handle(world: World, *nudges: Nudge) -> None:
    """Has these nudges handled to the last response."""
    world.queue.send_many(nudges)
    deleted = len(world.queue.deleted) + len(nudges)
    async with consuming(world.nudge_consumer()):
        await until(lambda: len(world.queue.deleted) >= deleted)


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


async def test_a_viewer_with_a_right_to_the_last_status_only_receives_none_before_it(
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


async def test_another_customer_gets_nothing_of_the_former_ones_time(world: World) -> None:
    """Neither events nor the track, even if a viewer requests the snapshot again."""
    given_at_ms = world.clock.now_ms() - 60_000
    world.truck("T-1")
    world.positions.tracks["T-1"] = [
        TrackPoint(35.0, 129.0, at_ms) for at_ms in (given_at_ms - 1, given_at_ms)
    ]
    world.delivery("D-1", customer_id="C-2", version=5)
    for version in (4, 5):
        world.event("D-1", version, Status.IN_TRANSIT, Cause.CORRECTED)
    world.change("D-1", customer_since_ms=given_at_ms, customer_since_version=5)
    world.viewer("new", "D-1", identity="C-2")
    world.viewer("desk", "D-1", role="dispatcher", identity="x")

    for connection_id in ("new", "desk"):
        await handle(
            world,
            SnapshotNudge(delivery_id="D-1", connection_id=connection_id, request_id="r"),
        )
    await handle(world, TransitionNudge(delivery_id="D-1", version=4))

    assert world.gateway.types("new") == ["snapshot"], "the status before it is not sent"
    (theirs,), (all_of_it, *_) = (world.gateway.messages(one) for one in ("new", "desk"))
    assert [one[2] for one in theirs["track"]] == [given_at_ms]
    assert [one["version"] for one in theirs["events"]] == [5]
    assert len(all_of_it["track"]) == len(all_of_it["events"]) == 2


async def test_a_snapshot_of_a_stop_that_is_not_next_shows_the_status_alone(world: World) -> None:
    world.truck("T-1")
    world.positions.tracks["T-1"] = [TrackPoint(35.0, 129.0, world.clock.now_ms())]
    world.delivery("D-1", version=5)
    world.delivery("D-2", version=5)
    world.change("D-2", created_at_ms=world.row("D-1").created_at_ms - 1)
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert snapshot["status"] == "in_transit"
    assert (snapshot["position"], snapshot["track"], snapshot["eta"]) == (None, [], None)


async def test_a_delivered_one_goes_on_for_the_viewing_time(world: World) -> None:
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


async def test_a_status_does_not_wait_for_a_position_store_that_hangs(world: World) -> None:
    responded = threading.Event()

    def hang() -> None:
        responded.wait(HANGS_S)

    world.positions.before_read = hang
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")
    try:
        await handle(world, TransitionNudge(delivery_id="D-1", version=5))

        assert world.gateway.types("a") == ["status"]
    finally:
        responded.set()


async def test_position_reads_that_hang_keep_no_right_from_being_read(world: World) -> None:
    responded = threading.Event()

    def hang() -> None:
        responded.wait(HANGS_S)

    world.positions.before_read = hang
    deliveries = [f"D-{number}" for number in range(8)]  # more than there are threads
    for delivery_id in deliveries:
        world.delivery(delivery_id, version=5, status=Status.NEARBY)
        world.event(delivery_id, 5, Status.NEARBY, Cause.NEAR_DESTINATION)
        world.viewer(f"of-{delivery_id}", delivery_id)
        world.truck("T-1")
    try:
        await handle(world, *(TransitionNudge(delivery_id=one, version=5) for one in deliveries))

        assert [world.gateway.types(f"of-{one}") for one in deliveries] == [["status"]] * 8
    finally:
        responded.set()


async def test_a_flood_of_nudges_holds_up_no_round(world: World) -> None:
    world.truck("T-1")
    flood = [f"D-{number}" for number in range(2 * NUDGE_THREADS)]
    for delivery_id in ("D-round", *flood):
        world.delivery(delivery_id)
        world.viewer(f"of-{delivery_id}", delivery_id)
    responded = threading.Event()
    reading = 0

    def wait() -> None:
        nonlocal reading
        reading += 1
        responded.wait(HANGS_S)

    world.subscriptions.before_find = wait
    world.queue.send_many(
        SnapshotNudge(delivery_id=one, connection_id=f"of-{one}", request_id="r") for one in flood
    )
    async with consuming(world.nudge_consumer()):
        try:
            await until(lambda: reading == NUDGE_THREADS)
            async with asyncio.timeout(COMES_WITHIN_S):
                await world.run_round()

            assert world.gateway.types("of-D-round") == ["position"]
            assert not world.queue.deleted, "all of them were still waiting"
        finally:
            responded.set()


async def test_a_first_snapshot_waits_for_no_flood_of_positions(world: World) -> None:
    """However many there are: in the queue before it, in the consumer's places, in its threads."""
    world.truck("T-1")
    flood = [f"D-{number}" for number in range(300)]
    for delivery_id in (*flood, "D-new"):
        world.delivery(delivery_id)
    for delivery_id in flood:
        world.viewer(f"of-{delivery_id}", delivery_id)
    world.queue.send_many(PositionNudge(delivery_id=one, event_at_ms=1) for one in flood)
    responded = threading.Event()
    reading = 0

    def wait(deliveries: str) -> None:
        nonlocal reading
        if deliveries != "D-new":
            reading += 1
            responded.wait(HANGS_S)

    world.subscriptions.before_of_delivery = wait
    async with consuming(world.nudge_consumer()), consuming(world.snapshot_consumer()):
        try:
            await until(lambda: reading == NUDGE_THREADS)
            world.viewer("new", "D-new")
            world.snapshot_queue.send(
                SnapshotNudge(delivery_id="D-new", connection_id="new", request_id="r")
            )
            async with asyncio.timeout(COMES_WITHIN_S):
                await world.gateway.wait_for_posts(["new"])

            assert world.gateway.types("new") == ["snapshot"]
            assert not world.queue.deleted, "all of them were still waiting"
        finally:
            responded.set()


async def test_a_position_nudge_shows_the_position(world: World) -> None:
    world.truck("T-1", age_s=1)
    world.delivery("D-1", status=Status.NEARBY)
    world.viewer("a", "D-1")

    await handle(world, PositionNudge(delivery_id="D-1", event_at_ms=world.clock.now_ms()))

    assert world.gateway.types("a") == ["position"]
    assert world.gateway.messages("a")[0]["position"]["age_s"] == 1


async def test_a_position_that_the_rate_lets_begin_late_is_left_to_the_next_one(
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


async def test_a_snapshot_goes_to_its_requester_with_the_track_of_this_assignment(
    world: World,
) -> None:
    world.truck("T-2", age_s=0)
    now_ms = world.clock.now_ms()
    row = world.delivery("D-1", truck_id="T-1", version=2)
    world.event("D-1", 1, Status.ASSIGNED, Cause.ASSIGNED)
    world.event("D-1", 2, Status.IN_TRANSIT, Cause.DECLARED)
    world.transfer("D-1", "T-2")
    world.event("D-1", 3, Status.IN_TRANSIT, Cause.TRANSFERRED)
    world.positions.tracks["T-2"] = [
        TrackPoint(lat=35.0, lon=129.0, event_at_ms=now_ms - 1),
        TrackPoint(lat=35.1, lon=129.0, event_at_ms=now_ms),
    ]
    world.viewer("a", "D-1")
    world.viewer("b", "D-1")

    await handle(
        world,
        SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r", since_version=1),
    )

    (snapshot,) = world.gateway.messages("a")
    assert snapshot["type"] == "snapshot"
    assert [one["version"] for one in snapshot["events"]] == [2, 3]
    assert snapshot["track"] == [[35.1, 129.0, now_ms]]
    assert snapshot["assignment"] == row.assignment + 1
    assert snapshot["position"] is not None
    assert world.gateway.messages("b") == []
    assert world.subscriptions.deliveries_read == []  # a delivery may have thousands of viewers


async def test_a_viewer_that_requests_again_and_again_gets_the_last_snapshot(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", version=2)
    world.event("D-1", 2, Status.IN_TRANSIT, Cause.DECLARED)
    latest = world.viewer("a", "D-1").subscribed_at_ms
    reads: list[str] = []
    world.positions.before_track = lambda: reads.append("track")

    await handle(
        world,
        *(
            SnapshotNudge(
                delivery_id="D-1",
                connection_id="a",
                request_id=f"r-{number}",
                subscribed_at_ms=latest - number,
            )
            for number in range(50)
        ),
        # Of a sender that does not say when yet.
        SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="old"),
    )

    assert world.gateway.types("a") == ["snapshot", "snapshot"]
    assert reads == ["track"] * 2
    assert len(world.deliveries.reads) == 2


async def test_a_snapshot_while_assigned_has_no_position_and_no_track(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", status=Status.ASSIGNED, version=1)
    world.event("D-1", 1, Status.ASSIGNED, Cause.ASSIGNED)
    world.positions.tracks["T-1"] = [
        TrackPoint(lat=35.0, lon=129.0, event_at_ms=world.clock.now_ms() - 1)
    ]
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert (snapshot["position"], snapshot["track"]) == (None, [])
    assert len(snapshot["events"]) == 1


async def test_a_snapshot_while_assigned_reads_no_positions(world: World) -> None:
    read: list[str] = []
    world.positions.before_read = lambda: read.append("latest")
    world.positions.before_track = lambda: read.append("track")
    world.delivery("D-1", status=Status.ASSIGNED, version=1)
    world.viewer("a", "D-1")
    world.viewer("b", "D-1", role="dispatcher", identity="x")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))
    assert read == []
    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="b", request_id="r"))
    assert sorted(read) == ["latest", "track"]


async def test_a_snapshot_goes_without_positions_when_their_store_is_unavailable(
    world: World,
) -> None:
    def fail() -> None:
        raise OSError("OpenSearch is unavailable")

    world.positions.before_read = world.positions.before_track = fail
    world.truck("T-1")
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert (snapshot["status"], snapshot["position"], snapshot["track"]) == ("nearby", None, [])
    assert "positions_unavailable" in world.logged


async def test_a_snapshot_does_not_wait_for_a_position_store_that_hangs(world: World) -> None:
    responded = threading.Event()

    def hang() -> None:
        responded.wait(HANGS_S)

    world.positions.before_track = hang
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("a", "D-1")
    try:
        await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

        (snapshot,) = world.gateway.messages("a")
        assert snapshot["position"] is not None
        assert snapshot["track"] == []
    finally:
        responded.set()


async def test_a_snapshot_of_what_was_delivered_shows_where_that_was(world: World) -> None:
    world.closed("D-1", truck_id="T-1", ago_s=600)
    world.viewer("a", "D-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    (snapshot,) = world.gateway.messages("a")
    assert snapshot["position"]["age_s"] == 610


async def test_a_snapshot_for_a_viewer_without_a_right_is_an_ending(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", customer_id="C-2")
    world.viewer("a", "D-1", identity="C-1")

    await handle(world, SnapshotNudge(delivery_id="D-1", connection_id="a", request_id="r"))

    assert world.gateway.types("a") == ["ended"]


async def test_nudges_without_viewers_are_deleted(world: World) -> None:
    await handle(
        world,
        TransitionNudge(delivery_id="D-9", version=1),
        SnapshotNudge(delivery_id="D-9", connection_id="a", request_id="r"),
    )

    assert world.deliveries.reads == []


async def test_a_slow_viewer_holds_up_no_other_and_no_later_nudge(world: World) -> None:
    world.delivery("D-1", version=5)
    world.event("D-1", 4, Status.IN_TRANSIT, Cause.LEFT_ORIGIN)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("slow", "D-1")
    world.viewer("fast", "D-1")
    release = world.gateway.hold("slow")
    nudges = [TransitionNudge(delivery_id="D-1", version=version) for version in (4, 5)]

    async with consuming(world.nudge_consumer(response_wait_s=0.02)):
        for nudge in nudges:
            # One after the other, as the queue gives them out: the next when this is deleted.
            world.queue.send(nudge)
            await until(lambda nudge=nudge: nudge in world.queue.deleted)  # type: ignore[misc]
        reported = [one for one in world.gateway.messages("fast") if one["type"] == "status"]
        release.set()

    assert [one["version"] for one in reported] == [4, 5]


async def test_a_nudge_that_fails_to_read_stays_in_the_queue(world: World) -> None:
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


POISON = int("9" * 40)


def poisoned(world: World) -> SnapshotNudge:
    """A nudge that DynamoDB refuses, and behind it a transition of the same delivery."""
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


async def test_a_nudge_that_fails_for_its_own_fault_is_dead_at_once_and_holds_up_none(
    world: World,
) -> None:
    poison = poisoned(world)
    consumer = world.nudge_consumer()
    async with consuming(consumer):
        await until(lambda: len(world.queue.deleted) == 2)
    metrics = consumer.take_metrics()

    assert world.gateway.types("a") == ["status", "position"]
    assert world.queue.dead == [poison]
    assert (metrics["NudgesFailed"], metrics["NudgesDead"]) == (1, 1)


async def test_a_nudge_of_a_log_that_can_not_be_read_is_dead_at_once(world: World) -> None:
    world.delivery("D-1", version=5)
    world.viewer("a", "D-1")

    def unreadable(_delivery_id: str, _after_version: int = 0) -> list[DeliveryEvent]:
        raise msgspec.ValidationError("an entry lacks its version")

    world.deliveries.events = unreadable  # type: ignore[method-assign]
    nudge = TransitionNudge(delivery_id="D-1", version=5)
    await handle(world, nudge)

    assert world.queue.dead == [nudge]


async def test_a_faulty_nudge_stays_in_the_queue_while_dead_letters_cannot_be_sent(
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


async def test_a_throttled_viewer_is_tried_again_with_its_right_read_again(world: World) -> None:
    world.truck("T-1")
    world.delivery("D-1", version=5)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("slow", "D-1", identity="C-1")
    world.viewer("fast", "D-1", identity="C-1")
    world.gateway.respond_with("slow", PostOutcome.THROTTLED, PostOutcome.DELIVERED)
    # By the time it may be posted to again the delivery is another customer's.
    first = iter([True])
    world.gateway.before_response = lambda connection_id: (
        world.change("D-1", customer_id="C-2")
        if connection_id == "slow" and next(first, False)
        else None
    )

    world.queue.send(TransitionNudge(delivery_id="D-1", version=5))
    async with consuming(world.nudge_consumer()):
        # Stopping ends the trying again: not before it has happened.
        await until(lambda: len(world.gateway.payloads["slow"]) == 2)

    assert world.gateway.types("slow") == ["status", "ended"]
    assert world.gateway.types("fast") == ["status", "position"]
    assert max(world.clock.slept_s) >= 0.5


async def test_positions_take_no_follow_up_from_a_change(world: World) -> None:
    near(world, "D-near")
    release = world.gateway.hold("of-D-near")
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.FAILED, PostOutcome.DELIVERED)

    async with consuming(world.nudge_consumer(response_wait_s=0.02, follow_ups_at_once=1)):
        await until(lambda: len(world.queue.deleted) == 1)  # its response is still awaited
        world.queue.send(TransitionNudge(delivery_id="D-1", version=5))
        await until(lambda: world.gateway.types("a") == ["status", "status", "position"])
        release.set()


async def test_following_up_is_bounded(world: World) -> None:
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
    assert consumer.take_metrics() == {
        "NudgesReceived": 1,
        "NudgesFailed": 0,
        "NudgesDead": 0,
        "NudgeAge": 0,
        "NudgeViewersDelivered": 0,
        "NudgeViewersNotReached": 1,
    }
    assert consumer.take_metrics()["NudgesReceived"] == 0


async def test_how_late_a_change_was_reported_is_measured_of_the_latest(world: World) -> None:
    world.delivery("D-1", status=Status.NEARBY)
    world.viewer("a", "D-1")
    consumer = world.nudge_consumer()

    world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=1))
    world.clock.advance(3.0)
    async with consuming(consumer):
        await until(lambda: len(world.queue.deleted) == 1)
        world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=5_000))
        await until(lambda: len(world.queue.deleted) == 2)

    assert consumer.take_metrics()["NudgeAge"] == 3_000
    assert consumer.take_metrics()["NudgeAge"] == 0


async def test_a_position_that_waited_for_long_is_left_to_the_next_and_a_status_is_not(
    world: World,
) -> None:
    """A flood of positions delays statuses by its deletions only."""
    near(world, "D-1")
    world.event("D-1", 4, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.queue.send(TransitionNudge(delivery_id="D-1", version=4))
    world.clock.advance(3.1)

    async with consuming(world.nudge_consumer()):
        await until(lambda: len(world.queue.deleted) == 2)

    assert world.gateway.types("of-D-1") == ["status", "position"]


async def test_a_position_is_not_followed_up(world: World) -> None:
    world.delivery("D-1", status=Status.NEARBY)
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.THROTTLED)

    world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=1))
    async with consuming(world.nudge_consumer()):
        await until(lambda: "viewers_not_reached" in world.logged)

    assert world.gateway.types("a") == ["position"]


def near(world: World, *delivery_ids: str) -> list[PositionNudge]:
    """Deliveries near their destinations, each with a viewer, and a nudge of each in the queue."""
    nudges = [PositionNudge(delivery_id=one, event_at_ms=1) for one in delivery_ids]
    for delivery_id in delivery_ids:
        world.truck(f"T-{delivery_id}", age_s=1)
        world.delivery(delivery_id, truck_id=f"T-{delivery_id}", status=Status.NEARBY)
        world.viewer(f"of-{delivery_id}", delivery_id)
    world.queue.send_many(nudges)
    return nudges


async def test_many_deletions_share_requests(world: World) -> None:
    nudges = near(world, *(f"D-{number}" for number in range(10)))
    first = threading.Event()
    world.queue.before_delete = lambda: first.wait(COMES_WITHIN_S) and None

    async with consuming(world.nudge_consumer()):
        await until(lambda: len(world.gateway.payloads) == 10)
        first.set()
        await until(lambda: len(world.queue.deleted) == 10)

    assert all(world.gateway.types(f"of-{one.delivery_id}") == ["position"] for one in nudges)
    assert len(world.queue.deletions) < 10


async def test_a_position_that_can_not_be_read_affects_no_other(world: World) -> None:
    near(world, "D-1", "D-bad", "D-2")

    def refuse(delivery_id: str) -> None:
        if delivery_id == "D-bad":
            raise ValueError("a row that can't be decoded")

    world.subscriptions.before_of_delivery = refuse
    async with consuming(world.nudge_consumer()):
        await until(lambda: len(world.queue.deleted) == 3)

    assert world.gateway.types("of-D-1") == world.gateway.types("of-D-2") == ["position"]
    assert [one.delivery_id for one in world.queue.dead] == ["D-bad"]


async def test_a_viewer_that_hangs_delays_no_other_position_of_the_same_poll(world: World) -> None:
    slow, fine = near(world, "D-slow", "D-fine")
    release = world.gateway.hold("of-D-slow")
    try:
        async with consuming(world.nudge_consumer(response_wait_s=HANGS_S)):
            await until(lambda: world.queue.deleted == [fine])
            release.set()
            await until(lambda: world.queue.deleted == [fine, slow])
    finally:
        release.set()


async def test_a_status_does_not_wait_for_slots_behind_positions(world: World) -> None:
    """While posts hang, a position waits for slots that become free; a change takes them."""
    for name in ("D-hung", "D-many", "D-status"):
        world.delivery(name, version=5, status=Status.NEARBY)
    world.event("D-status", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    for number in range(2):
        world.viewer(f"hung-{number}", "D-hung")
        world.viewer(f"many-{number}", "D-many")
    world.viewer("status", "D-status")
    releases = [world.gateway.hold(f"hung-{number}") for number in range(2)]
    handler = world.nudge_handler(slots=3, chunk_size=3)

    async with asyncio.timeout(COMES_WITHIN_S):
        hung = await handler.begin(PositionNudge(delivery_id="D-hung", event_at_ms=1))
        position = PositionNudge(delivery_id="D-many", event_at_ms=1)
        waiting = asyncio.create_task(handler.begin(position))  # for two slots, and one is free
        await until(lambda: "D-many" in world.subscriptions.deliveries_read)
        await asyncio.sleep(0)
        begun = await handler.begin(TransitionNudge(delivery_id="D-status", version=5))
        await asyncio.gather(*begun)
        for release in releases:
            release.set()
        await asyncio.gather(*hung, *await waiting)

    assert world.gateway.types("status") == ["status", "position"]
    assert world.gateway.types("many-0") == ["position"]


async def test_a_deletion_that_fails_is_logged_and_the_nudge_comes_again(world: World) -> None:
    near(world, "D-1")

    def fail() -> None:
        raise OSError("SQS is unavailable")

    world.queue.before_delete = fail
    async with consuming(world.nudge_consumer()):
        await until(lambda: "nudge_not_deleted" in world.logged)
        world.queue.before_delete = lambda: None
        world.queue.end_visibility_timeouts()
        await until(lambda: len(world.queue.deleted) == 1)


async def test_a_viewer_that_hangs_takes_up_one_slot_however_many_nudges_come(world: World) -> None:
    world.delivery("D-1", status=Status.NEARBY)
    world.delivery("D-2", status=Status.NEARBY)
    world.viewer("hung", "D-1")
    world.viewer("hung", "D-2")
    world.viewer("fine", "D-2")
    release = world.gateway.hold("hung")
    handler = world.nudge_handler(slots=3, chunk_size=3)

    async with asyncio.timeout(COMES_WITHIN_S):
        begun = await handler.begin(PositionNudge(delivery_id="D-1", event_at_ms=1))
        for second in range(3):
            nudge = PositionNudge(delivery_id="D-2", event_at_ms=1_000 * second)
            begun += await handler.begin(nudge)

        await until(lambda: len(world.gateway.payloads["fine"]) == 3)
        assert len(world.gateway.payloads["hung"]) == 1
        release.set()
        pushed = await asyncio.gather(*begun)

    left_alone = [one for one in pushed if one.outcome is Outcome.BACKED_OFF]
    assert {one.subscription.endpoint for one in left_alone} == {socket_endpoint("hung")}


async def test_many_viewers_are_notified_a_chunk_at_a_time(world: World) -> None:
    world.delivery("D-1")
    for number in range(25):
        world.viewer(f"conn-{number}", "D-1")
    handler = world.nudge_handler(slots=10, chunk_size=10)

    tasks = await handler.begin(PositionNudge(delivery_id="D-1", event_at_ms=1))
    await asyncio.gather(*tasks)

    assert len(world.gateway.payloads) == 25
    assert len(world.deliveries.reads) == 3


async def test_a_queue_that_is_unavailable_for_a_moment_is_waited_for(world: World) -> None:
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


async def test_an_event_that_is_missing_from_the_log_is_reported(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")

    await handle(world, TransitionNudge(delivery_id="D-1", version=9))

    assert "nudged_event_missing" in world.logged
    assert world.gateway.types("a") == ["position"]
