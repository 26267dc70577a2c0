"""No nudge, viewer or store delays another nudge."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from operator import contains

from broadcaster.pushing import Outcome
from broadcaster.sender import PostOutcome
from broadcaster.threads import StoreThreads
from rtdts.push_queue.nudges import PositionNudge, SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.topics import socket_endpoint
from tests.support.broadcaster_world import NUDGE_THREADS, World
from tests.support.nudging import HANGS_S, SOON_S, consuming, handle, near
from tests.support.waiting import SHORT_DEADLINE_S, until


async def test_a_status_does_not_wait_for_a_position_store_that_hangs(world: World) -> None:
    responded = threading.Event()

    def hang() -> None:
        responded.wait(HANGS_S)

    world.positions.before_read, world.position_wait_s = hang, SOON_S
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")
    try:
        await handle(world, TransitionNudge(delivery_id="D-1", version=5))

        assert world.gateway.types("a") == ["status"]
    finally:
        responded.set()


async def test_position_reads_that_hang_do_not_block_reads_of_rights(world: World) -> None:
    responded = threading.Event()

    def hang() -> None:
        responded.wait(HANGS_S)

    world.positions.before_read, world.position_wait_s = hang, SOON_S
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


async def test_a_flood_of_nudges_delays_no_round(world: World) -> None:
    world.of_rounds = StoreThreads.of("rounds", tables=4, positions=4)
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
            async with asyncio.timeout(SHORT_DEADLINE_S):
                await world.run_round()

            assert world.gateway.types("of-D-round") == ["position"]
            assert not world.queue.deleted, "all of them were still waiting"
        finally:
            responded.set()


async def test_a_first_snapshot_does_not_wait_for_a_flood_of_positions(world: World) -> None:
    """However many there are in the queue before it, in the consumer and in its threads."""
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
            async with asyncio.timeout(SHORT_DEADLINE_S):
                await world.gateway.wait_for_posts(["new"])

            assert world.gateway.types("new") == ["snapshot"]
            assert not world.queue.deleted, "all of them were still waiting"
        finally:
            responded.set()


async def test_a_slow_viewer_delays_no_other_viewer_and_no_later_nudge(world: World) -> None:
    world.delivery("D-1", version=5)
    world.event("D-1", 4, Status.IN_TRANSIT, Cause.LEFT_ORIGIN)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("slow", "D-1")
    world.viewer("fast", "D-1")
    release = world.gateway.hold("slow")
    nudges = [TransitionNudge(delivery_id="D-1", version=version) for version in (4, 5)]

    async with consuming(world.nudge_consumer(response_wait_s=SOON_S)):
        for nudge in nudges:
            # As in the queue, the next one is received only after this one is deleted.
            world.queue.send(nudge)
            await until(partial(contains, world.queue.deleted, nudge))
        reported = [one for one in world.gateway.messages("fast") if one["type"] == "status"]
        release.set()

    assert [one["version"] for one in reported] == [4, 5]


async def test_positions_do_not_use_up_the_follow_ups_of_changes(world: World) -> None:
    near(world, "D-near")
    release = world.gateway.hold("of-D-near")
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    world.viewer("a", "D-1")
    world.gateway.respond_with("a", PostOutcome.FAILED, PostOutcome.DELIVERED)

    async with consuming(world.nudge_consumer(response_wait_s=SOON_S, follow_ups_at_once=1)):
        await until(lambda: len(world.queue.deleted) == 1)  # its response is still awaited
        world.queue.send(TransitionNudge(delivery_id="D-1", version=5))
        await until(lambda: world.gateway.types("a") == ["status", "status", "position"])
        release.set()


async def test_a_position_nudge_whose_viewers_cannot_be_decoded_affects_no_other_nudge(
    world: World,
) -> None:
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

    async with asyncio.timeout(SHORT_DEADLINE_S):
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


async def test_a_viewer_that_hangs_takes_up_one_slot_however_many_nudges_come(world: World) -> None:
    world.delivery("D-1", status=Status.NEARBY)
    world.delivery("D-2", status=Status.NEARBY)
    world.viewer("hung", "D-1")
    world.viewer("hung", "D-2")
    world.viewer("fine", "D-2")
    release = world.gateway.hold("hung")
    world.lock_wait_s = SOON_S
    handler = world.nudge_handler(slots=3, chunk_size=3)

    async with asyncio.timeout(SHORT_DEADLINE_S):
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
