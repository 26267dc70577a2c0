from __future__ import annotations

import pytest

from mqtt_bridge.bootstrap import settings_from
from rtdts.runtime.settings import SettingsError

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
    settings = settings_from(REQUIRED)

    assert (settings.broker_port, settings.broker_tls) == (8883, True)


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        settings_from({})

    assert len(raised.value.problems) == len(REQUIRED)


def test_a_zone_that_there_is_not_is_named() -> None:
    with pytest.raises(SettingsError, match="no such zone"):
        settings_from(REQUIRED | {"FIRST_GENERATION_TIMEZONE": "Asia/Nowhere"})
