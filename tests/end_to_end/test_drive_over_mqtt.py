"""Real-time drives over each transport of MQTT; the ordinary run mixes HTTP and the broker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from sim.local_cloud.iot_ingest import create_iot_ingest
from sim.local_cloud.launch import LaunchedCloud
from tests.support.drive_command import DriveCommand, running_drives
from tests.support.waiting import DEADLINE_S

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

TRANSPORTS = ("mqtt", "iot", "all")


@pytest.fixture(scope="module")
def drives(local_cloud: LaunchedCloud) -> Iterator[Mapping[str, DriveCommand]]:
    """One drive over each transport, all at once."""
    create_iot_ingest(local_cloud.environment)  # or two drives would try to
    options = {
        via: ["--trucks", "5", "--duration", "45", "--via", via, "--wait-s", f"{DEADLINE_S:g}"]
        for via in TRANSPORTS
    }
    with running_drives(local_cloud.env_file, options) as drives:
        yield drives


@pytest.mark.parametrize("via", TRANSPORTS)
def test_every_point_arrives_over_the_transport(
    drives: Mapping[str, DriveCommand], via: str
) -> None:
    code, verdict = drives[via].result()

    assert verdict["accepted"] > 0
    assert verdict["in_history"] == verdict["in_raw"] == verdict["accepted"]
    assert (code, verdict["ok"]) == (0, True), verdict
