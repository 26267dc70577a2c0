"""The device reports a motion with the faults of real devices, reproducibly by seed."""

import json
import random
from itertools import pairwise
from statistics import mean, stdev

import pytest

from rtdts.tracking.geodesy import distance_m
from sim.fleet.device import Device, DeviceProfile, Fix, Transmission
from sim.fleet.motion import MotionState, Stationary
from sim.fleet.route_library import load_routes
from sim.fleet.trips import TripTimes, plan_trips

START_MS = 1_795_504_368_120
PERFECT = DeviceProfile(sigma_m=0.0, tunnel_gap_s=1e9, dead_spot_gap_s=1e9, repeat_share=0.0)
PARKED = Stationary(MotionState(48.0, 11.0, 90.0, 0.0), 600.0)


def report(
    profile: DeviceProfile, seed: int = 1, motion: Stationary = PARKED
) -> tuple[Transmission, ...]:
    return Device("T-1", profile, random.Random(seed)).report(motion, START_MS)


def first_sent(transmissions: tuple[Transmission, ...]) -> list[Fix]:
    return [fix for sent in transmissions if not sent.repeat for fix in sent.fixes]


def test_a_perfect_device_sends_one_fix_per_second_at_once() -> None:
    sent = report(PERFECT)

    assert [len(one.fixes) for one in sent] == [1] * 601
    assert [one.fixes[0].recorded_at_ms for one in sent] == [
        START_MS + 1000 * s for s in range(601)
    ]
    assert all((one.fixes[0].lat, one.fixes[0].lon) == (48.0, 11.0) for one in sent)


def test_seq_has_no_gap_and_ids_are_distinct() -> None:
    fixes = first_sent(report(DeviceProfile()))
    seqs = [fix.seq for fix in fixes]

    assert seqs == list(range(seqs[0], seqs[0] + len(fixes)))
    assert len({fix.id for fix in fixes}) == len(fixes)


def test_the_error_is_stationary_and_as_large_as_configured() -> None:
    fixes = first_sent(report(DeviceProfile(sigma_m=3.0, correlation_s=5.0), seed=2))
    north_m = [(fix.lat - 48.0) * 111_195 for fix in fixes]
    first, last = north_m[: len(north_m) // 2], north_m[len(north_m) // 2 :]
    accuracy_m = mean(fix.accuracy_m for fix in fixes)
    within = [distance_m(fix.lat, fix.lon, 48.0, 11.0) <= accuracy_m for fix in fixes]

    assert stdev(north_m) == pytest.approx(3.0, rel=0.25)
    assert abs(mean(first) - mean(last)) < 2.0
    assert 0.58 < mean(within) < 0.82


def test_the_fixes_of_a_standing_truck_do_not_jump() -> None:
    fixes = first_sent(report(DeviceProfile()))
    hops_m = [
        distance_m(a.lat, a.lon, b.lat, b.lon)
        for a, b in pairwise(fixes)
        if b.recorded_at_ms - a.recorded_at_ms == 1000
    ]

    assert mean(hops_m) < 2.0
    assert all(fix.speed_mps == 0.0 for fix in fixes)


def test_tunnels_lose_fixes_but_dead_spots_only_delay_them() -> None:
    tunnels = report(DeviceProfile(dead_spot_gap_s=1e9, tunnel_gap_s=60.0, repeat_share=0))
    dead = report(DeviceProfile(dead_spot_gap_s=60.0, tunnel_gap_s=1e9, repeat_share=0))

    assert len(first_sent(tunnels)) < 601
    assert max(len(one.fixes) for one in tunnels) == 1
    assert len(first_sent(dead)) == 601
    assert max(len(one.fixes) for one in dead) >= 4


def test_a_stored_batch_is_sent_late_and_in_order() -> None:
    dead = report(DeviceProfile(dead_spot_gap_s=60.0, tunnel_gap_s=1e9, repeat_share=0))
    batch = next(one for one in dead if len(one.fixes) >= 4)
    ages_s = [batch.at_s - (fix.recorded_at_ms - START_MS) / 1000 for fix in batch.fixes]

    assert ages_s == sorted(ages_s, reverse=True)
    assert ages_s[0] >= 3.0
    assert ages_s[-1] == pytest.approx(0.0)


def test_a_repeat_sends_the_same_points_again_later() -> None:
    sent = report(DeviceProfile(repeat_share=0.2))
    repeats = [one for one in sent if one.repeat]
    firsts = {one.fixes: one.at_s for one in sent if not one.repeat}

    assert repeats
    assert all(firsts[one.fixes] < one.at_s for one in repeats)


def test_transmissions_are_in_order_of_time_with_all_faults() -> None:
    sent = report(DeviceProfile())
    times_s = [one.at_s for one in sent]

    assert times_s == sorted(times_s)


def test_the_same_seed_yields_the_same_transmissions_and_another_seed_others() -> None:
    assert report(DeviceProfile(), seed=4) == report(DeviceProfile(), seed=4)
    assert report(DeviceProfile(), seed=4) != report(DeviceProfile(), seed=5)


def test_sequence_numbers_continue_from_one_motion_to_the_next() -> None:
    device = Device("T-1", PERFECT, random.Random(1))
    first = first_sent(device.report(PARKED, START_MS))
    second = first_sent(device.report(PARKED, START_MS + 601_000))

    assert second[0].seq == first[-1].seq + 1


def test_a_moving_truck_reports_its_speed_and_odometer() -> None:
    (route,) = load_routes(["denver_1"])
    trip = next(plan_trips(route, TripTimes(90.0, 8.0), rng=random.Random(1)))
    device = Device("T-1", PERFECT, random.Random(1))
    fixes = first_sent(device.report(trip.motion, START_MS))
    way_m = sum(distance_m(a.lat, a.lon, b.lat, b.lon) for a, b in pairwise(fixes))

    assert max(fix.speed_mps for fix in fixes) > 10.0
    assert fixes[-1].odometer_m - fixes[0].odometer_m == pytest.approx(way_m, rel=0.05)


def test_the_wire_form_names_its_units_and_is_json() -> None:
    fix = first_sent(report(PERFECT))[0]
    wire = json.loads(json.dumps(fix.to_wire()))

    assert wire["recorded_at"] == "2026-11-24T07:12:48.120Z"
    assert wire["v"] == 1
    assert fix.id == f"T-1:{START_MS}:{fix.seq}"
    assert {"lat", "lon", "seq", "accuracy_m", "speed_mps", "heading_deg"} <= wire.keys()
