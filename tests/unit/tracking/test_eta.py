from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.deliveries import Status
from rtdts.tracking.eta import (
    RULES,
    EtaBaseline,
    EtaRange,
    TruckPace,
    drive_on,
    eta_range,
    observe,
)
from rtdts.tracking.geodesy import distance_m
from sim.geodesy import place_at

START_MS = 1_795_503_168_120
DEPOT = (35.15, 129.05)
RADIUS_M = 100.0

Seen = tuple[int, float, float]
"""``event_at`` in ms, latitude, longitude."""


def driving(
    mps: float, seconds: int, *, every_s: int = 5, since_ms: int = START_MS, along_m: float = 0.0
) -> list[Seen]:
    """Fixes of a truck going straight east."""
    return [
        (since_ms + t_s * 1_000, *place_at(*DEPOT, 90.0, along_m + mps * t_s))
        for t_s in range(0, seconds + 1, every_s)
    ]


def folded(
    fixes: Iterable[Seen],
    destination: tuple[float, float],
    status: Status = Status.IN_TRANSIT,
    pace: TruckPace | None = None,
) -> tuple[TruckPace, EtaBaseline | None, float]:
    baseline = None
    remaining_m = math.nan
    for at_ms, lat, lon in fixes:
        pace = drive_on(pace, at_ms=at_ms, lat=lat, lon=lon)
        remaining_m = distance_m(lat, lon, *destination)
        baseline = observe(baseline, pace, remaining_m=remaining_m, status=status)
    assert pace is not None
    return pace, baseline, remaining_m


def range_of(
    fixes: Iterable[Seen],
    destination: tuple[float, float],
    *,
    status: Status = Status.IN_TRANSIT,
    pace: TruckPace | None = None,
) -> EtaRange | None:
    now, baseline, remaining_m = folded(fixes, destination, status, pace)
    return eta_range(baseline, now, remaining_m=remaining_m, radius_m=RADIUS_M, status=status)


def ahead_s(found: EtaRange | None, fixes: Sequence[Seen]) -> tuple[float, float]:
    assert found is not None
    at_ms = fixes[-1][0]
    return (found.earliest_ms - at_ms) / 1_000, (found.latest_ms - at_ms) / 1_000


def east(step_m: float) -> tuple[float, float]:
    return place_at(*DEPOT, 90.0, step_m)


STATUSES_WITHOUT = [one for one in Status if one not in {Status.IN_TRANSIT, Status.NEARBY}]


@pytest.mark.parametrize("mps", [5.0, 10.0, 15.0, 22.0])
@pytest.mark.parametrize("every_s", [1, 5, 30, 60])
def test_range_contains_the_arrival_of_a_steady_drive_at_any_speed_and_interval(
    mps: float, every_s: int
) -> None:
    fixes = driving(mps, 600, every_s=every_s)
    earliest_s, latest_s = ahead_s(range_of(fixes, east(mps * 600 + 5_000)), fixes)

    assert earliest_s < (5_000 - RADIUS_M) / mps < latest_s


@pytest.mark.parametrize("status", STATUSES_WITHOUT)
def test_range_is_none_when_the_cargo_is_not_on_its_way(status: Status) -> None:
    pace, baseline, remaining_m = folded(driving(12.0, 600), east(10_000))

    assert eta_range(baseline, pace, remaining_m=remaining_m, radius_m=1.0, status=status) is None
    assert range_of(driving(12.0, 600), east(10_000), status=status) is None


def test_range_is_none_when_the_truck_was_never_seen_to_move() -> None:
    assert range_of(driving(0.0, 900), east(5_000)) is None
    assert range_of(driving(10.0, 0), east(5_000)) is None


def test_range_is_none_when_nothing_is_known() -> None:
    pace, baseline, remaining_m = folded(driving(12.0, 60), east(10_000))
    status = Status.NEARBY

    assert eta_range(None, pace, remaining_m=remaining_m, radius_m=1.0, status=status) is None
    assert eta_range(baseline, None, remaining_m=remaining_m, radius_m=1.0, status=status) is None
    assert eta_range(baseline, pace, remaining_m=None, radius_m=1.0, status=status) is None


@pytest.mark.parametrize("step_m", [0.0, 50.0, 99.9])
def test_range_is_none_inside_the_destinations_geofence(step_m: float) -> None:
    fixes = driving(10.0, 600)

    assert range_of(fixes, east(6_000 + step_m)) is None


def test_range_is_none_when_the_destination_is_more_than_a_days_driving_away() -> None:
    fixes = driving(20.0, 600)

    assert range_of(fixes, east(200_000)) is not None
    assert range_of(fixes, east(900_000)) is None


def test_a_slower_truck_is_expected_later() -> None:
    fast, slow = driving(20.0, 600), driving(5.0, 600)
    _, latest_fast_s = ahead_s(range_of(fast, east(20.0 * 600 + 5_000)), fast)
    _, latest_slow_s = ahead_s(range_of(slow, east(5.0 * 600 + 5_000)), slow)

    assert latest_slow_s > 1.5 * latest_fast_s


def test_speed_before_the_pickup_counts_when_the_delivery_has_shown_none() -> None:
    fast, _, _ = folded(driving(22.0, 900), east(0), Status.EN_ROUTE_TO_PICKUP)
    slow, _, _ = folded(driving(6.0, 900), east(0), Status.EN_ROUTE_TO_PICKUP)
    begun = [(START_MS + 901_000, *DEPOT)]

    _, latest_fast_s = ahead_s(range_of(begun, east(5_000), pace=fast), begun)
    _, latest_slow_s = ahead_s(range_of(begun, east(5_000), pace=slow), begun)
    assert latest_slow_s > 1.2 * latest_fast_s


def test_a_winding_road_is_expected_to_continue_winding() -> None:
    straight = driving(12.0, 1_200)
    # The same distance and time, in zigzag across the course: half of it is progress.
    zigzag, lat, lon = [(START_MS, *DEPOT)], *DEPOT
    for number in range(1, 241):
        lat, lon = place_at(lat, lon, 30.0 if number // 4 % 2 else 150.0, 60.0)
        zigzag.append((START_MS + number * 5_000, lat, lon))
    beyond = place_at(lat, lon, 90.0, 6_000)

    early_s, late_s = ahead_s(range_of(straight, east(12.0 * 1_200 + 6_000)), straight)
    early_winding_s, late_winding_s = ahead_s(range_of(zigzag, beyond), zigzag)
    assert early_winding_s > 1.2 * early_s
    assert late_winding_s > 1.2 * late_s


def test_a_standing_trucks_range_widens_and_moves_later() -> None:
    fixes = driving(12.0, 600)
    destination = east(12.0 * 600 + 4_000)
    stood = [*fixes, *((fixes[-1][0] + s * 1_000, *fixes[-1][1:]) for s in range(10, 601, 10))]

    going, standing = range_of(fixes, destination), range_of(stood, destination)
    assert going is not None
    assert standing is not None
    assert standing.earliest_ms > going.earliest_ms + 600_000
    assert standing.latest_ms - standing.earliest_ms > 1.5 * (going.latest_ms - going.earliest_ms)


def test_range_is_none_when_the_truck_has_stood_for_an_hour() -> None:
    fixes = driving(12.0, 600)
    parked = [(fixes[-1][0] + s * 1_000, *fixes[-1][1:]) for s in range(60, 3_721, 60)]

    assert range_of([*fixes, *parked[:-3]], east(12_000)) is not None
    assert range_of([*fixes, *parked], east(12_000)) is None


def test_noise_of_a_standing_truck_adds_no_distance() -> None:
    jitter = [
        (START_MS + n * 1_000, *place_at(*DEPOT, n * 77.0 % 360, 4.0 + n % 8)) for n in range(900)
    ]
    pace, _, _ = folded(jitter, east(5_000))

    assert pace.path_cm == 0


def test_the_error_of_an_inaccurate_fix_adds_no_distance() -> None:
    pace = drive_on(None, at_ms=START_MS, lat=DEPOT[0], lon=DEPOT[1])
    lat, lon = east(60.0)

    assert drive_on(pace, at_ms=START_MS + 1, lat=lat, lon=lon, accuracy_m=80.0).path_cm == 0
    assert drive_on(pace, at_ms=START_MS + 1, lat=lat, lon=lon, accuracy_m=8.0).path_cm > 0


@pytest.mark.parametrize("silence_s", [60, 240])
def test_a_drive_through_a_tunnel_counts_with_its_distance_and_speed(silence_s: int) -> None:
    before = driving(14.0, 600)
    after_ms = before[-1][0] + silence_s * 1_000
    out = driving(14.0, 60, since_ms=after_ms, along_m=14.0 * (600 + silence_s))
    pace, _, _ = folded([*before, *out], east(50_000))

    assert pace.path_cm / 100 == pytest.approx(14.0 * (660 + silence_s), rel=0.01)
    assert pace.recent_mps == pytest.approx(14.0, rel=0.05)


def test_a_night_between_two_fixes_does_not_lower_the_pace() -> None:
    evening = driving(14.0, 600)
    morning = driving(14.0, 0, since_ms=evening[-1][0] + 36_000_000, along_m=14.0 * 600 + 2_000)
    pace, _, _ = folded([*evening, *morning], east(50_000))

    assert pace.recent_mps == pytest.approx(14.0, rel=0.05)
    assert pace.driven_ms < 1_000_000


def test_late_points_and_copies_leave_the_pace_unchanged() -> None:
    fixes = driving(12.0, 600)
    pace, _, _ = folded(fixes, east(9_000))

    for at_ms, lat, lon in (fixes[-1], fixes[3], (fixes[-1][0], 0.0, 0.0)):
        assert drive_on(pace, at_ms=at_ms, lat=lat, lon=lon) == pace


def test_the_baseline_begins_when_the_cargo_is_under_way_and_is_kept_until_the_end() -> None:
    pace, begun, _ = folded(driving(12.0, 60), east(9_000))
    later = TruckPace(START_MS + 90_000, *DEPOT, 0, 999, 999, 9.0)

    assert observe(None, pace, remaining_m=9_000, status=Status.AT_PICKUP) is None
    assert begun == EtaBaseline(9_000, 0, 0)
    assert observe(begun, later, remaining_m=10, status=Status.NEARBY) == begun
    assert observe(begun, later, remaining_m=10, status=Status.ARRIVED) == begun
    assert observe(begun, later, remaining_m=10, status=Status.DELIVERED) is None


def test_accumulators_stay_small_when_packed() -> None:
    pace = TruckPace(START_MS, 48.1234567, 129.7654321, 170_000, 4_000_000_000, 4_000_000_000, 13.2)
    baseline = EtaBaseline(300_000, 4_000_000_000, 4_000_000_000)

    assert len(msgspec.msgpack.encode(pace)) <= 60
    assert len(msgspec.msgpack.encode(baseline)) <= 20
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(pace), type=TruckPace) == pace


PLACES = st.tuples(st.floats(-90, 90, allow_nan=False), st.floats(-180, 180, allow_nan=False))
FIXES = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 400_000), st.integers(0, 10**11)),
        PLACES | st.sampled_from([DEPOT, east(20), east(200), east(5_000)]),
        st.none() | st.floats(0, 1e9),
    ),
    min_size=1,
    max_size=30,
)


@given(fixes=FIXES, destination=PLACES, radius_m=st.floats(0, 1e6))
def test_range_never_begins_before_its_fix_and_is_finite_for_any_fixes(
    fixes: list[tuple[int, tuple[float, float], float | None]],
    destination: tuple[float, float],
    radius_m: float,
) -> None:
    pace, baseline = None, None
    for after_ms, (lat, lon), accuracy_m in fixes:
        at_ms = START_MS + after_ms  # in any order, copies too
        pace = drive_on(pace, at_ms=at_ms, lat=lat, lon=lon, accuracy_m=accuracy_m)
        remaining_m = distance_m(lat, lon, *destination)
        baseline = observe(baseline, pace, remaining_m=remaining_m, status=Status.IN_TRANSIT)
        found = eta_range(
            baseline, pace, remaining_m=remaining_m, radius_m=radius_m, status=Status.IN_TRANSIT
        )

        assert all(math.isfinite(value) for value in msgspec.structs.astuple(pace))
        assert pace.at_ms >= at_ms
        assert pace.here_ms >= 0
        assert pace.driven_ms >= 0
        assert 0 <= pace.recent_mps <= RULES.fastest_mps * 1.000001
        if found is not None:
            assert pace.at_ms <= found.earliest_ms <= found.latest_ms
            assert remaining_m > radius_m


@given(
    remaining_m=st.lists(st.floats(101.0, 60_000.0), min_size=2, max_size=2),
    seen=st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
    here_ms=st.integers(0, 4_000_000),
    mps=st.floats(0.0, 30.0),
)
def test_range_narrows_and_comes_sooner_with_less_distance_at_the_same_pace(
    remaining_m: list[float], seen: tuple[int, int], here_ms: int, mps: float
) -> None:
    near_m, far_m = sorted(remaining_m)
    pace = TruckPace(START_MS, *DEPOT, here_ms, 1 + seen[0], seen[1], mps)
    baseline = EtaBaseline(40_000, 0, 0)
    near, far = (
        eta_range(baseline, pace, remaining_m=m, radius_m=RADIUS_M, status=Status.IN_TRANSIT)
        for m in (near_m, far_m)
    )

    if far is not None:
        assert near is not None
        assert near.earliest_ms <= far.earliest_ms
        assert near.latest_ms <= far.latest_ms
        assert near.latest_ms - near.earliest_ms <= far.latest_ms - far.earliest_ms + 1


@pytest.mark.parametrize("mps", [8.0, 14.0, 20.0])
def test_range_narrows_throughout_a_steady_drive(mps: float) -> None:
    fixes = driving(mps, 1_500, every_s=10)
    destination = east(mps * 1_500)
    found = [range_of(fixes[:end], destination) for end in range(30, len(fixes) - 3, 10)]
    widths_ms = [one.latest_ms - one.earliest_ms for one in found if one is not None]

    assert len(widths_ms) == len(found)
    assert widths_ms == sorted(widths_ms, reverse=True)
    assert widths_ms[-1] < widths_ms[0] / 3


@given(fixes=FIXES)
def test_repeated_fixes_do_not_change_the_pace(
    fixes: list[tuple[int, tuple[float, float], float | None]],
) -> None:
    ordered = sorted(fixes, key=lambda fix: fix[0])
    once, again = None, None
    for after_ms, (lat, lon), accuracy_m in ordered:
        once = drive_on(once, at_ms=after_ms, lat=lat, lon=lon, accuracy_m=accuracy_m)
        for _ in range(2):
            again = drive_on(again, at_ms=after_ms, lat=lat, lon=lon, accuracy_m=accuracy_m)

    assert once == again
