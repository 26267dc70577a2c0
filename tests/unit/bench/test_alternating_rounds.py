"""The figures that are calculated from the rounds of `round_under_429`."""

from __future__ import annotations

import math
from array import array
from typing import Any

from bench.pushed_back_process import Gaps, kind_of
from bench.round_under_429 import RoundResults, figures_of

ROUND = {
    "healthy_due": 60,
    "healthy_delivered": 60,
    "healthy_p99_s": 30.0,
    "healthy_last_s": 30.5,
    "healthy_gap_s": 61.0,
    "slow_due": 30,
    "slow_delivered": 25,
    "revoked_at_s": {},
    "peak_mb": 100.0,
}
NOTED: dict[str, Any] = {"shown_at_s": {}, "oldest_right_s": 0.4}
CLEAN = RoundResults([ROUND] * 4, NOTED)


def beyond(bad: RoundResults, clean: RoundResults = CLEAN) -> set[str]:
    return {one.name for one in figures_of(clean, bad) if one.is_beyond}


def changed(place: int, **fields: object) -> RoundResults:
    rounds = [dict(ROUND) for _ in range(4)]
    rounds[place] |= fields
    return RoundResults(rounds, NOTED)


def test_rounds_like_the_clean_ones_are_within_every_limit() -> None:
    assert beyond(changed(0)) == set()


def test_rounds_beyond_a_limit_are_reported_for_each_limit() -> None:
    slow = RoundResults([dict(ROUND, healthy_p99_s=33.5)] * 4, NOTED)
    grown = changed(3, peak_mb=111.0)
    old = RoundResults([ROUND] * 4, NOTED | {"oldest_right_s": 2.2})
    revoked = [dict(ROUND, revoked_at_s={"5": 1_000.0})] * 4
    shown = RoundResults(revoked, NOTED | {"shown_at_s": {"5": 1_002.5}})

    assert beyond(slow) == {"round_under_429.ratio"}
    assert beyond(changed(1, healthy_delivered=59)) == {"round_under_429.healthy_missed"}
    assert beyond(changed(0, healthy_last_s=76.0)) == {"round_under_429.healthy_last"}
    assert beyond(changed(3, healthy_gap_s=75.5)) == {"round_under_429.longest_gap"}
    assert beyond(grown) == {"round_under_429.memory_growth"}
    assert beyond(old) == {"round_under_429.right_age"}
    assert beyond(shown) == {"round_under_429.after_its_end"}


def test_a_pair_is_compared_with_its_own_clean_round() -> None:
    """Another program slows the machine down for the last two pairs."""
    busy = [ROUND, ROUND, *([dict(ROUND, healthy_p99_s=60.0)] * 2)]

    assert beyond(RoundResults(busy, NOTED), clean=RoundResults(busy, NOTED)) == set()


def test_a_gap_may_span_several_rounds() -> None:
    gaps = Gaps([0, 1])

    gaps.add(array("d", [105.0, 120.0]), begun_s=100.0, lasted_s=25.0)
    assert gaps.close() == 55.0, "until the next round is due"
    gaps.add(array("d", [210.0, 212.0]), begun_s=200.0, lasted_s=70.0)
    assert gaps.close() == 65.0, "5 s into the first, 10 s into the second"
    gaps.add(array("d", [310.0, math.nan]), begun_s=300.0, lasted_s=25.0)
    assert gaps.close() == 118.0, "12 s into the second until the fourth, 190 s after the first"


def test_viewers_have_the_documented_share_of_each_kind() -> None:
    kinds = [kind_of(number) for number in range(97_000)]

    shares = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    assert round(shares["revoked"], 3) == 0.01
    assert round(shares["hanging"], 2) == 0.1
    assert round(shares["slow"], 2) == 0.3
