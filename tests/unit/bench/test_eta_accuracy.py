from __future__ import annotations

import functools
from itertools import islice

import pytest

from bench.truth.eta_accuracy import coverages, median_width_s, moments_of, naive, widened
from bench.truth.eta_drives import REPORT, TUNING, EtaDrive, drives, recorded_drives
from rtdts.tracking.geodesy import distance_m
from tests.support.profile import by_profile

EACH = by_profile(quick=1, full=2)


def drawn(each: int) -> list[EtaDrive]:
    return [*islice(drives(TUNING, 100, 7), each), *islice(recorded_drives(REPORT, 100, 7), each)]


@functools.cache
def some() -> list[EtaDrive]:
    """Drawn once for all tests."""
    return drawn(EACH)


def test_no_road_is_in_both_sets() -> None:
    assert not set(TUNING) & set(REPORT)


def test_drives_are_the_same_for_the_same_seed() -> None:
    assert drawn(1) == [some()[0], some()[EACH]]
    assert next(drives(TUNING, 1, 8)) != some()[0]


@pytest.mark.parametrize("number", range(2 * EACH))
def test_arrival_is_after_departure_and_near_the_destination(number: int) -> None:
    drive = some()[number]
    assert drive.departed_ms < drive.entered_ms
    near = [
        fix
        for fix in drive.fixes
        if abs(fix.recorded_at_ms - drive.entered_ms) <= 30_000  # as far as fixes lie apart
    ]
    reach_m = drive.radius_m + 30 * 25 + 50
    assert all(distance_m(fix.lat, fix.lon, *drive.destination) <= reach_m for fix in near)


def test_moments_lie_between_departure_and_arrival_and_have_the_true_remaining_time() -> None:
    for drive in some():
        moments = moments_of(drive)

        assert 0 < len(moments) <= 21
        for one in moments:
            assert one.pace.at_ms + one.truth_s * 1_000 == drive.entered_ms
            assert one.pace.at_ms >= drive.departed_ms


def test_an_unlimited_range_covers_every_arrival_and_an_empty_one_none() -> None:
    by_drive = [moments_of(drive) for drive in some()]

    assert coverages(by_drive, lambda _: (0.0, 1e9)) == [1.0] * len(by_drive)
    assert coverages(by_drive, lambda _: (-1.0, -1.0)) == [0.0] * len(by_drive)
    assert median_width_s(by_drive, lambda _: (2.0, 5.0)) == 3.0


def test_the_naive_range_is_missing_for_a_standing_truck() -> None:
    moments = [one for drive in some() for one in moments_of(drive)]
    standing = [one for one in moments if one.speed_mps < 1.0]

    assert standing
    assert all(naive(one) is None and widened(3.0)(one) is None for one in standing)
