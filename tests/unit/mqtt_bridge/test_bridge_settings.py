from __future__ import annotations

import pytest

from mqtt_bridge.bootstrap import bridge_of
from mqtt_bridge.settings import Settings
from rtdts.runtime.settings import SettingsError, read_settings

REQUIRED = {
    "AWS_REGION": "ap-northeast-2",
    "STREAM_NAME": "points",
    "PARKED_BUCKET": "parked",
    "BLOCKED_IDENTITIES_TABLE": "blocked-identities",
    "MQTT_HOST": "broker.example.com",
    "MQTT_USERNAME": "bridge",
    "MQTT_PASSWORD": "secret",
}


def test_the_required_settings_are_enough() -> None:
    settings = read_settings(Settings, REQUIRED)

    assert (settings.broker_port, settings.broker_tls) == (8883, True)


def test_all_missing_settings_are_named_together() -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings(Settings, {})

    assert len(raised.value.problems) == len(REQUIRED)


async def test_an_unknown_time_zone_is_rejected() -> None:
    settings = read_settings(Settings, REQUIRED | {"FIRST_GENERATION_TIMEZONE": "Asia/Nowhere"})

    with pytest.raises(SettingsError, match="no such zone"):
        async with bridge_of(settings):
            pass
