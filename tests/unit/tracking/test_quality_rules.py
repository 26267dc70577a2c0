from __future__ import annotations

from typing import Any

import pytest

from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, fix_of
from rtdts.tracking.quality import Quality
from tests.support.consumer_world import point

RULES = EnrichmentRules()


def judged(*fixes: Fix) -> list[tuple[str, ...]]:
    return [fix.quality for fix in enrich(fixes, RULES)]


def fix(second: int, east_m: float, **changed: Any) -> Fix:
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
def test_a_fix_alone_gets_its_quality_keyword(changed: dict[str, object], keyword: Quality) -> None:
    (quality,) = judged(fix(0, 0.0, **changed))

    assert quality == (keyword,)


def test_a_fix_at_the_limits_is_good() -> None:
    assert judged(fix(0, 0.0, accuracy_m=100.0, hdop=10.0, satellites=3)) == [()]


def test_a_jump_that_no_truck_makes_is_implausible_and_the_return_is_good() -> None:
    qualities = judged(fix(0, 0.0), fix(10, 5_000.0), fix(20, 150.0))

    assert qualities == [(), (Quality.IMPLAUSIBLE_SPEED,), ()]


def test_a_short_jump_is_noise() -> None:
    assert judged(fix(0, 0.0), fix(1, 90.0, speed_mps=0.0)) == [(), ()]


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


def kinds(*fixes: Fix) -> str:
    """One letter per fix: ``.`` is good, ``x`` implausible."""
    jump: tuple[str, ...] = (Quality.IMPLAUSIBLE_SPEED,)
    return "".join({(): ".", jump: "x"}[quality] for quality in judged(*fixes))


Track = list[tuple[int, float]]


def stand(from_s: int, count: int, at_m: float, every_s: int) -> Track:
    """Fixes of a truck that stands, with the noise of a few metres."""
    return [(from_s + n * every_s, at_m + 3.0 * (n % 3)) for n in range(count)]


def ride(from_s: int, count: int, from_m: float, mps: float, every_s: int) -> Track:
    return [(from_s + n * every_s, from_m + mps * n * every_s) for n in range(count)]


def aside(track: Track, by_m: float) -> Track:
    """The track, shifted as by a reflection."""
    return [(second, east_m + by_m) for second, east_m in track]


STANDING = stand(0, 6, 0.0, 15)
DRIVING = ride(0, 6, 0.0, 15.0, 10)
JUMPS = {
    "speeds show that it stands": (
        [*STANDING, *aside(stand(90, 5, 0.0, 15), 290.0), *stand(165, 2, 0.0, 15)],
        0.0,
        "......xxxxx..",
    ),
    "without speeds, the steps before show that it stands": (
        [*STANDING, *aside(stand(90, 5, 0.0, 15), 600.0), *stand(165, 2, 0.0, 15)],
        None,
        "......xxxxx..",
    ),
    "aside while driving": (
        [*DRIVING, *aside(ride(60, 5, 900.0, 15.0, 10), 350.0), *ride(110, 2, 1650.0, 15.0, 10)],
        15.0,
        "......xxxxx..",
    ),
    "back within reach after implausible fixes": (
        [*stand(0, 6, 0.0, 5), (30, -240.0), (35, -220.0), (40, -180.0), (45, 90.0)],
        8.0,
        "......xxx.",
    ),
    "two reflections do not agree": (
        [*STANDING, *aside(stand(90, 3, 0.0, 15), 1_000.0), *aside(stand(135, 2, 0.0, 15), 290.0)],
        0.0,
        "......xxxxx",
    ),
    "successive reflections, and the speed from before them": (
        [
            *stand(0, 6, 0.0, 5),
            *aside(stand(30, 3, 0.0, 5), 900.0),
            *aside(stand(45, 3, 0.0, 5), 450.0),
        ],
        None,
        "......xxxxxx",
    ),
    "noise of two poor fixes": (
        [*stand(0, 6, 0.0, 5), (30, 190.0)],
        0.0,
        ".......",
    ),
}


@pytest.mark.parametrize(("track", "speed_mps", "expected"), JUMPS.values(), ids=JUMPS)
def test_reflections_are_implausible(track: Track, speed_mps: float | None, expected: str) -> None:
    accuracy_m = 90.0 if expected == "......." else None
    fixes = [fix(s, m, speed_mps=speed_mps, accuracy_m=accuracy_m) for s, m in track]

    assert kinds(*fixes) == expected


DRIVES = {
    "moves off between two fixes": ([*STANDING, (90, 180.0), (105, 450.0)], None, "........"),
    "accelerates implausibly, and the next fix confirms it": (
        [*STANDING, (90, 330.0), (105, 660.0)],
        None,
        "......x.",
    ),
    "a device that always sends 0": (
        [*STANDING, *ride(90, 8, 300.0, 20.0, 15)],
        0.0,
        "......xx......",
    ),
    "the receiver kept repeating a place, and the truck is elsewhere": (
        [*((n, 0.0) for n in range(6)), *ride(6, 4, 480.0, 16.0, 1)],
        None,
        "......xx..",
    ),
    "elsewhere permanently": (
        [*STANDING, *stand(90, 7, 20_000.0, 15)],
        None,
        "......xxxxx..",
    ),
    "elsewhere permanently, with infrequent fixes": (
        [*stand(0, 6, 0.0, 50), *stand(300, 4, 20_000.0, 50)],
        None,
        "......xx..",
    ),
}


@pytest.mark.parametrize(("track", "speed_mps", "expected"), DRIVES.values(), ids=DRIVES)
def test_real_movements_are_good_after_a_few_fixes_at_most(
    track: Track, speed_mps: float | None, expected: str
) -> None:
    assert kinds(*(fix(s, m, speed_mps=speed_mps) for s, m in track)) == expected


def test_two_reflections_at_different_places_do_not_outweigh_the_fixes_before() -> None:
    there = [*stand(90, 3, 1_000.0, 15), *stand(135, 3, 290.0, 15)]

    assert kinds(*(fix(s, m, speed_mps=0.0) for s, m in [*STANDING, *there])) == "......xxxxxx"
