"""Late points that contradict each other without end: the delivery's log stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.pipeline import BatchPipeline
from rtdts.delivery_store.items import item_bytes, to_item
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.delivery_log import CORRECTED_EVENTS
from rtdts.tracking.positions import Point
from tests.support.consumer_world import World, point

SLOT_S = 200
SLOTS = 35
MAX_EVENTS = 1 + CORRECTED_EVENTS + len(Status) + 6
WAITS_S = SLOT_S * (SLOTS + 1)
WAIT = [point(SLOT_S * n, -800.0) for n in range(SLOTS + 2)]
"""Hours near the origin's geofence, but outside it."""
ALONG_M = (-400, 200, 800, 1400, 2000, 2600, 3200, 3600, 3900, 3990, *range(4000, 4010))
ALONG = [point(WAITS_S + 10 * n, float(east_m)) for n, east_m in enumerate(ALONG_M, 1)]
"""Past the origin without a stop, and a wait at the destination."""


def contradictions() -> Iterator[list[Point]]:
    """Late points that show a dwell at the origin, and then others that contradict it."""
    for begins_s in range(0, SLOT_S * SLOTS, SLOT_S):
        around = [point(begins_s + 30, -600.0), point(begins_s + 155, -600.0)]
        inside = [point(begins_s + after_s, 0.0, speed_mps=0.0) for after_s in (60, 125)]
        yield [*around, *inside]
        yield [point(begins_s + 92, -900.0)]


def attack(world: World, pipeline: BatchPipeline) -> None:
    for late in contradictions():
        pipeline.process(world.shard.records(*[[one] for one in late]))
        world.settle(pipeline)


def test_contradicting_late_points_grow_a_log_only_up_to_its_bound() -> None:
    world = World()
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in [*WAIT, *ALONG]]))
    attack(world, pipeline)
    events = world.deliveries.events("D-1")
    state = world.positions.load(["T-1"])["T-1"].state

    assert sum(event.cause is Cause.CORRECTED for event in events) > 10
    assert len(events) <= MAX_EVENTS
    assert sum(item_bytes(to_item(event)) for event in events) < 100_000
    assert sum(isinstance(one, TransitionNudge) for one in world.nudges.sent) < len(events)
    assert events[-1].status is Status.ARRIVED
    assert state is not None
    assert not state.is_unsettled
    (line,) = world.reported("log_no_longer_corrected")
    assert (line["delivery_id"], line["truck_id"]) == ("D-1", "T-1")


def test_transitions_are_logged_after_corrections_have_ended() -> None:
    world = World()
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in WAIT]))
    attack(world, pipeline)
    before = world.statuses("D-1")
    assert len(before) > CORRECTED_EVENTS
    assert before[-1] is Status.IN_TRANSIT

    pipeline.process(world.shard.records(*[[one] for one in ALONG]))
    world.settle(pipeline)

    assert world.statuses("D-1")[len(before) :] == [Status.NEARBY, Status.ARRIVED]


def test_other_deliveries_of_the_truck_are_still_corrected() -> None:
    world = World()
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in WAIT]))
    attack(world, pipeline)
    world.assign("D-2", second=WAITS_S)
    world.clock.advance(60.0)
    stop = [point(WAITS_S + after_s, 0.0, speed_mps=0.0) for after_s in (60, 125)]
    left = [point(WAITS_S + 155 + 10 * n, -600.0 - 100 * n) for n in range(8)]
    pipeline.process(world.shard.records(*[[one] for one in [*stop, *left]]))
    world.settle(pipeline)
    assert Status.AT_PICKUP in world.statuses("D-2")

    pipeline.process(world.shard.records([point(WAITS_S + 92, -900.0)]))
    world.settle(pipeline)

    assert world.deliveries.events("D-2")[-1].cause is Cause.CORRECTED
    assert world.statuses("D-2")[-1] is Status.EN_ROUTE_TO_PICKUP


def test_repeated_records_append_nothing_to_a_log_that_is_no_longer_corrected() -> None:
    world = World()
    world.assign("D-1")
    pipeline = world.pipeline()
    records = world.shard.records(*[[one] for one in [*WAIT, *ALONG]])
    pipeline.process(records)
    attack(world, pipeline)
    events = world.deliveries.events("D-1")
    world.positions.drop_states()

    again = world.pipeline()
    again.process(records)
    world.settle(again)

    assert world.deliveries.events("D-1") == events
