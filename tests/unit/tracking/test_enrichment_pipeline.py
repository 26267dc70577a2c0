from __future__ import annotations

from typing import Any

import pytest

from rtdts.tracking.enrichment import EnrichmentRules, enrich
from rtdts.tracking.fixes import Fix, fix_of
from tests.support.consumer_world import point

RULES = EnrichmentRules()


def derived(*fixes: Fix) -> list[Fix]:
    return enrich(fixes, RULES)


def fix(second: int, east_m: float, **changed: Any) -> Fix:
    return fix_of(point(second, east_m, **changed))


def test_a_trucks_first_fix_has_no_distance_and_no_speed() -> None:
    (first,) = derived(fix(0, 0.0))

    assert (first.distance_m, first.implied_speed_mps) == (None, None)


def test_distance_and_speed_are_since_the_previous_fix() -> None:
    second = derived(fix(0, 0.0), fix(10, 150.0))[1]

    assert second.distance_m == pytest.approx(150.0, abs=0.01)
    assert second.implied_speed_mps == pytest.approx(15.0, abs=0.01)


def test_derived_values_are_rounded_to_the_precision_of_measurements() -> None:
    *_, last = derived(*(fix(7 * n, 100.0 * n, lat=48.0 + 0.0003 * n) for n in range(3)))

    reported = (
        last.distance_m,
        last.implied_speed_mps,
        last.track_speed_mps,
        last.track_heading_deg,
    )
    assert reported == (105.42, 15.06, 15.06, 71.6)


def test_nearly_due_north_is_a_heading_of_0_and_not_of_360() -> None:
    _, last = derived(fix(0, 0.0, lat=48.0, lon=8.0), fix(9, 0.0, lat=48.001, lon=7.9999995))

    assert last.track_heading_deg == 0.0


def test_two_fixes_with_the_same_time_imply_no_speed() -> None:
    second = derived(fix(0, 0.0), fix(0, 1.0, seq=9))[1]

    assert second.implied_speed_mps is None


@pytest.mark.parametrize(("speed_mps", "moving"), [(0.9, False), (1.0, True)])
def test_the_devices_speed_decides_whether_a_truck_is_moving(
    speed_mps: float, moving: bool
) -> None:
    second = derived(fix(0, 0.0), fix(10, 90.0, speed_mps=speed_mps))[1]

    assert second.moving is moving


def test_without_a_measured_speed_the_distance_over_seconds_decides_on_moving() -> None:
    driving = derived(*(fix(n, 8.0 * n, speed_mps=None) for n in range(10)))

    assert [one.moving for one in driving[:3]] == [False, False, True]
    assert driving[-1].moving


def test_noise_of_a_parked_truck_is_no_motion() -> None:
    wobble = (0.0, 6.0, -5.0, 4.0, -6.0, 3.0, 7.0, -4.0, 0.0, 5.0)
    parked = derived(*(fix(n, m, speed_mps=None) for n, m in enumerate(wobble)))

    assert not any(one.moving for one in parked)


def test_a_bad_fix_is_moving_if_the_previous_fix_was() -> None:
    fixes = derived(fix(0, 0.0, speed_mps=9.0), fix(10, 90.0, speed_mps=0.0, accuracy_m=500.0))

    assert fixes[1].moving


def test_the_heading_comes_from_the_track_where_the_device_sent_none() -> None:
    sent, missing, standing = (
        one.shown_heading_deg
        for one in derived(
            fix(0, 0.0, heading_deg=12.0), fix(10, 90.0), fix(20, 91.0, speed_mps=0.0)
        )
    )

    assert sent == 12.0
    assert missing == pytest.approx(90.0, abs=0.1)
    assert standing == missing


def test_the_speed_is_the_devices_or_the_implied_one() -> None:
    points = [
        one.shown_speed_mps
        for one in derived(fix(0, 0.0, speed_mps=3.0), fix(10, 100.0, speed_mps=None))
    ]

    assert points == [3.0, pytest.approx(10.0, abs=0.01)]


def test_a_good_fix_after_an_outlier_has_the_speed_since_the_last_good_one() -> None:
    fixes = derived(
        fix(0, 0.0, speed_mps=None),
        fix(10, 100.0, speed_mps=None),
        fix(20, 50_000.0, speed_mps=None),
        fix(30, 300.0, speed_mps=None),
    )
    shown = [one.shown_speed_mps for one in fixes]

    assert [one.is_good for one in fixes] == [True, True, False, True]
    assert shown == [None, *[pytest.approx(10.0, abs=0.01)] * 3]
    assert fixes[3].implied_speed_mps == pytest.approx(4_970.0, abs=1.0)


@pytest.mark.parametrize(
    ("second", "seq"), [(1, 9), (0, 9)], ids=["90 m in a second", "two at the same time"]
)
def test_noise_and_outliers_give_a_good_fix_no_impossible_speed(second: int, seq: int) -> None:
    fixes = derived(
        fix(-10, -80.0, speed_mps=None),
        fix(0, 0.0, speed_mps=None),
        fix(second, 90.0, seq=seq, speed_mps=None),
    )

    assert fixes[2].is_good
    assert fixes[2].shown_speed_mps == pytest.approx(8.0, abs=0.01)


def test_no_speed_is_derived_from_an_outlier_that_was_the_last_good_fix() -> None:
    fixes = derived(
        fix(0, 90_000.0, speed_mps=None),
        *(fix(10 * n, 100.0 * n, speed_mps=None) for n in range(1, 5)),
    )
    speeds = [one.shown_speed_mps for one in fixes if one.is_good]

    assert [one.is_good for one in fixes] == [True, False, False, True, True]
    assert speeds == [None, None, pytest.approx(10.0, abs=0.01)]


def test_only_fixes_from_the_start_index_on_are_derived() -> None:
    before = derived(fix(0, 0.0), fix(10, 100.0))

    both = enrich([*before, fix(20, 300.0)], RULES, start=2)

    assert both[:2] == before
    assert both[2].distance_m == pytest.approx(200.0, abs=0.01)


def test_deriving_again_replaces_what_was_derived_before() -> None:
    first, last = fix(0, 0.0), fix(20, 300.0)
    once = derived(first, last)

    again = enrich([once[0], fix(10, 100.0), once[1]], RULES, start=1)

    assert again == derived(first, fix(10, 100.0), last)
