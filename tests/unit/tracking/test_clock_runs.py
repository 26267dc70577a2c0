from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.clock_runs import MAX_STEP_MS, clock_runs

S, MIN, H, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def runs_of(*times_s: float) -> list[list[float]]:
    """The runs of a request, as times, sorted."""
    runs = clock_runs([round(time_s * S) for time_s in times_s])
    return sorted([times_s[place] for place in run] for run in runs)


def test_a_request_of_no_points_has_no_runs() -> None:
    assert clock_runs([]) == []


def test_neighbours_up_to_20_min_apart_are_in_one_run() -> None:
    assert runs_of(0, 1_200, 2_400) == [[0, 1_200, 2_400]]
    assert runs_of(0, 1_200, 2_400.001) == [[0, 1_200], [2_400.001]]
    assert runs_of(2_400, 1_200, 0) == [[2_400, 1_200, 0]]


def test_two_points_15_min_apart_are_in_one_run() -> None:
    assert runs_of(0, 900) == [[0, 900]]


def test_a_run_continues_after_a_wrong_time() -> None:
    assert runs_of(0, 10, 9_000, 30, 40) == [[0, 10, 30, 40], [9_000]]


def test_runs_may_alternate() -> None:
    assert runs_of(0, 9_000, 10, 9_010, 20, 9_020) == [[0, 10, 20], [9_000, 9_010, 9_020]]


@pytest.mark.parametrize(
    ("request_s", "wrong_s"),
    [
        ((0, 10, 20, 320, 40, 50), [320]),
        ((0, 320, 10), [320]),
        ((320, 10, 20), [320]),
        ((0, 10, 320), [320]),
        ((0, 60, 160, 120), [160]),
        ((0, 10, 320, 330, 340, 50, 60), [320, 330, 340]),
        ((300, 310, 320, 30, 40, 50), [300, 310, 320]),
        ((7_200, 7_210, 7_600, 7_230, 7_240), [7_600]),
        ((0, 600, 1_200, 3_590, 2_400, 3_000), [3_590]),
    ],
)
def test_a_clock_that_jumps_by_minutes_and_back_is_detected_by_the_order(
    request_s: tuple[int, ...], wrong_s: list[int]
) -> None:
    assert wrong_s in runs_of(*request_s)
    assert wrong_s[::-1] in runs_of(*reversed(request_s))


def test_a_gap_of_minutes_in_a_request_in_order_is_no_jump() -> None:
    assert runs_of(0, 10, 20, 620, 630, 640) == [[0, 10, 20, 620, 630, 640]]


def test_points_out_of_order_by_seconds_are_in_one_run() -> None:
    assert runs_of(0, 10, 30, 20, 40, 60, 50) == [[0, 10, 30, 20, 40, 60, 50]]


def test_a_wrong_time_among_points_out_of_order_by_seconds_is_found() -> None:
    assert runs_of(0, 10, 30, 20, 400, 40, 60, 50) == [[0, 10, 30, 20, 40, 60, 50], [400]]


def test_points_in_random_order_are_in_one_run() -> None:
    times_s = random.Random(7).sample(range(0, 1_200, 30), 40)

    assert runs_of(*times_s) == [times_s]


TIMES_MS = st.lists(
    st.one_of(st.integers(0, 2 * MIN), st.integers(0, H), st.integers(0, 9_000 * DAY)), max_size=30
)


@given(TIMES_MS)
def test_each_point_is_in_exactly_one_run_in_ascending_order(times_ms: list[int]) -> None:
    runs = clock_runs(times_ms)

    assert sorted(itertools.chain.from_iterable(runs)) == list(range(len(times_ms)))
    assert all(run == sorted(run) for run in runs)


@given(TIMES_MS, st.integers(-9_000 * DAY, 9_000 * DAY))
def test_only_differences_of_times_matter(times_ms: list[int], moved_ms: int) -> None:
    assert clock_runs([at_ms + moved_ms for at_ms in times_ms]) == clock_runs(times_ms)


SORTED_RUNS = st.lists(
    st.lists(st.integers(1, MAX_STEP_MS // S), max_size=8), min_size=1, max_size=5
)


@given(SORTED_RUNS, st.randoms(use_true_random=False))
def test_the_order_of_runs_does_not_matter(
    steps_s: list[list[int]], shuffle: random.Random
) -> None:
    """Nor does it matter how they are interleaved, as long as each keeps its own order."""
    runs_s = [
        [30 * H // S * n + time_s for time_s in itertools.accumulate([0, *steps])]
        for n, steps in enumerate(steps_s)
    ]
    expected = sorted(run for times_s in runs_s for run in runs_of(*times_s))
    left = [list(times_s) for times_s in runs_s]
    mixed = []
    while left := [times_s for times_s in left if times_s]:
        mixed.append(shuffle.choice(left).pop(0))

    assert runs_of(*mixed) == expected


@given(
    st.lists(st.integers(1, 120), min_size=3, max_size=40),
    st.integers(31, 9_000 * DAY // S),
    st.booleans(),
    st.data(),
)
def test_a_wrong_time_ahead_of_a_request_in_order_is_a_run_of_its_own(
    steps_s: list[int], ahead_s: int, newest_first: bool, data: st.DataObject
) -> None:
    """At any place; at the very end only if the step to it is longer than the others."""
    times_s: list[float] = list(itertools.accumulate(steps_s))
    place = data.draw(st.integers(0, len(times_s) - 1))
    wrong_s = times_s[-1] + ahead_s
    if place == len(times_s) - 1:
        wrong_s += 3 * max(steps_s)
    times_s[place] = wrong_s
    if newest_first:
        times_s.reverse()

    assert [wrong_s] in runs_of(*times_s)
