"""A drive whose points arrive in two parts, the second one late."""

from __future__ import annotations

from consumer.pipeline import BatchPipeline
from rtdts.tracking.truck_state import TruckState
from tests.support.consumer_world import World, derived, drive, shown, standing_of

ROAD = drive()[:19]
"""The drive to the origin, the wait there, and a part of the route."""
LATE = ROAD[4:13]
"""The wait at the origin: without it, the pickup is not detected."""
EARLY = [one for one in ROAD if one not in LATE]


def with_late_points(world: World) -> BatchPipeline:
    """Returns a pipeline that has received early and then late points, and settled none."""
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    pipeline.process(world.shard.records(*[[one] for one in LATE]))
    return pipeline


def state_of(world: World, truck_id: str = "T-1") -> TruckState:
    state = world.positions.load([truck_id])[truck_id].state
    assert state is not None
    return state


def assert_same(world: World, reference: World) -> None:
    """Compares stored, shown and logged data; no point may be unsettled."""
    assert derived(world) == derived(reference)
    assert shown(world) == shown(reference)
    assert [one.status for one in standing_of(world)] == [
        one.status for one in standing_of(reference)
    ]
    assert not state_of(world).unsettled
