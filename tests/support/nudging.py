"""Runs a broadcaster's consumer of nudges in a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from broadcaster.nudges import NudgeConsumer
from rtdts.push_queue.nudges import Nudge, PositionNudge
from rtdts.runtime.deadline import Deadline
from rtdts.tracking.deliveries import Status
from tests.support.broadcaster_world import World
from tests.support.waiting import SHORT_DEADLINE_S, until

SOON_S = 0.02
"""How long the code under test waits for something that hangs."""
HANGS_S = 2 * SHORT_DEADLINE_S
"""How long a hanging store takes: longer than any test waits."""


@asynccontextmanager
async def consuming(consumer: NudgeConsumer) -> AsyncIterator[None]:
    """Runs the consumer for the duration of the block."""
    task = asyncio.create_task(consumer.run())
    try:
        yield
    finally:
        consumer.stop()
        await task
        await consumer.drain(Deadline(SHORT_DEADLINE_S))


async def handle(world: World, *nudges: Nudge) -> None:
    """Sends these nudges, and waits until each is handled."""
    world.queue.send_many(nudges)
    deleted = len(world.queue.deleted) + len(nudges)
    async with consuming(world.nudge_consumer()):
        await until(lambda: len(world.queue.deleted) >= deleted)


def near(world: World, *delivery_ids: str) -> list[PositionNudge]:
    """Creates deliveries near their destinations, each with a viewer and a nudge in the queue."""
    nudges = [PositionNudge(delivery_id=one, event_at_ms=1) for one in delivery_ids]
    for delivery_id in delivery_ids:
        world.truck(f"T-{delivery_id}", age_s=1)
        world.delivery(delivery_id, truck_id=f"T-{delivery_id}", status=Status.NEARBY)
        world.viewer(f"of-{delivery_id}", delivery_id)
    world.queue.send_many(nudges)
    return nudges
