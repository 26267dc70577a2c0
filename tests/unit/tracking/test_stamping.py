from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.clock_runs import MAX_STEP_MS, clock_runs
from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_fields import Reason, TelemetryPoint
from rtdts.tracking.positions import Clock
from rtdts.tracking.stamping import Adjustment, clock_offsets_ms, stamp
from rtdts.tracking.telemetry import Rejection, SentPoint

NOW_MS = 1_795_503_168_120
S, MIN, H, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def offsets_of(*ages_ms: int) -> list[int | None]:
    """Offsets of points that are this much older than the request (negative: ahead of it)."""
    return clock_offsets_ms([NOW_MS - age_ms for age_ms in ages_ms], NOW_MS)


def test_a_request_of_no_points_has_no_offsets() -> None:
    assert offsets_of() == []


def test_the_devices_time_is_kept_from_7_days_before_to_30_s_after_receipt() -> None:
    assert offsets_of(7 * DAY, DAY, 0, -30 * S) == [0, 0, 0, 0]


def test_a_point_just_over_7_days_old_is_too_old() -> None:
    assert offsets_of(7 * DAY + 1, 7 * DAY) == [None, 0]


def test_a_point_just_over_30_s_ahead_is_shifted_to_now() -> None:
    assert offsets_of(-30 * S - 1) == [-30 * S - 1]


def test_all_points_of_a_run_are_shifted_alike_when_its_newest_is_ahead() -> None:
    """A clock 10 min ahead, a point every 10 s for 30 min: most look good by themselves."""
    ages_ms = [-10 * MIN + n * 10 * S for n in range(180)]

    assert offsets_of(*ages_ms) == [-10 * MIN] * 180
    assert offsets_of(*reversed(ages_ms)) == [-10 * MIN] * 180


def test_one_wrong_time_of_ten_shifts_no_other_point() -> None:
    ages_ms = [n * 10 * S for n in range(10)]
    ages_ms[4] -= 9 * H

    assert offsets_of(*ages_ms) == [0] * 4 + [ages_ms[4]] + [0] * 5


def test_a_run_that_is_not_ahead_keeps_its_time_beside_one_that_is() -> None:
    assert offsets_of(2 * H + 10 * S, 2 * H, -H, -H - 10 * S) == [0, 0, -H - 10 * S, -H - 10 * S]


def test_each_wrong_clock_is_shifted_by_its_own_newest_point() -> None:
    ahead, further = 30 * DAY, 7_000 * DAY

    assert offsets_of(-further, -ahead, H, 10 * S - further, 10 * S - ahead, 8 * DAY) == [
        -further, -ahead, 0, -further, -ahead, None,
    ]  # fmt: skip


def test_a_gps_week_rollover_and_1970_are_too_old() -> None:
    assert offsets_of(1_024 * 7 * DAY, NOW_MS, 0) == [None, None, 0]


def test_a_point_that_is_too_old_once_shifted_is_rejected() -> None:
    """More points than a request may have, as far apart as a run allows."""
    ages_ms = [n * MAX_STEP_MS - H for n in range(600)]

    assert offsets_of(*ages_ms) == [-H] * 505 + [None] * 95


AGES_MS = st.one_of(
    st.integers(-40 * S, 40 * S),
    st.integers(-40 * MIN, 40 * MIN),
    st.integers(-3 * DAY, 9 * DAY),
    st.sampled_from([7 * DAY, 7 * DAY + 1, -30 * S, -30 * S - 1, -DAY, -DAY - 1, -DAY - 30 * S]),
    st.integers(-10_000 * DAY, 20_000 * DAY),
)
REQUESTS = st.lists(AGES_MS, max_size=30)


@given(REQUESTS)
def test_every_accepted_time_is_within_7_days_before_and_30_s_after_receipt(
    ages_ms: list[int],
) -> None:
    for age_ms, offset_ms in zip(ages_ms, offsets_of(*ages_ms), strict=True):
        if offset_ms is None:
            assert age_ms > 7 * DAY
        elif offset_ms == 0:
            assert -30 * S <= age_ms <= 7 * DAY
        else:
            assert offset_ms < -30 * S
            assert 0 <= age_ms - offset_ms <= 7 * DAY


@given(REQUESTS)
def test_a_runs_shift_depends_only_on_its_newest_point(ages_ms: list[int]) -> None:
    offsets = offsets_of(*ages_ms)

    for run in clock_runs([-age_ms for age_ms in ages_ms]):
        newest_ms = min(ages_ms[place] for place in run)
        shift_ms = newest_ms if newest_ms < -30 * S else 0
        assert [offsets[place] for place in run] == [
            shift_ms if ages_ms[place] - shift_ms <= 7 * DAY else None for place in run
        ]


@given(REQUESTS)
def test_a_point_far_from_every_point_ahead_keeps_its_time(ages_ms: list[int]) -> None:
    """Further than a run of all the request's points could reach."""
    reach_ms = len(ages_ms) * MAX_STEP_MS
    ahead_ms = [age_ms for age_ms in ages_ms if age_ms < -30 * S]

    for age_ms, offset_ms in zip(ages_ms, offsets_of(*ages_ms), strict=True):
        if all(age_ms - each_ms > reach_ms for each_ms in ahead_ms):
            assert offset_ms == (0 if age_ms <= 7 * DAY else None)


@given(REQUESTS, st.integers(0, 2 * DAY))
def test_a_repeated_request_has_the_same_shifts_apart_from_the_delay(
    ages_ms: list[int], later_ms: int
) -> None:
    times_ms = [NOW_MS - age_ms for age_ms in ages_ms]
    first = clock_offsets_ms(times_ms, NOW_MS)
    again = clock_offsets_ms(times_ms, NOW_MS + later_ms)

    for before, after in zip(first, again, strict=True):
        if before and after:
            assert after - before == later_ms


@given(
    st.lists(st.integers(0, MAX_STEP_MS // 3), min_size=1, max_size=60),
    st.integers(30 * S + 1, 9_000 * DAY),
    st.booleans(),
)
def test_shifting_a_run_keeps_its_order_and_spacing(
    steps_ms: list[int], ahead_ms: int, newest_first: bool
) -> None:
    times_ms = [
        NOW_MS + ahead_ms - before for before in itertools.accumulate([0, 10 * S, *steps_ms])
    ]
    times_ms.insert(1, times_ms[0])  # two at the end: the newest is not by itself
    if not newest_first:
        times_ms.reverse()

    assert clock_offsets_ms(times_ms, NOW_MS) == [-ahead_ms] * len(times_ms)


def sent(index: int, at_ms: int, heading_deg: float | None = None) -> SentPoint:
    point = TelemetryPoint(
        truck_id="T-1",
        recorded_at=format_instant(at_ms),
        lat=35.0,
        lon=129.0,
        heading_deg=heading_deg,
    )
    return SentPoint(index, at_ms, point, "recorded_at")


def test_the_clock_correction_is_stored_and_reported() -> None:
    stamped = stamp(
        [sent(0, NOW_MS + H), sent(2, NOW_MS - 8 * DAY), sent(5, NOW_MS - 2 * DAY)],
        received_at_ms=NOW_MS,
        source="mqtt",
    )
    shifted, kept = stamped.points

    assert stamped.indexes == [0, 5]
    assert stamped.rejected == [Rejection(2, "recorded_at", Reason.TOO_OLD)]
    assert stamped.adjusted == [Adjustment(0, -H)]
    assert (shifted.clock, shifted.clock_offset_ms) == (Clock.SHIFTED, -H)
    assert (shifted.recorded_at_ms, shifted.event_at_ms) == (NOW_MS + H, NOW_MS)
    assert (kept.clock, kept.clock_offset_ms) == (Clock.DEVICE, 0)
    assert kept.event_at_ms == kept.recorded_at_ms == NOW_MS - 2 * DAY
    assert {shifted.received_at_ms, kept.received_at_ms} == {NOW_MS}
    assert {shifted.source, kept.source} == {"mqtt"}


@pytest.mark.parametrize(
    ("device_deg", "kept_deg"), [(360.0, 0.0), (359.9, 359.9), (0.0, 0.0), (None, None)]
)
def test_north_is_0_degrees(device_deg: float | None, kept_deg: float | None) -> None:
    stamped = stamp([sent(0, NOW_MS, device_deg)], received_at_ms=NOW_MS, source="http")

    assert stamped.points[0].heading_deg == kept_deg
