"""Nudges and endpoints that hang repeatedly."""

from __future__ import annotations

import asyncio
import collections

import pytest

from broadcaster.pushing import Outcome, PushResult
from broadcaster.quarantine import HANGS
from broadcaster.sender import PostOutcome
from broadcaster.threads import StoreThreads
from rtdts.push_queue.nudges import Nudge, PositionNudge, SnapshotNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.topics import socket_endpoint
from tests.fakes.pushing_back import PushingBack
from tests.support.broadcaster_world import QUARANTINE_SLOTS, World
from tests.support.virtual_time import LoopClock, NoThreads, in_virtual_time
from tests.support.waiting import until

SLOTS = 10
HANGING = [f"hanging-{number}" for number in range(2 * SLOTS)]
CHANGE = TransitionNudge(delivery_id="D-1", version=5)
OTHER_CHANGE = TransitionNudge(delivery_id="D-2", version=5)
AT_ONCE_S = 0.1


def world_of(gateway: PushingBack, *, hanging: list[str] = HANGING) -> World:
    """Two changed deliveries; the first has a healthy viewer and some that are in quarantine."""
    world = World(clock=LoopClock(), sender=gateway)
    world.of_nudges = StoreThreads(NoThreads(), NoThreads())
    world.truck("T-1")
    for delivery_id, name in (("D-1", "healthy"), ("D-2", "other")):
        world.delivery(delivery_id, version=5, status=Status.NEARBY)
        world.event(delivery_id, 5, Status.NEARBY, Cause.NEAR_DESTINATION)
        world.viewer(name, delivery_id, token_expires_in_s=3_600)
    for name in hanging:
        world.viewer(name, "D-1", token_expires_in_s=3_600)
        for _ in range(HANGS):
            world.quarantine.hung(socket_endpoint(name))
    return world


def pushed_to(gateway: PushingBack, *nudges: Nudge) -> list[PushResult]:
    """Handles the nudges in `world_of(gateway)`, in virtual time."""

    async def main() -> list[PushResult]:
        return await handled(world_of(gateway), *nudges)

    return in_virtual_time(main)


async def handled(world: World, *nudges: Nudge) -> list[PushResult]:
    """Handles the nudges one after another, and waits for every response."""
    handler = world.nudge_handler(slots=SLOTS, chunk_size=SLOTS)
    tasks = [task for nudge in nudges for task in await handler.begin(nudge)]
    return list(await asyncio.gather(*tasks))


def test_viewers_that_hang_delay_no_change_of_their_own_or_of_another_delivery() -> None:
    gateway = PushingBack(hanging={*HANGING})

    pushed = pushed_to(gateway, CHANGE, OTHER_CHANGE)

    assert gateway.received_at_s["healthy"][0] < AT_ONCE_S
    assert gateway.received_at_s["other"][0] < AT_ONCE_S
    tried = [name for name in HANGING if gateway.posted[name]]
    assert len(tried) == QUARANTINE_SLOTS
    assert collections.Counter(one.outcome for one in pushed) == {
        Outcome.DELIVERED: 2,
        Outcome.HUNG: QUARANTINE_SLOTS,
        Outcome.QUARANTINED: len(HANGING) - QUARANTINE_SLOTS,
    }


def test_positions_are_not_posted_to_quarantined_connections() -> None:
    gateway = PushingBack(hanging={*HANGING})
    nudge = PositionNudge(delivery_id="D-1", event_at_ms=0)

    (pushed,) = pushed_to(gateway, nudge)

    assert pushed.outcome is Outcome.DELIVERED
    assert {name for name in gateway.posted if gateway.posted[name]} == {"healthy"}


@pytest.mark.parametrize(
    "nudge",
    [CHANGE, SnapshotNudge(delivery_id="D-1", connection_id="back", request_id="r")],
    ids=["change", "snapshot"],
)
def test_a_connection_that_has_recovered_receives_a_change_and_leaves_quarantine(
    nudge: Nudge,
) -> None:
    gateway = PushingBack()

    async def main() -> bool:
        world = world_of(gateway, hanging=["back"])
        await handled(world, nudge)
        return world.quarantine.contains(socket_endpoint("back"))

    assert in_virtual_time(main) is False
    assert gateway.received_at_s["back"][0] < AT_ONCE_S


async def test_a_throttled_viewer_is_tried_again_without_waiting_for_one_that_hangs(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1", version=5, status=Status.NEARBY)
    world.event("D-1", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
    for name in ("slow", "hanging"):
        world.viewer(name, "D-1")
    world.gateway.respond_with("slow", PostOutcome.THROTTLED, PostOutcome.DELIVERED)
    for _ in range(HANGS):
        world.quarantine.hung(socket_endpoint("hanging"))
    for _ in range(10):  # its backoff is a minute by now
        world.backoff.throttled(socket_endpoint("hanging"))
    consumer = world.nudge_consumer()

    world.queue.send(CHANGE)
    task = asyncio.create_task(consumer.run())
    await until(lambda: "viewers_not_reached" in world.logged)
    consumer.stop()
    await task

    assert world.gateway.types("slow") == ["status", "status", "position"]
    assert world.gateway.types("hanging") == []
    assert max(world.clock.slept_s) <= 1.0
    assert consumer.collect_metrics()["NudgeViewersNotReached"] == 1
