"""Converts between topics and trucks. The broker ensures that a truck uses only its own topics."""

from __future__ import annotations

import re
from typing import Final

from rtdts.tracking.identifiers import ID_FORM

SHARE: Final = "bridges"
"""The shared-subscription group of all bridges: each message goes to one of them."""
TELEMETRY_FILTER: Final = "trucks/+/telemetry"
OWNTRACKS_FILTER: Final = "owntracks/+/+"
"""Where the app OwnTracks publishes positions: by its user, which is the truck, and its device."""
SUBSCRIPTIONS: Final = tuple(
    f"$share/{SHARE}/{one}" for one in (TELEMETRY_FILTER, OWNTRACKS_FILTER)
)

_TELEMETRY = re.compile(rf"trucks/({ID_FORM})/telemetry")
_OWNTRACKS = re.compile(rf"owntracks/({ID_FORM})/[^/]*")


def truck_of(topic: str) -> str | None:
    """The truck whose telemetry a topic carries; None for any other topic."""
    found = _TELEMETRY.fullmatch(topic)
    return found[1] if found else None


def phone_truck_of(topic: str) -> str | None:
    """The truck whose phone publishes on a topic with OwnTracks; None for any other topic.

    The device may be empty: a broker's right to publish on ``owntracks/USER/+`` includes that.
    """
    found = _OWNTRACKS.fullmatch(topic)
    return found[1] if found else None


def result_topic(truck_id: str) -> str:
    """The topic on which a truck receives the results for its points."""
    return f"trucks/{truck_id}/telemetry/result"
