"""What the driver test drives, before anything is driven."""

import random
from itertools import combinations

import pytest

from rtdts.tracking.geodesy import distance_m
from sim.drive.demo import DemoOptions
from sim.drive.five_trucks import DriveOptions, plan_drive
from sim.fleet.device import Device, Transmission
from sim.fleet.trips import TripTooShortError

START_MS = 1_795_504_368_120


def transmissions(options: DriveOptions) -> list[tuple[Transmission, ...]]:
    return [
        Device(
            f"T-{number}", options.profile, random.Random(f"{options.seed}.device.{number}")
        ).report(trip.motion, START_MS)
        for number, trip in enumerate(plan_drive(options), start=1)
    ]


@pytest.mark.parametrize("trucks", [1, 5, 12])
def test_no_two_trucks_drive_the_same_road_at_once(trucks: int) -> None:
    trips = plan_drive(DriveOptions(trucks=trucks))

    assert len(trips) == trucks
    for one, other in combinations(trips, 2):
        assert distance_m(one.origin.lat, one.origin.lon, other.origin.lat, other.origin.lon) > 100


def test_a_drive_lasts_as_long_as_requested() -> None:
    for trip in plan_drive(DriveOptions(duration_s=60.0)):
        assert trip.motion.duration_s == pytest.approx(60.0, abs=0.5)


def test_trucks_stand_longer_than_the_given_dwell() -> None:
    for trip in plan_drive(DriveOptions(duration_s=120.0, dwell_s=20.0)):
        assert trip.motion.duration_s - trip.arrives_s > 20.0
        assert all(
            trip.motion.at(trip.departs_s - ago_s).speed_mps == 0.0 for ago_s in (0.5, 10.0, 20.5)
        )


def test_a_dwell_that_does_not_fit_the_duration_is_rejected_before_anything_is_driven() -> None:
    with pytest.raises(TripTooShortError):
        plan_drive(DriveOptions(duration_s=60.0, dwell_s=60.0))


def test_the_default_drive_has_repeats_backlogs_and_gaps() -> None:
    sent = [one for truck in transmissions(DriveOptions()) for one in truck]

    assert any(one.repeat for one in sent)
    assert any(len(one.fixes) >= 3 for one in sent)
    assert sum(len(one.fixes) for one in sent if not one.repeat) < 5 * 61


def test_a_demo_with_a_time_limit_plans_deliveries_that_end_before_it() -> None:
    assert DemoOptions(seconds=90.0).trip_times.total_s == 78.0
    assert DemoOptions(seconds=20.0).trip_times.total_s == 45.0
    assert DemoOptions(seconds=None).trip_times.total_s == 180.0
