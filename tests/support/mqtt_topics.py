"""The topics on which trucks and their phones publish."""

from __future__ import annotations


def telemetry_topic(truck_id: str) -> str:
    """Returns the topic on which a truck publishes telemetry."""
    return f"trucks/{truck_id}/telemetry"


def owntracks_topic(truck_id: str, device_id: str) -> str:
    """Returns the topic on which a truck's phone publishes with OwnTracks."""
    return f"owntracks/{truck_id}/{device_id}"
