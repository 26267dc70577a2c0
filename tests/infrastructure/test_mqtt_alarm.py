"""The alarm for a lost broker fires even for a single bridge, however the broker fails."""

from __future__ import annotations

import re

from mqtt_bridge.bootstrap import MAX_WAIT_S
from mqtt_bridge.broker_client import TIMEOUT_S
from tests.support.source_tree import ROOT

ALARMS = ROOT / "deploy" / "terraform" / "modules" / "system" / "alarms.tf"


def test_failed_attempts_at_an_unresponsive_broker_are_frequent_enough_for_the_alarm() -> None:
    alarm = re.search(r"mqtt-disconnected = \{.*?above\s*= (\d+)", ALARMS.read_text(), re.DOTALL)
    assert alarm is not None
    attempts_per_minute = 60 / (TIMEOUT_S + MAX_WAIT_S)

    assert attempts_per_minute > int(alarm[1]) + 1
