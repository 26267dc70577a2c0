"""A settling that was lost in a crash, and how the next one completes its work."""

from __future__ import annotations

import pytest

from consumer.pipeline import BatchPipeline
from consumer.settling import PAUSE_S
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Cause
from tests.support.consumer_world import Killed, World, derived, point


def killed_in_settling(world: World, pipeline: BatchPipeline, step: str) -> None:
    world.kill_at(step, "before")
    with pytest.raises(Killed):
        world.settle(pipeline, after_s=PAUSE_S)
    world.clock.advance(3.0)


def test_a_settling_overwrites_the_documents_of_a_lost_one_with_more_intervals() -> None:
    world, reference = World(), World()
    points = [point(240 * n, 300.0 * n, speed_mps=None) for n in range(30)]
    first, between = [points[6], points[13]], [points[8], points[10], points[12]]
    reference.pipeline().process(reference.shard.records(*[[one] for one in points]))
    pipeline = world.pipeline()
    pipeline.process(
        world.shard.records(*[[one] for one in points if one not in [*first, *between]])
    )
    pipeline.process(world.shard.records(*[[one] for one in first]))
    killed_in_settling(world, pipeline, "save")

    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in between]))
    world.settle(pipeline)

    assert derived(world) == derived(reference)


def test_a_correction_that_a_killed_worker_logged_is_nudged_by_the_next_worker() -> None:
    """No later event follows that would be nudged in its place."""
    world = World()
    world.assign("D-1")
    pipeline = world.pipeline()
    # Implausible, once the points before it are known.
    jump = point(200, 3_500.0)
    parked = [point(10 * n, -5_000.0, speed_mps=0.0) for n in range(20)]
    rest = [point(210 + 10 * n, -5_000.0, speed_mps=0.0) for n in range(12)]
    pipeline.process(world.shard.records([parked[0]], [jump], *[[one] for one in rest]))
    before = world.deliveries.events("D-1")
    pipeline.process(world.shard.records(*[[one] for one in parked[1:]]))
    killed_in_settling(world, pipeline, "send_many")
    events = world.deliveries.events("D-1")
    assert len(events) == len(before) + 1
    assert events[-1].cause is Cause.CORRECTED

    world.settle(world.pipeline())

    assert world.deliveries.events("D-1") == events
    reported = [one.version for one in world.nudges.sent if isinstance(one, TransitionNudge)]
    assert events[-1].version in reported
