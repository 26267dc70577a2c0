"""Instants: whole milliseconds since the Unix epoch inside, RFC 3339 text on the wire."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MS_PER_SECOND = 1_000
MS_PER_DAY = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS = timedelta(milliseconds=1)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _ONE_MS
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _ONE_MS

# RFC 3339 §5.6, and nothing else of ISO 8601 (which `datetime.fromisoformat` would also accept).
_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9]:)([0-9]{2})(?:\.([0-9]+))?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_LEAP_SECOND = "60"

# The form that `format_instant` writes: nearly all texts have it.
_OUR_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])\.([0-9]{3})Z"
)
_OUR_LENGTH = len("2026-11-24T06:52:48.120Z")


class NoZoneError(ValueError):
    """The text is a date and time without a zone: it names no instant."""


def format_instant(at_ms: int) -> str:
    """Formats an instant as RFC 3339 in UTC with milliseconds: ``2026-11-24T06:52:48.120Z``."""
    return _format(at_ms)


def parse_instant(text: str) -> int:
    """Parses an RFC 3339 date and time of any offset, cut (not rounded) to milliseconds.

    A leap second (``23:59:60`` UTC at the end of a month) is the first instant after it, as in
    POSIX time.

    Raises:
        NoZoneError: The text has no zone.
        ValueError: It isn't an RFC 3339 date and time, or is outside the years 1 to 9999 in UTC.
    """
    return _parse_short(text) if len(text) <= _OUR_LENGTH else _parse(text)


# A point's `recorded_at` is mostly its `event_at`, and a batch's points share their `received_at`:
# each is parsed once. The texts are short, so clients can't fill the memory with them.
@lru_cache(maxsize=4_096)
def _parse_short(text: str) -> int:
    match = _OUR_FORM.fullmatch(text)
    if match is None:
        return _parse(text)
    date, hours, minutes, seconds, ms = match.groups()
    minutes_of_day = int(hours) * 60 + int(minutes)
    return _midnight(date) + (minutes_of_day * 60 + int(seconds)) * MS_PER_SECOND + int(ms)


@lru_cache(maxsize=4_096)
def _midnight(date: str) -> int:
    return _parse(f"{date}T00:00:00Z")


def _parse(text: str) -> int:
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 date and time")
    date, minutes, seconds, fraction, zone = match.groups()
    if zone is None:
        raise NoZoneError("no zone")
    is_leap = seconds == _LEAP_SECOND
    parsed = datetime.fromisoformat(f"{date}T{minutes}{'59' if is_leap else seconds}{zone.upper()}")
    at_ms = instant_of(parsed)
    if is_leap:
        at_ms += MS_PER_SECOND
        if not _starts_a_month(at_ms):
            raise ValueError("second 60 outside a leap second")
    elif fraction is not None:
        at_ms += int(fraction[:3].ljust(3, "0"))
    if not _FIRST_MS <= at_ms <= _LAST_MS:
        raise ValueError("outside the years 1 to 9999 in UTC")
    return at_ms


def instant_of(at: datetime) -> int:
    """Returns the instant of an aware date and time; the earlier one if its clock was set back."""
    return (at - _EPOCH) // _ONE_MS


@lru_cache(maxsize=4_096)
def _format(at_ms: int) -> str:
    day, ms = divmod(at_ms, MS_PER_DAY)
    seconds, ms = divmod(ms, MS_PER_SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_date(day)}T{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}Z"


@lru_cache(maxsize=4_096)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def _starts_a_month(at_ms: int) -> bool:
    whole_days, rest_ms = divmod(at_ms, MS_PER_DAY)
    return rest_ms == 0 and (_EPOCH + timedelta(days=whole_days)).day == 1
