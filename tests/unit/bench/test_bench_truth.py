"""The accuracy benchmark measures what it claims: its truth, its drives, its contestants."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from bench.truth import eta, jumps, live, ours, through_consumer
from bench.truth.__main__ import main
from bench.truth.arrival import Truth, truth_of
from bench.truth.cases import CASES
from bench.truth.contestants import by_circle, by_geofence, by_our_rules
from bench.truth.drives import START_MS, Drive, draw, drive_named, recorded_drives
from bench.truth.geometry import Geometry, Part, geometries
from bench.truth.intervals import interval
from bench.truth.noise import Accuracy, Device, Observation, observe
from bench.truth.orders import late as late_order
from bench.truth.outcomes import Outcome, outcome_of, p95_error_s, precision, recall
from bench.truth.tracks import BadTrackError, track_of
from rtdts.tracking.deliveries import Place
from rtdts.tracking.geodesy import distance_m
from sim.fleet.motion import MotionState, Sequential, Stationary
from sim.geodesy import place_at

HERE, AWAY = MotionState(48.0, 11.0, 0.0, 0.0), MotionState(48.01, 11.0, 0.0, 0.0)
PLACE = Place(lat=48.0, lon=11.0)
ARRIVED = Truth(arrived_s=160.0, entered_s=100.0, left_s=400.0, longest_s=299.0, is_ambiguous=False)


@functools.cache
def road_named(name: str) -> Geometry:
    return next(road for road in geometries(Part.REPORT) if road.name == name)


@functools.cache
def drawn(case: str, road: str = "denver_1", number: int = 0) -> Drive:
    return draw(next(one for one in CASES if one.name == case), road_named(road), number)


def stays(*seconds: float) -> Sequential:
    """Alternates between away and at the place for the given seconds, away first."""
    return Sequential(tuple(Stationary((AWAY, HERE)[n % 2], s) for n, s in enumerate(seconds)))


def test_the_tuning_and_report_parts_share_no_road() -> None:
    tuning, report = geometries(Part.TUNING), geometries(Part.REPORT)

    apart_m = min(
        distance_m(*here, *there)
        for one, other in itertools.product(tuning, report)
        for here, there in itertools.product(one.line.points[::15], other.line.points[::15])
    )

    assert not {one.name for one in tuning} & {one.name for one in report}
    assert apart_m > 300


def test_truth_is_the_end_of_the_dwell_when_the_truck_stays() -> None:
    truth = truth_of(stays(100, 300, 50), PLACE, 0.0)

    assert truth == ARRIVED


def test_truth_has_no_arrival_when_the_stay_is_interrupted() -> None:
    truth = truth_of(stays(100, 35, 10, 35, 100), PLACE, 0.0)

    assert truth.arrived_s is None
    assert not truth.is_ambiguous


def test_truth_ignores_a_stay_before_the_departure() -> None:
    assert truth_of(stays(0, 300, 100), PLACE, 300.0).arrived_s is None


def test_truth_is_ambiguous_when_a_stay_is_only_seconds_longer_than_the_dwell() -> None:
    assert truth_of(stays(100, 65, 100), PLACE, 0.0).is_ambiguous


@pytest.mark.parametrize(
    ("radius_m", "is_ambiguous"), [(80, False), (95, True), (105, True), (120, False)]
)
def test_truth_is_ambiguous_only_when_the_truck_stops_at_the_edge_of_the_geofence(
    radius_m: float, is_ambiguous: bool
) -> None:
    lat, lon = place_at(48.0, 11.0, 90.0, 100.0)
    place = Place(lat=lat, lon=lon, radius_m=radius_m)

    assert truth_of(stays(100, 300, 50), place, 0.0).is_ambiguous is is_ambiguous


def test_a_drive_is_the_same_when_drawn_again() -> None:
    one, again = drawn("shuffled"), drawn.__wrapped__("shuffled")

    assert one.requests == again.requests
    assert one.truth == again.truth


def test_drives_with_different_numbers_differ() -> None:
    assert drawn("plain").requests != drawn("plain", number=1).requests


@pytest.mark.parametrize("case", [one.name for one in CASES])
def test_a_drive_arrives_unless_its_case_is_driving_by(case: str) -> None:
    drive = drawn(case)

    passes = case.endswith("_by") or case.startswith(("drive_by", "next_door"))
    assert (drive.truth.arrived_s is None) is passes
    assert len(drive.points) >= 20


def test_no_points_are_sent_while_the_truck_stands_at_a_dock() -> None:
    drive = drawn("dock")
    entered_s, left_s = drive.truth.entered_s, drive.truth.left_s
    assert entered_s is not None
    assert left_s is not None

    inside = [
        one
        for one in drive.points
        if entered_s + 60 < (one.event_at_ms - START_MS) / 1e3 < left_s - 90
    ]

    assert not inside


@pytest.mark.parametrize("case", ["late", "shuffled"])
def test_points_arrive_out_of_order_but_none_is_lost(case: str) -> None:
    drive = drawn(case)
    times = [one.event_at_ms for one in drive.points]

    assert times != sorted(times)
    assert {one.seq for one in drive.points} == set(range(len({one.seq for one in drive.points})))


def test_an_honest_accuracy_covers_two_thirds_of_the_errors() -> None:
    motion = Stationary(HERE, 200_000.0)
    seen = observe(motion, Device(interval_s=60.0, sigma_m=10.0, tau_s=20.0), [], Random(1))

    held = sum(
        distance_m(one.lat, one.lon, HERE.lat, HERE.lon) <= (one.accuracy_m or 0) for one in seen
    )

    assert 0.62 < held / len(seen) < 0.74


def test_a_flattering_accuracy_is_far_below_the_true_error() -> None:
    device = Device(interval_s=60.0, sigma_m=20.0, accuracy=Accuracy.FLATTERING)
    seen = observe(Stationary(HERE, 6_000.0), device, [], Random(1))

    assert all(one.accuracy_m is not None and one.accuracy_m <= 8 for one in seen)


@pytest.mark.parametrize(
    ("claimed_s", "is_right"),
    [(30.0, False), (100.0, True), (160.0, True), (430.0, True), (500.0, False)],
)
def test_a_claimed_arrival_is_right_only_during_or_shortly_after_the_stay(
    claimed_s: float, is_right: bool
) -> None:
    assert outcome_of(claimed_s, ARRIVED).is_right is is_right


def test_a_claim_at_the_wrong_time_lowers_both_precision_and_recall() -> None:
    outcomes = [outcome_of(160.0, ARRIVED), outcome_of(10.0, ARRIVED), outcome_of(None, ARRIVED)]

    assert precision(outcomes) == pytest.approx(1 / 2)
    assert recall(outcomes) == pytest.approx(1 / 3)


def test_early_and_late_claims_count_as_errors_alike() -> None:
    outcomes = [outcome_of(150.0, ARRIVED), outcome_of(150.0, ARRIVED), outcome_of(170.0, ARRIVED)]

    assert p95_error_s(outcomes) == 10.0


def test_a_confidence_interval_has_no_width_when_all_outcomes_are_equal() -> None:
    alike = [Outcome(is_claimed=True, is_right=True, is_true=True, error_s=1.0)] * 20

    assert interval(alike, precision) == (1.0, 1.0)


def test_a_confidence_interval_contains_the_value_when_outcomes_differ() -> None:
    low, high = interval(
        [outcome_of(160.0, ARRIVED)] * 15 + [outcome_of(None, ARRIVED)] * 5, recall
    )

    assert 0.5 < low < 0.75 < high < 0.95


def test_our_rules_and_the_geofence_both_find_a_plain_arrival() -> None:
    drive = drawn("plain")

    assert all(outcome_of(by(drive), drive.truth).is_right for by in (by_our_rules, by_geofence))


def test_a_geofence_claims_an_arrival_when_a_truck_drives_by_and_our_rules_do_not() -> None:
    drive = drawn("drive_by")

    assert by_geofence(drive) is not None
    assert by_our_rules(drive) is None


def test_the_consumer_finds_the_same_arrival_as_the_rules_when_points_are_late() -> None:
    drive = drawn("late")

    assert through_consumer.arrived_s(drive) == by_our_rules(drive)


def test_a_geofence_ignores_points_that_arrive_after_a_newer_one() -> None:
    drive = drawn("drive_by")
    newest = drive.requests[-1]

    assert by_geofence(dataclasses.replace(drive, requests=(newest, *drive.requests))) is None


def test_a_geofence_ignores_the_time_before_the_departure() -> None:
    drive = drawn("drive_by")

    assert by_geofence(dataclasses.replace(drive, departed_s=drive.motion.duration_s)) is None


def test_a_circle_misses_an_arrival_at_the_edge_of_the_place() -> None:
    assert by_circle(drawn("edge")) is None


def test_no_jumps_are_counted_when_reception_is_good() -> None:
    drive = drawn("plain")

    counted = jumps.of_ours(drive)

    assert counted.jumps == 0
    assert counted.shown == len(drive.points)


def test_jumps_there_and_back_are_counted_when_no_point_is_filtered_out() -> None:
    assert jumps.of_the_newest(drawn("bursts")).jumps >= 2


def test_jumps_back_in_time_are_counted_when_each_point_is_shown() -> None:
    drive = drawn("late_by")

    assert jumps.of_each_as_it_comes(drive).jumps > jumps.of_the_newest(drive).jumps


def test_shown_positions_are_the_good_ones_when_points_come_in_order() -> None:
    drive = drawn("bursts")

    shown = [at_ms for at_ms, _, _ in ours.shown(drive)]

    assert shown == [one.point.event_at_ms for one in ours.good_points(drive.points)]


def test_shown_positions_never_go_back_when_points_come_late() -> None:
    times = [at_ms for at_ms, _, _ in ours.shown(drawn("shuffled"))]

    assert times == sorted(set(times))


def test_the_last_shown_position_is_the_newest_good_point_when_points_come_late() -> None:
    drive = drawn("bursts")
    late = dataclasses.replace(drive, requests=(*drive.requests[:-20], *drive.requests[:-21:-1]))
    newest = ours.good_points(drive.points)[-1].point

    assert ours.shown(late)[-1] == (newest.event_at_ms, newest.lat, newest.lon)


def test_a_backlog_is_sent_newest_chunk_first() -> None:
    seen = [Observation(float(t), 48.0, 11.0, None, None, None) for t in range(1_000)]

    requests = late_order(seen, Random(1))
    backlog = [points[0].t_s for received_s, points in requests if received_s > points[0].t_s + 25]

    assert len(backlog) > 2
    assert backlog == sorted(backlog, reverse=True)
    assert sum(len(points) for _, points in requests) == len(seen)


def test_looks_are_in_order_and_there_are_none_without_late_points() -> None:
    looks = live.looks_at(drawn("late"))

    assert looks == sorted(looks)
    assert live.looks_at(drawn("plain")) == []


def test_a_naive_range_is_a_fifth_either_side_of_distance_over_speed() -> None:
    drive = drawn("plain")
    newest = next(one for one in ours.good_points(drive.points) if (one.speed_mps or 0) > 5)

    given = eta.naive(drive, [newest])

    assert given is not None
    now_s = (newest.point.event_at_ms - START_MS) / 1_000
    assert (given[1] - now_s) / (given[0] - now_s) == pytest.approx(1.5)


def test_moments_end_when_the_truck_arrives() -> None:
    drive = drawn("plain")
    requested: list[tuple[float, int]] = []

    def estimate(_drive: Drive, seen: Sequence[ours.ClassifiedPoint]) -> eta.Range:
        requested.append(((seen[-1].point.event_at_ms - START_MS) / 1_000, len(seen)))
        return 0.0, 1e6

    rows = [moment for (moment,) in eta.moments_of(drive, [estimate])]

    times_s = [now_s for now_s, _ in requested]
    assert rows
    assert max(times_s) < (drive.truth.entered_s or 0.0)
    assert eta.coverage(rows) == 1.0
    assert not list(eta.moments_of(drawn("drive_by"), [eta.naive]))


def test_a_drive_is_explained_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--explain", "plain-denver_1-0"]) == 0

    assert "truth: entered" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["plain-nowhere-0", "walk-denver_1-0", "plain-denver_1-x", "?"])
def test_an_unknown_drive_is_rejected(name: str) -> None:
    assert main(["--explain", name]) == 1


def test_recorded_drives_include_drives_with_and_without_an_arrival() -> None:
    recorded = list(recorded_drives(road_named("munich_2"), 4))

    assert [one.truth.arrived_s is None for one in recorded] == [False, False, True, True]
    assert recorded[0] == drive_named(recorded[0].name)


def test_a_track_is_read_from_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "my-van.jsonl"
    rows = [("06:00:00Z", 48.0), ("06:00:10+00:00", 48.001), ("06:00:10Z", 48.1)]
    path.write_text(
        "\n".join(
            json.dumps({"recorded_at": f"2026-01-02T{at}", "lat": lat, "lon": 11.0, "hdop": 1})
            for at, lat in rows
        )
    )

    track = track_of(path)

    assert track.name == "my_van"
    assert track.recording.fixes == ((48.0, 11.0), (48.001, 11.0))
    assert track.recording.elapsed_s == (0.0, 10.0)


@pytest.mark.parametrize("text", ["", "{}", "no", '{"recorded_at": "today", "lat": 1, "lon": 1}'])
def test_a_file_that_is_not_a_track_is_rejected(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)

    with pytest.raises(BadTrackError):
        track_of(path)
