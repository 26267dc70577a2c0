"""The setting that says which zone first-generation trucks' clocks show: alike for every door."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rtdts.runtime.settings import SettingsError


def first_generation_zone(name: str) -> ZoneInfo:
    """The zone that ``FIRST_GENERATION_TIMEZONE`` names.

    Raises:
        SettingsError: There is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError([f"FIRST_GENERATION_TIMEZONE={name!r}: no such zone"]) from error
