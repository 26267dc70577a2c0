from __future__ import annotations

import pytest

from broadcaster.settings import Settings
from rtdts.runtime.settings import SettingsError, read_settings

REQUIRED = {
    "AWS_REGION": "eu-west-1",
    "DELIVERIES_TABLE": "deliveries",
    "DELIVERY_EVENTS_TABLE": "delivery-events",
    "TRUCK_MATCHES_TABLE": "truck-matches",
    "SUBSCRIPTIONS_TABLE": "subscriptions",
    "DELIVERY_SHARES_TABLE": "shares",
    "BLOCKED_IDENTITIES_TABLE": "blocked",
    "NUDGE_QUEUE_URL": "http://localhost/nudges.fifo",
    "NUDGE_DEAD_LETTER_QUEUE_URL": "http://localhost/nudges-dead.fifo",
    "SNAPSHOT_QUEUE_URL": "http://localhost/snapshots.fifo",
    "SNAPSHOT_DEAD_LETTER_QUEUE_URL": "http://localhost/snapshots-dead.fifo",
    "OPENSEARCH_URL": "http://localhost:9200",
    "SOCKET_MANAGEMENT_URL": "http://localhost/live",
}


def test_the_defaults_are_those_promised_to_viewers() -> None:
    settings = read_settings(Settings, REQUIRED)

    assert settings.round_interval_s == 60
    assert settings.viewing_minutes == 30


def test_every_missing_setting_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(Settings, {})

    assert len(caught.value.problems) == len(REQUIRED)


def test_a_round_interval_of_more_than_a_minute_is_rejected() -> None:
    with pytest.raises(SettingsError, match="ROUND_INTERVAL_S"):
        read_settings(Settings, REQUIRED | {"ROUND_INTERVAL_S": "61"})
