"""Real-time drives over each door for MQTT; the ordinary run mixes HTTP and the broker."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sim.local_cloud.launch import LaunchedCloud
from tests.support.waiting import PATIENCE_S

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.mark.parametrize("via", ["mqtt", "iot", "all"])
def test_every_point_arrives_over_the_door(local_cloud: LaunchedCloud, via: str) -> None:
    command = ["-m", "sim", "drive", "--trucks", "5", "--duration", "45", "--json"]
    command += ["--via", via, "--patience-s", f"{PATIENCE_S:g}"]
    drive = subprocess.run(
        [sys.executable, *command, "--env", str(local_cloud.env_file)],
        stdout=subprocess.PIPE,
        text=True,
    )
    verdict = json.loads(drive.stdout.splitlines()[-1])

    assert verdict["accepted"] > 0
    assert verdict["in_history"] == verdict["in_raw"] == verdict["accepted"]
    assert (drive.returncode, verdict["ok"]) == (0, True), verdict
