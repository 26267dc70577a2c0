from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import IndexedFix, TrackingRules, TruckUpdate, fold_truck
from rtdts.tracking.truck_state import TruckState
from tests.support.consumer_world import START_MS, drive, point

RULES = TrackingRules()


def fold(
    state: TruckState | None, *records: list[Point], rules: TrackingRules = RULES
) -> TruckUpdate:
    return fold_truck("T-1", state, records, (), {}, rules)


def folded(
    batches: list[list[Point]],
) -> tuple[dict[int | None, IndexedFix], LatestPosition | None]:
    """The history as it stands at the end (by `seq`), and the latest position."""
    state, history = None, {}
    for batch in batches:
        update = fold(state, batch)
        state = update.state
        history.update({one.fix.seq: one for one in update.positions})
    assert state is not None
    return history, state.latest


@given(seed=st.integers(0, 2**32))
def test_the_history_is_the_same_in_any_order_and_batches(seed: int) -> None:
    rng = random.Random(seed)
    points = [*drive(), point(95, 40_000.0), point(101, 85.0, accuracy_m=900.0)]
    shuffled = rng.sample(points, len(points)) + rng.sample(points, 5)
    batches = []
    while shuffled:
        size = rng.randint(1, 6)
        batches.append(shuffled[:size])
        shuffled = shuffled[size:]

    history, latest = folded(batches)
    expected, expected_latest = folded([sorted(points, key=lambda one: one.event_at_ms)])

    assert history == expected
    assert latest is not None
    assert expected_latest is not None
    assert (latest.newest, latest.shown, latest.stale_since_ms) == (
        expected_latest.newest,
        expected_latest.shown,
        expected_latest.stale_since_ms,
    )


@given(seed=st.integers(0, 2**32))
def test_who_has_taken_more_points_has_the_higher_revision_however_batches_were_cut(
    seed: int,
) -> None:
    rng = random.Random(seed)
    newest = point(1_000, 30_000.0)
    late = [point(second, 100.0 * second) for second in rng.sample(range(0, 1_000, 10), 8)]
    stream = [*late[:2], newest, *late[2:]]
    some = rng.randint(3, len(stream))

    ahead, behind = (latest_of(cut(rng, part)) for part in (stream, stream[:some]))

    assert ahead.newest.seq == behind.newest.seq
    assert ahead.newest == behind.newest or ahead.revision > behind.revision


def cut(rng: random.Random, points: list[Point]) -> list[list[Point]]:
    ends = sorted(rng.sample(range(1, len(points)), rng.randint(0, len(points) - 1)))
    return [points[start:end] for start, end in itertools.pairwise([0, *ends, len(points)])]


def latest_of(batches: list[list[Point]]) -> LatestPosition:
    """Of points that were records by themselves."""
    state = None
    for batch in batches:
        state = fold(state, *([one] for one in batch)).state
    assert state is not None
    assert state.latest is not None
    return state.latest


def test_of_two_memories_the_one_that_took_more_points_knows_more() -> None:
    before = fold(None, [point(0, 0.0), point(20, 200.0)]).state

    after = fold(before, [point(20, 200.0), point(10, 100.0)], [point(30, 300.0)]).state

    assert (before.taken, after.taken) == (2, 4)


def test_only_new_points_and_those_that_changed_are_written() -> None:
    state = fold(None, [point(0, 0.0), point(20, 200.0), point(30, 300.0)]).state

    update = fold(state, [point(10, 100.0)])

    assert [one.fix.seq for one in update.positions] == [10, 20]


def test_a_bad_newest_point_leaves_the_last_good_one_shown() -> None:
    state = fold(None, [point(0, 0.0)]).state

    update = fold(state, [point(10, 0.0, accuracy_m=900.0), point(20, 0.0, accuracy_m=900.0)])

    latest = update.latest
    assert latest is not None
    assert latest.newest.seq == 20
    assert latest.shown is not None
    assert latest.shown.seq == 0
    assert latest.stale_since_ms == START_MS + 10_000


def test_what_is_shown_outlives_the_window() -> None:
    rules = TrackingRules(window_points=2)
    state = fold(None, [point(0, 0.0)], rules=rules).state
    for n in range(1, 6):
        state = fold(state, [point(10 * n, 0.0, accuracy_m=900.0)], rules=rules).state

    latest = state.latest
    assert latest is not None
    assert latest.shown is not None
    assert latest.shown.seq == 0
    assert latest.stale_since_ms == START_MS + 10_000


def test_what_is_shown_outlives_the_window_within_a_batch_too() -> None:
    rules = TrackingRules(window_points=2)
    state = fold(None, [point(0, 0.0)], rules=rules).state
    bad = [point(10 * n, 0.0, accuracy_m=900.0) for n in range(2, 7)]

    latest = fold(state, [point(10, 90.0)], *[[one] for one in bad], rules=rules).latest

    assert latest is not None
    assert latest.shown is not None
    assert latest.shown.seq == 10
    assert latest.stale_since_ms == START_MS + 20_000


def test_nothing_new_is_nothing_to_write() -> None:
    state = fold(None, drive()).state

    update = fold(state, drive())

    assert (update.positions, update.latest, update.duplicates) == ((), None, len(drive()))


def test_the_window_keeps_the_newest() -> None:
    rules = TrackingRules(window_points=3)

    state = fold(None, drive(), rules=rules).state

    assert [fix.seq for fix in state.window] == [270, 280, 290]
    assert state.window_from_ms == START_MS + 270_000


def test_a_point_of_before_the_window_is_told_apart() -> None:
    rules = TrackingRules(window_points=3)
    state = fold(None, drive(), rules=rules).state

    update = fold(state, [point(5, 0.0)], rules=rules)

    assert [one.fix.seq for one in update.beyond_window] == [5]
    assert (update.positions, update.latest) == ((), None)
    assert update.state.window == state.window


def test_of_two_points_of_one_moment_the_order_does_not_depend_on_arrival() -> None:
    one, other = point(0, 0.0, seq=1), point(0, 50.0, seq=2)

    first = fold(fold(None, [one]).state, [other])
    second = fold(fold(None, [other]).state, [one])

    assert [fix.seq for fix in first.state.window] == [fix.seq for fix in second.state.window]
    assert first.latest is not None
    assert first.latest.revision == 1


def test_without_a_point_there_is_nothing_to_fold() -> None:
    with pytest.raises(ValueError, match="no point"):
        fold(None)
