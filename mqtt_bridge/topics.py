"""The topics, as text and as trucks. The broker sees to it that a truck uses only its own."""

from __future__ import annotations

import re
from typing import Final

from rtdts.tracking.identifiers import ID_FORM

SHARE: Final = "bridges"
"""The group in which all bridges share what arrives."""
TELEMETRY_FILTER: Final = "trucks/+/telemetry"
SUBSCRIPTION: Final = f"$share/{SHARE}/{TELEMETRY_FILTER}"

_TELEMETRY = re.compile(rf"trucks/({ID_FORM})/telemetry")


def truck_of(topic: str) -> str | None:
    """The truck whose telemetry a topic carries; None when it is no such topic."""
    found = _TELEMETRY.fullmatch(topic)
    return found[1] if found else None


def telemetry_topic(truck_id: str) -> str:
    """Where a truck publishes."""
    return f"trucks/{truck_id}/telemetry"


def result_topic(truck_id: str) -> str:
    """Where a truck hears what became of it."""
    return f"trucks/{truck_id}/telemetry/result"
