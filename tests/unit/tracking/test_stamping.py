from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_fields import Reason, TelemetryPoint
from rtdts.tracking.positions import Clock
from rtdts.tracking.stamping import Adjustment, clock_offsets_ms, stamp
from rtdts.tracking.telemetry import Rejection, SentPoint

NOW_MS = 1_795_503_168_120
S, H, DAY = 1_000, 3_600_000, 86_400_000


def offsets_of(*ages_ms: int) -> list[int | None]:
    """Offsets of points that are this much older than the request (negative: ahead of it)."""
    return clock_offsets_ms([NOW_MS - age_ms for age_ms in ages_ms], NOW_MS)


def test_a_request_of_no_points() -> None:
    assert offsets_of() == []


def test_the_devices_time_is_good_within_7_days_before_and_30_s_after() -> None:
    assert offsets_of(7 * DAY, DAY, 0, -30 * S) == [0, 0, 0, 0]


def test_just_before_7_days_is_too_old() -> None:
    assert offsets_of(7 * DAY + 1, 7 * DAY) == [None, 0]


def test_just_after_30_s_is_shifted_to_now() -> None:
    assert offsets_of(-30 * S - 1) == [-30 * S - 1]


def test_all_within_24_h_before_the_newest_are_shifted_alike() -> None:
    # The device is 2 h ahead: those of its points that look good were taken with the same clock.
    assert offsets_of(-2 * H, -H, 0, H, 22 * H) == [-2 * H] * 5


def test_just_beyond_24_h_before_the_newest_is_judged_by_itself() -> None:
    assert offsets_of(-2 * H, 22 * H, 22 * H + 1) == [-2 * H, -2 * H, 0]


def test_each_wrong_clock_is_shifted_by_its_own_newest() -> None:
    ahead, further = 30 * DAY, 7_000 * DAY

    assert offsets_of(-further, -ahead, H, -further + H, -ahead + H, 8 * DAY) == [
        -further, -ahead, 0, -further, -ahead, None,
    ]  # fmt: skip


def test_a_chain_of_points_less_than_24_h_apart_is_cut_every_24_h() -> None:
    """Within 24 h of the newest, not of the next: else old points would be drawn along."""
    assert offsets_of(*(-h * H for h in (72, 60, 48, 36, 24, 12))) == [
        -72 * H, -72 * H, -72 * H, -36 * H, -36 * H, -36 * H,
    ]  # fmt: skip


def test_a_gps_week_rollover_and_1970_are_too_old() -> None:
    assert offsets_of(1_024 * 7 * DAY, NOW_MS, 0) == [None, None, 0]


def test_the_order_in_the_request_does_not_matter() -> None:
    assert offsets_of(H, -2 * H, 0) == [-2 * H, -2 * H, -2 * H]


AGES_MS = st.one_of(
    st.integers(-40 * S, 40 * S),
    st.integers(-3 * DAY, 9 * DAY),
    st.sampled_from([7 * DAY, 7 * DAY + 1, -30 * S, -30 * S - 1, -DAY, -DAY - 1, -DAY - 30 * S]),
    st.integers(-10_000 * DAY, 20_000 * DAY),
)


@given(st.lists(AGES_MS, max_size=30))
def test_everything_after_ingest_lies_between_7_days_and_30_s(ages_ms: list[int]) -> None:
    for age_ms, offset_ms in zip(ages_ms, offsets_of(*ages_ms), strict=True):
        if offset_ms is None:
            assert age_ms > 7 * DAY
        elif offset_ms == 0:
            assert -30 * S <= age_ms <= 7 * DAY
        else:
            assert offset_ms < -30 * S
            assert 0 <= age_ms - offset_ms <= DAY


@given(st.lists(AGES_MS, max_size=30))
def test_it_is_what_the_rule_says_step_by_step(ages_ms: list[int]) -> None:
    """The rule as it is written: judge the newest, shift what belongs to it, begin again."""
    times_ms = [NOW_MS - age_ms for age_ms in ages_ms]
    expected: dict[int, int | None] = {}
    rest = set(range(len(times_ms)))
    while rest and (newest_ms := max(times_ms[i] for i in rest)) > NOW_MS + 30 * S:
        group = {i for i in rest if times_ms[i] >= newest_ms - DAY}
        expected |= dict.fromkeys(group, NOW_MS - newest_ms)
        rest -= group
    expected |= {i: 0 if times_ms[i] >= NOW_MS - 7 * DAY else None for i in rest}

    assert clock_offsets_ms(times_ms, NOW_MS) == [expected[i] for i in range(len(times_ms))]


@given(st.lists(st.integers(0, DAY), min_size=1), st.integers(30 * S + 1, 9_000 * DAY))
def test_order_and_spacing_stay(before_newest_ms: list[int], ahead_ms: int) -> None:
    newest_ms = NOW_MS + ahead_ms
    times_ms = [newest_ms, *(newest_ms - each for each in before_newest_ms)]

    events_ms = [
        at_ms + (offset_ms or 0)
        for at_ms, offset_ms in zip(times_ms, clock_offsets_ms(times_ms, NOW_MS), strict=True)
    ]

    assert events_ms[0] == NOW_MS
    assert [events_ms[0] - each for each in events_ms] == [times_ms[0] - each for each in times_ms]


def sent(index: int, at_ms: int, heading_deg: float | None = None) -> SentPoint:
    point = TelemetryPoint(
        truck_id="T-1",
        recorded_at=format_instant(at_ms),
        lat=35.0,
        lon=129.0,
        heading_deg=heading_deg,
    )
    return SentPoint(index, at_ms, point, "recorded_at")


def test_what_was_done_is_kept_and_told() -> None:
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
