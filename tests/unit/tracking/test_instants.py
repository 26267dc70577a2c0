from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtdts.tracking.instants import NoZoneError, format_instant, instant_of, parse_instant

AT_MS = 1_795_503_168_120


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T06:52:48.120Z",
        "2026-11-24t06:52:48.12z",
        "2026-11-24 06:52:48.120Z",
        "2026-11-24T15:52:48.120+09:00",
        "2026-11-24T01:22:48.120-05:30",
        "2026-11-24T06:52:48.120-00:00",
        "2026-11-24T06:52:48.1209999999Z",
    ],
)
def test_every_notation_of_an_instant_is_parsed_to_the_same_time(text: str) -> None:
    assert parse_instant(text) == AT_MS


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-1439, 1439))
def test_writing_and_reading_gives_the_same_milliseconds(at: datetime, offset_min: int) -> None:
    at_ms = instant_of(at)
    try:
        elsewhere = at.astimezone(timezone(timedelta(minutes=offset_min)))
    except OverflowError:
        elsewhere = at

    assert parse_instant(format_instant(at_ms)) == at_ms
    assert parse_instant(elsewhere.isoformat()) == at_ms


def test_times_are_truncated_to_milliseconds_not_rounded_also_before_1970() -> None:
    assert parse_instant("2026-11-24T06:52:48.1209Z") == AT_MS
    assert parse_instant("1969-12-31T23:59:59.9999Z") == -1
    assert format_instant(-1) == "1969-12-31T23:59:59.999Z"


@given(st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
                     r"\.[0-9]{3}Z", fullmatch=True))  # fmt: skip
def test_the_form_that_format_instant_writes_is_parsed_like_any_other(text: str) -> None:
    with_a_digit_more = text.replace("Z", "0Z")

    assert reading(text) == reading(with_a_digit_more)


def reading(text: str) -> int | str:
    try:
        return parse_instant(text)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("text", ["2026-11-24T06:52:48.120", "2026-11-24T06:52:48"])
def test_a_time_without_a_zone_is_rejected(text: str) -> None:
    with pytest.raises(NoZoneError):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24",
        "2026-11-24Z",
        "20261124T065248Z",
        "2026-W48-2T06:52:48Z",
        "2026-11-24T06:52Z",
        "2026-11-24T06:52:48.Z",
        "2026-11-24T06:52:48,1Z",
        "2026-11-24T06:52:48+0900",
        "2026-11-24T06:52:48+24:00",
        "2026-11-24T06:52:48+09:60",
        "2026-11-24T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-24T06:52:61Z",
        " 2026-11-24T06:52:48Z",
        "2026-11-24T06:52:48Z\n",
        "٢٠٢٦-11-24T06:52:48Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "1795503168",
    ],
)
def test_a_time_that_is_not_rfc_3339_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


def test_a_leap_second_is_the_first_instant_of_the_next_month() -> None:
    assert parse_instant("2016-12-31T23:59:60.500Z") == parse_instant("2017-01-01T00:00:00Z")
    assert parse_instant("2017-01-01T08:59:60+09:00") == parse_instant("2017-01-01T00:00:00Z")


@pytest.mark.parametrize("text", ["2016-12-31T22:59:60Z", "2016-12-30T23:59:60Z"])
def test_second_60_elsewhere_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="leap second"):
        parse_instant(text)


def test_a_repeated_wall_clock_hour_means_the_earlier_one() -> None:
    repeated = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))

    assert format_instant(instant_of(repeated)) == "2026-10-25T00:30:00.000Z"
