"""The five-truck real-time drive on real parts, over HTTP and MQTT; tests/chaos/ kills them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sim.local_cloud.launch import LaunchedCloud
from tests.support.waiting import DEADLINE_S

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

VERDICT_KEYS = [
    "accepted",
    "in_history",
    "in_raw",
    "latest_ok",
    "messages",
    "statuses",
    "rejections",
    "foreign",
    "age_p50_s",
    "age_p99_s",
    "ok",
]


def test_every_point_arrives_and_every_customer_sees_its_own(local_cloud: LaunchedCloud) -> None:
    command = ["-m", "sim", "drive", "--trucks", "5", "--duration", "45", "--json"]
    command += ["--via", "mixed", "--wait-s", f"{DEADLINE_S:g}"]
    drive = subprocess.run(
        [sys.executable, *command, "--env", str(local_cloud.env_file)],
        stdout=subprocess.PIPE,
        text=True,
    )
    verdict = json.loads(drive.stdout.splitlines()[-1])

    assert list(verdict) == VERDICT_KEYS
    assert verdict["accepted"] > 0
    assert verdict["in_history"] == verdict["in_raw"] == verdict["accepted"]
    assert verdict["rejections"] > 0
    assert verdict["foreign"] == 0
    assert (drive.returncode, verdict["ok"]) == (0, True), verdict
