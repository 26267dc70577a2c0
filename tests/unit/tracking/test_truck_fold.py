from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.fixes import IndexedFix, LatestPosition, fix_of
from rtdts.tracking.latest import latest_of
from rtdts.tracking.positions import Point
from rtdts.tracking.truck_fold import WINDOW_FIXES, TrackingRules, TruckUpdate, fold_truck
from rtdts.tracking.truck_state import ORDINALS_PER_MS, Interval, TruckState, initial_state
from tests.support.consumer_world import START_MS, drive, point

RULES = TrackingRules()


def fold(
    state: TruckState | None, *records: list[Point], rules: TrackingRules = RULES
) -> TruckUpdate:
    return fold_truck("T-1", state, records, (), {}, rules)


def folded(batches: list[list[Point]]) -> tuple[dict[int | None, IndexedFix], LatestPosition]:
    """The history at the end (by `seq`), and the latest position."""
    state, history = None, {}
    for batch in batches:
        update = fold(state, batch)
        state = update.state
        history.update({one.fix.seq: unnumbered(one) for one in update.positions})
    assert state is not None
    latest = latest_of(state)
    assert latest is not None
    return history, latest


def unnumbered(one: IndexedFix) -> IndexedFix:
    return one._replace(fix=msgspec.structs.replace(one.fix, n=0))


@given(seed=st.integers(0, 2**32))
def test_within_the_window_the_history_is_the_same_in_any_order_and_batches(seed: int) -> None:
    rng = random.Random(seed)
    points = [
        *drive()[4 : WINDOW_FIXES + 2],
        point(95, 40_000.0),
        point(101, 85.0, accuracy_m=900.0),
    ]
    assert len(points) <= WINDOW_FIXES
    shuffled = rng.sample(points, len(points)) + rng.sample(points, 5)
    batches = []
    while shuffled:
        size = rng.randint(1, 6)
        batches.append(shuffled[:size])
        shuffled = shuffled[size:]

    history, latest = folded(batches)
    expected, expected_latest = folded([sorted(points, key=lambda one: one.event_at_ms)])

    assert history == expected
    assert [fix and fix.seq for fix in (latest.newest, latest.shown)] == [
        fix and fix.seq for fix in (expected_latest.newest, expected_latest.shown)
    ]
    assert latest.stale_since_ms == expected_latest.stale_since_ms


@given(seed=st.integers(0, 2**32))
def test_the_worker_that_folded_more_points_has_the_higher_revision_in_any_batches(
    seed: int,
) -> None:
    rng = random.Random(seed)
    newest = point(1_000, 30_000.0)
    late = [point(second, 100.0 * second) for second in rng.sample(range(0, 1_000, 10), 8)]
    stream = [*late[:2], newest, *late[2:]]
    some = rng.randint(3, len(stream))

    ahead, behind = (shown_of(cut(rng, part)) for part in (stream, stream[:some]))

    assert ahead.newest.seq == behind.newest.seq
    assert ahead.newest == behind.newest or ahead.revision > behind.revision


def cut(rng: random.Random, points: list[Point]) -> list[list[Point]]:
    ends = sorted(rng.sample(range(1, len(points)), rng.randint(0, len(points) - 1)))
    return [points[start:end] for start, end in itertools.pairwise([0, *ends, len(points)])]


def shown_of(batches: list[list[Point]]) -> LatestPosition:
    """The latest position after batches of records with one point each."""
    state = None
    for batch in batches:
        state = fold(state, *([one] for one in batch)).state
    assert state is not None
    latest = latest_of(state)
    assert latest is not None
    return latest


def test_a_state_counts_each_new_point_once() -> None:
    before = fold(None, [point(0, 0.0), point(20, 200.0)]).state

    after = fold(before, [point(20, 200.0), point(10, 100.0)], [point(30, 300.0)]).state

    assert (before.last_ordinal, after.last_ordinal) == (2, 4)


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


def bad(second: int) -> Point:
    return point(second, 0.0, accuracy_m=900.0)


MANY = WINDOW_FIXES + 3


def test_the_shown_position_outlives_the_window() -> None:
    state = fold(None, [point(0, 0.0)]).state
    for n in range(1, MANY):
        state = fold(state, [bad(10 * n)]).state

    latest = latest_of(state)
    assert latest is not None
    assert latest.shown is not None
    assert latest.shown.seq == 0
    assert latest.stale_since_ms == START_MS + 10_000


def test_the_shown_position_outlives_the_window_within_a_batch_too() -> None:
    state = fold(None, [point(0, 0.0)]).state

    latest = fold(state, [point(10, 90.0)], *[[bad(10 * n)] for n in range(2, MANY)]).latest

    assert latest is not None
    assert latest.shown is not None
    assert latest.shown.seq == 10
    assert latest.stale_since_ms == START_MS + 20_000


def test_copies_alone_cause_no_write() -> None:
    points = drive()[:WINDOW_FIXES]
    state = fold(None, points).state

    update = fold(state, points)

    assert (update.positions, update.latest, update.duplicates) == ((), None, len(points))


def test_the_window_keeps_the_newest() -> None:
    state = fold(None, drive()).state

    assert [fix.seq for fix in state.window] == [one.seq for one in drive()[-WINDOW_FIXES:]]
    assert state.has_left


def test_a_point_before_the_window_is_late_and_has_no_effect_until_it_is_settled() -> None:
    state = fold(None, drive()).state

    update = fold(state, [point(5, 0.0)])

    assert [one.fix.seq for one in update.late] == [5]
    assert (update.positions, update.latest) == ((), None)
    assert update.state.window == state.window
    assert update.state.unsettled == (Interval(START_MS + 5_000, START_MS + 5_000),)
    assert update.state.last_ordinal == state.last_ordinal + 1


def test_swapped_neighbours_are_put_in_order_at_once_and_marked_unsettled() -> None:
    *earlier, one, other = drive()
    state = fold(None, *[[each] for each in earlier]).state

    update = fold(state, [other], [one])

    assert [each.from_ms for each in update.state.unsettled] == [one.event_at_ms]
    assert not update.late
    assert [fix.seq for fix in update.state.window[-2:]] == [one.seq, other.seq]


def test_a_point_with_predecessors_partly_outside_the_window_is_unsettled_too() -> None:
    missing = drive()[-WINDOW_FIXES + 1]
    state = fold(None, *[[one] for one in drive() if one != missing]).state

    update = fold(state, [missing])

    assert [one.from_ms for one in update.state.unsettled] == [missing.event_at_ms]
    assert not update.late


def test_the_horizon_is_measured_from_the_newest_point_of_earlier_records() -> None:
    rules = TrackingRules(late_horizon_s=60.0)
    state = fold(None, [point(100, 0.0)], rules=rules).state

    update = fold(
        state, [point(39, 0.0), point(40, 0.0), point(200, 0.0)], [point(139, 0.0)], rules=rules
    )

    assert [one.fix.seq for one in update.beyond] == [39, 139]
    assert [one.fix.n for one in update.beyond] == [0, 0]
    assert [fix.seq for fix in update.state.window] == [40, 100, 200]
    assert update.state.last_ordinal == 3


def test_a_rejected_point_keeps_its_ordinal_and_nothing_else() -> None:
    points = drive()[:5]
    identity = fix_of(points[2]).point_id

    update = fold_truck("T-1", None, [points], (), {}, RULES, rejected_ids={identity})

    assert update.state.last_ordinal == 5
    assert [(fix.seq, fix.n) for fix in update.state.window] == [
        (0, 1), (10, 2), (30, 4), (40, 5),
    ]  # fmt: skip


def test_a_new_state_has_higher_counters_than_one_that_was_settled_all_day() -> None:
    day_ms = 86_400_000
    before = initial_state("T-1", START_MS * ORDINALS_PER_MS)
    at_its_end = msgspec.structs.replace(
        before,
        last_ordinal=before.last_ordinal + 1_000_000,
        settlings=before.settlings + day_ms // 250,
    )

    after = initial_state("T-1", (START_MS + day_ms) * ORDINALS_PER_MS)

    assert after.last_ordinal > at_its_end.last_ordinal
    assert after.knowledge > at_its_end.knowledge


@pytest.mark.parametrize(("pause_s", "may_move"), [(29.999, False), (30.0, True)])
def test_times_may_be_corrected_30_s_after_the_last_late_point(
    pause_s: float, may_move: bool
) -> None:
    state = fold(None, [point(0, 0.0), point(20, 200.0)]).state
    late = point(10, 100.0, received_at_ms=START_MS + 20_000)
    state = fold(state, [late]).state
    received_at_ms = START_MS + 20_000 + round(pause_s * 1_000)

    update = fold(state, [point(60, 300.0, received_at_ms=received_at_ms)])

    assert update.may_move_times is may_move


def test_the_order_of_two_points_with_the_same_time_does_not_depend_on_arrival() -> None:
    one, other = point(0, 0.0, seq=1), point(0, 50.0, seq=2)

    first = fold(fold(None, [one]).state, [other])
    second = fold(fold(None, [other]).state, [one])

    assert [fix.seq for fix in first.state.window] == [fix.seq for fix in second.state.window]
    assert first.latest is not None
    assert first.latest.revision == 1


def test_folding_no_points_is_an_error() -> None:
    with pytest.raises(ValueError, match="no point"):
        fold(None)
