"""The topics, as text and as trucks. The broker sees to it that a truck uses only its own."""

from __future__ import annotations

import re
from typing import Final

from rtdts.tracking.identifiers import ID_FORM

SHARE: Final = "bridges"
"""The group in which all bridges share what arrives."""
TELEMETRY_FILTER: Final = "trucks/+/telemetry"
OWNTRACKS_FILTER: Final = "owntracks/+/+"
"""Where the app OwnTracks publishes positions: its user, which is the truck, and its device."""
SUBSCRIPTIONS: Final = tuple(
    f"$share/{SHARE}/{one}" for one in (TELEMETRY_FILTER, OWNTRACKS_FILTER)
)

_TELEMETRY = re.compile(rf"trucks/({ID_FORM})/telemetry")
_OWNTRACKS = re.compile(rf"owntracks/({ID_FORM})/[^/]+")


def truck_of(topic: str) -> str | None:
    """The truck whose telemetry a topic carries; None when it is no such topic."""
    found = _TELEMETRY.fullmatch(topic)
    return found[1] if found else None


def phone_truck_of(topic: str) -> str | None:
    """The truck whose phone publishes on a topic by OwnTracks; None when it is no such topic."""
    found = _OWNTRACKS.fullmatch(topic)
    return found[1] if found else None


def telemetry_topic(truck_id: str) -> str:
    """Where a truck publishes."""
    return f"trucks/{truck_id}/telemetry"


def owntracks_topic(truck_id: str, device_id: str) -> str:
    """Where a truck's phone publishes by OwnTracks."""
    return f"owntracks/{truck_id}/{device_id}"


def result_topic(truck_id: str) -> str:
    """Where a truck receives what became of its points."""
    return f"trucks/{truck_id}/telemetry/result"
