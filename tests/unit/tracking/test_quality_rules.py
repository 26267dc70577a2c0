from __future__ import annotations

import pytest

from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.quality import Quality
from tests.support.consumer_world import point

RULES = EnrichmentRules()


def judged(*fixes: Fix) -> list[tuple[str, ...]]:
    return [fix.quality for fix in enrich(fixes, RULES)]


def fix(second: int, east_m: float, **changed: object) -> Fix:
    return fix_of(point(second, east_m, **changed))


@pytest.mark.parametrize(
    ("changed", "keyword"),
    [
        ({"lat": 0.0, "lon": 0.0}, Quality.NULL_ISLAND),
        ({"accuracy_m": 100.1}, Quality.POOR_ACCURACY),
        ({"hdop": 10.1}, Quality.POOR_GEOMETRY),
        ({"satellites": 2}, Quality.POOR_GEOMETRY),
    ],
)
def test_what_a_fix_says_of_itself(changed: dict[str, object], keyword: Quality) -> None:
    (quality,) = judged(fix(0, 0.0, **changed))

    assert quality == (keyword,)


def test_a_fix_at_the_limits_is_good() -> None:
    assert judged(fix(0, 0.0, accuracy_m=100.0, hdop=10.0, satellites=3)) == [()]


def test_a_jump_that_no_truck_makes_is_implausible_and_the_return_is_good() -> None:
    qualities = judged(fix(0, 0.0), fix(10, 5_000.0), fix(20, 150.0))

    assert qualities == [(), (Quality.IMPLAUSIBLE_SPEED,), ()]


def test_a_short_jump_is_noise() -> None:
    assert judged(fix(0, 0.0), fix(1, 190.0)) == [(), ()]


def test_after_a_long_silence_a_truck_may_be_far_away() -> None:
    assert judged(fix(0, 0.0), fix(3_600, 90_000.0)) == [(), ()]


def test_three_fixes_that_agree_outweigh_a_first_one_that_was_the_outlier() -> None:
    qualities = judged(fix(0, 50_000.0), *(fix(10 * n, 100.0 * n) for n in range(1, 5)))

    bad = (Quality.IMPLAUSIBLE_SPEED,)
    assert qualities == [(), bad, bad, (), ()]


def test_a_place_repeated_while_driving_is_frozen() -> None:
    driving = [fix(10 * n, 100.0, speed_mps=15.0) for n in range(4)]

    assert judged(*driving) == [(), (), (Quality.FROZEN,), (Quality.FROZEN,)]


def test_a_place_repeated_while_standing_is_not_frozen() -> None:
    assert judged(*(fix(10 * n, 100.0, speed_mps=0.0) for n in range(4))) == [()] * 4
