from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.post_rate import MIN_PER_S, RECOVERS_IN_S, PostRate

CEILING = 5_000.0


def test_simultaneous_rejections_cut_the_rate_once() -> None:
    rate = PostRate(CEILING)
    for _ in range(800):  # all under way when the first of them was rejected
        rate.throttled(1.0, 1.05)

    assert rate.per_s == 3_500

    rate.throttled(1.06, 1.1)

    assert rate.per_s == 2_450


def test_a_learned_rate_is_kept_while_nothing_is_posted() -> None:
    rate = PostRate(CEILING)
    for moment in range(10):
        rate.throttled(moment + 0.5, moment + 1)
    learned = rate.per_s

    assert PostRate(CEILING).per_s == CEILING
    assert rate.per_s == learned < 150, "a round after an idle hour begins with it"


def test_a_rate_recovers_to_its_ceiling_after_about_a_minute_of_accepted_posts() -> None:
    rate = PostRate(CEILING)
    for moment in range(30):
        rate.throttled(moment + 0.5, moment + 1)
    assert rate.per_s == MIN_PER_S
    seconds = 0
    while rate.per_s < CEILING:
        for _ in range(round(rate.per_s)):
            rate.accepted()
        seconds += 1

    assert RECOVERS_IN_S * 0.9 <= seconds <= RECOVERS_IN_S * 1.1


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 10)), max_size=200), st.floats(1, 1e5))
def test_the_rate_stays_between_minimum_and_ceiling_for_any_responses(
    responses: list[tuple[bool, float]], ceiling: float
) -> None:
    rate = PostRate(ceiling)
    now_s = 0.0
    for is_taken, later_s in responses:
        now_s += later_s
        if is_taken:
            rate.accepted()
        else:
            rate.throttled(now_s - 0.01, now_s)

        assert min(MIN_PER_S, ceiling) <= rate.per_s <= ceiling


@pytest.mark.parametrize(
    ("cuts_before", "account"), [((0, 12), 1_000.0), ((0, 0, 9), 2_000.0), ((12, 3, 0, 7), 3_000.0)]
)
def test_broadcasters_of_one_account_converge_to_equal_rates(
    cuts_before: Sequence[int], account: float
) -> None:
    rates = [PostRate(CEILING) for _ in cuts_before]
    for rate, cuts in zip(rates, cuts_before, strict=True):  # some were cut before, others begin
        for moment in range(cuts):
            rate.throttled(moment + 0.5, moment + 1)
    seen: list[list[float]] = []
    for tenth in range(1_000, 2_000):
        posted = [rate.per_s / 10 for rate in rates]
        is_over = sum(posted) > account / 10
        taken = min(1.0, account / 10 / sum(posted))
        for rate, posts in zip(rates, posted, strict=True):
            for _ in range(round(posts * taken)):
                rate.accepted()
            if is_over:
                rate.throttled(tenth / 10 + 0.05, tenth / 10 + 0.1)
        if tenth >= 1_500:
            seen.append([rate.per_s for rate in rates])

    mean = [sum(one) / len(seen) for one in zip(*seen, strict=True)]
    assert max(mean) <= 1.5 * min(mean)
    assert 0.6 * account <= sum(mean) <= 1.2 * account
