"""Settlings that are interrupted, and the worker that completes them."""

from __future__ import annotations

import pytest

from consumer.errors import LeaseLost
from consumer.settling import PAUSE_S
from rtdts.position_store.state import StateWrite
from rtdts.position_store.writer import PROVISIONAL
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.truck_state import Interval, TruckState
from rtdts.tracking.window import Window
from tests.support.consumer_world import (
    KILLS,
    RESTART_S,
    START_MS,
    STEPS,
    Killed,
    World,
    derived,
    point,
    standing_of,
)
from tests.support.late_points import EARLY, LATE, assert_same, state_of, with_late_points


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", KILLS)
def test_the_next_worker_completes_a_settling_that_was_killed_at_any_step(
    world: World, reference: World, step: str, when: str
) -> None:
    killed = with_late_points(world)
    world.kill_at(step, when)
    with pytest.raises(Killed):
        world.settle(killed, after_s=PAUSE_S)
    world.clock.advance(RESTART_S)

    world.settle(world.pipeline())

    assert_same(world, reference)
    assert standing_of(world) == standing_of(reference)
    reported = {one.version for one in world.nudges.sent if isinstance(one, TransitionNudge)}
    assert len(world.deliveries.events("D-1")) in reported


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("begin", [0, len(EARLY) - 3, len(EARLY)])
def test_records_repeated_in_other_batches_complete_a_settling_killed_at_any_step(
    world: World, reference: World, step: str, begin: int
) -> None:
    pipeline = world.pipeline()
    records = world.shard.records(*[[one] for one in [*EARLY, *LATE]])
    pipeline.process(records[: len(EARLY)])
    stored = dict(world.positions._states)
    pipeline.process(records[len(EARLY) :])
    world.kill_at(step, "after")
    with pytest.raises(Killed):
        world.settle(pipeline, after_s=PAUSE_S)
    world.positions._states = stored
    world.clock.advance(RESTART_S)
    events = world.deliveries.events("D-1")

    pipeline = world.pipeline()
    for start in range(begin, len(records), 4):
        pipeline.process(records[start : start + 4])
        world.settle(pipeline)
    if step in STEPS[2:]:  # the log has all of it: records that it includes append nothing
        assert world.deliveries.events("D-1") == events
    world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, reference)


@pytest.mark.parametrize("is_lost_before", [True, False])
def test_a_state_that_is_lost_before_or_after_late_points_is_rebuilt(
    world: World, reference: World, is_lost_before: bool
) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY[:-1]]))
    if is_lost_before:
        world.positions.drop_states()
        pipeline = world.pipeline()
    world.clock.advance(RESTART_S)
    pipeline.process(world.shard.records(*[[one] for one in LATE]))
    if not is_lost_before:
        world.positions.drop_states()
        pipeline = world.pipeline()
        world.clock.advance(RESTART_S)
    pipeline.process(world.shard.records([EARLY[-1]]))
    world.settle(pipeline, after_s=PAUSE_S)

    assert_same(world, reference)
    assert world.reported("truck_state_lost")


def test_a_settling_of_a_worker_that_lost_its_lease_is_stopped_and_changes_nothing(
    world: World, reference: World
) -> None:
    former = with_late_points(world)
    owner = world.pipeline(writer_id="owner")
    world.settle(owner, after_s=PAUSE_S)
    kept = dict(world.positions.history), state_of(world), world.deliveries.events("D-1")

    with pytest.raises(LeaseLost):
        world.settle(former)

    assert (
        dict(world.positions.history), state_of(world), world.deliveries.events("D-1")
    ) == kept  # fmt: skip
    assert_same(world, reference)


def test_a_settling_logged_before_the_lost_lease_is_detected_leaves_the_log_right(
    world: World, reference: World
) -> None:
    """The owner processes a point between the former's reading of the state and its writing."""
    former = with_late_points(world)
    owner = world.pipeline(writer_id="owner")
    owner.process(world.shard.records([point(400, 4_010.0)]))
    reference.pipeline().process(reference.shard.records([point(400, 4_010.0)]))

    with pytest.raises(LeaseLost):
        world.settle(former)
    world.settle(owner, after_s=PAUSE_S)

    assert_same(world, reference)


def test_a_new_worker_settles_what_its_predecessor_left_unsettled(
    world: World, reference: World
) -> None:
    with_late_points(world)
    world.clock.advance(RESTART_S)

    report = world.pipeline().settle()

    assert report is not None
    assert report.trucks == 1
    assert_same(world, reference)


def test_an_unsettled_state_without_a_window_stops_no_other_truck(
    world: World, reference: World
) -> None:
    with_late_points(world)
    empty = TruckState(truck_id="T-2", window=Window("T-2"), unsettled=(Interval(0, START_MS),))
    world.positions.save([StateWrite.of(empty, None)])

    world.clock.advance(RESTART_S)
    world.pipeline().settle(everything=True)

    assert_same(world, reference)


def test_points_that_a_crash_left_in_the_history_are_folded_with_their_records(
    world: World, reference: World
) -> None:
    """The history has them with their stamps, but the stored state has not counted them."""
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    late = world.shard.records(*[[one] for one in LATE])
    world.kill_at("save", "before")
    with pytest.raises(Killed):
        pipeline.process(late)
    world.clock.advance(RESTART_S)

    pipeline = world.pipeline()
    report = pipeline.process(late)
    world.settle(pipeline, after_s=PAUSE_S)

    assert (report.late, report.duplicates) == (len(LATE), 0)
    assert_same(world, reference)


def test_a_provisional_document_replaces_nothing_that_was_settled(
    world: World, reference: World
) -> None:
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in EARLY]))
    state = dict(world.positions._states)
    late = world.shard.records(*[[one] for one in LATE])
    pipeline.process(late)
    world.settle(pipeline, after_s=PAUSE_S)
    settled = derived(world)

    world.positions._states = state
    world.clock.advance(RESTART_S)
    world.pipeline().process(late)

    assert derived(world) == settled == derived(reference)
    assert min(world.positions._knowledge.values()) > PROVISIONAL
