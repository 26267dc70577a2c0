"""Guarantee 3 through the whole consumer: with a back office, crashes, disorder and repetition.

The properties of the pure fold are tested in tests/unit/tracking/test_timeline_in_any_order.py.
These tests add the cache of matches, the writes of states, the conditions of the log, and a
dispatcher. tests/integration/test_log_over_a_real_store.py tests some of it on OpenSearch.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer import settling
from rtdts.position_store.history_pages import MAX_HITS
from rtdts.tracking.deliveries import Status
from rtdts.tracking.fixes import Fix
from rtdts.tracking.positions import Point
from tests.support.consumer_world import World, derived, drive, point
from tests.support.disturbed_consumer import (
    DELIVERY,
    BackOffice,
    Workers,
    assert_log_is_the_timeline,
    disturbed,
    in_order,
    sparse,
)

DRIVE = drive()
OURS = "T-1"


LAST = point(400, 4_010.0)
TWO_HOURS = sparse([*DRIVE, LAST])
ALL_DAY = sparse([*DRIVE, point(300, 4_010.0)], 285)
"""The first points may come 23 hours late, shortly before late points no longer count."""


@functools.cache
def derived_in_order(track: tuple[Point, ...]) -> dict[str, Fix]:
    return derived(in_order(track))


@given(st.integers(0, 2**32))
@example(23)  # one of a few in a thousand that settle from the middle of a stay
@example(345)  # a state that is behind its log
def test_the_log_folds_to_the_timeline_with_any_disturbance(seed: int) -> None:
    rng = random.Random(seed)
    world = World()
    world.assign(DELIVERY, OURS)
    office = BackOffice(world, rng)
    consumer = Workers(world, rng, disturbed(rng, DRIVE))

    while consumer.has_more():
        world.clock.advance(rng.choice([0.5, 8.0, 40.0]))
        if rng.random() < 0.25:
            office.act()
        consumer.process_some(kill=rng.random() < 0.3)
        if rng.random() < 0.5:
            consumer.settle(kill=rng.random() < 0.3)
    consumer.finish(LAST)

    assert_log_is_the_timeline(world, [*DRIVE, LAST])
    assert derived(world) == derived_in_order((*DRIVE, LAST))


@given(st.integers(0, 2**32))
def test_settling_page_by_page_while_points_arrive_gives_the_same_timeline(seed: int) -> None:
    rng = random.Random(seed)
    world = World()
    world.assign(DELIVERY, OURS)
    office = BackOffice(world, rng)
    consumer = Workers(world, rng, disturbed(rng, DRIVE))
    world.positions.max_hits = rng.choice([1, 8])
    world.positions.before_read = lambda: world.clock.advance(0.3)  # few reads fill a slice

    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(settling, "LEAD_FIXES", rng.randint(1, 8))
        changed.setattr(settling, "PAGE_FIXES", rng.randint(2, 8))
        while consumer.has_more():
            world.clock.advance(rng.choice([0.1, 0.5, 8.0]))
            if rng.random() < 0.1:
                office.act()
            consumer.process_some(kill=rng.random() < 0.1)
            for _ in range(rng.randint(0, 3)):
                consumer.settle(kill=rng.random() < 0.1)
        consumer.finish(LAST)

    assert_log_is_the_timeline(world, [*DRIVE, LAST])
    assert derived(world) == derived_in_order((*DRIVE, LAST))


@pytest.mark.parametrize("track", [TWO_HOURS, ALL_DAY], ids=["two_hours", "all_day"])
@given(st.integers(0, 2**32), st.booleans())
def test_late_points_far_from_each_other_give_the_same_timeline(
    track: Sequence[Point], seed: int, is_paged: bool
) -> None:
    rng = random.Random(seed)
    world = World()
    world.assign(DELIVERY, OURS)
    *points, last = track
    consumer = Workers(world, rng, disturbed(rng, points))
    world.positions.max_hits = 1 if is_paged else MAX_HITS

    while consumer.has_more():
        world.clock.advance(rng.choice([0.5, 8.0, 40.0]))
        consumer.process_some(kill=rng.random() < 0.1)
        if rng.random() < 0.3:
            consumer.settle(kill=rng.random() < 0.1)
    consumer.finish(last)

    assert_log_is_the_timeline(world, track)
    assert derived(world) == derived_in_order(tuple(track))
    assert world.statuses(DELIVERY)[-1] is Status.ARRIVED


@given(st.integers(0, 2**32))
def test_a_state_that_was_lost_at_any_time_is_rebuilt(seed: int) -> None:
    rng = random.Random(seed)
    world = World()
    world.assign(DELIVERY, OURS)
    consumer = Workers(world, rng, disturbed(rng, DRIVE))

    while consumer.has_more():
        world.clock.advance(rng.choice([0.5, 8.0, 40.0]))
        consumer.process_some(kill=rng.random() < 0.3)
        if rng.random() < 0.5:
            consumer.settle(kill=rng.random() < 0.2)
        if rng.random() < 0.2:
            consumer.lose_states()
    consumer.finish(LAST)

    assert_log_is_the_timeline(world, [*DRIVE, LAST])
    assert derived(world) == derived_in_order((*DRIVE, LAST))
