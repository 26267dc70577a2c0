"""The setting for the time zone of first-generation trucks' clocks."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rtdts.runtime.settings import SettingsError


def first_generation_zone(name: str) -> ZoneInfo:
    """Returns the zone that ``FIRST_GENERATION_TIMEZONE`` names.

    Raises:
        SettingsError: There is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError([f"FIRST_GENERATION_TIMEZONE={name!r}: no such zone"]) from error
