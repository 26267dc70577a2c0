"""`sim up` with all real parts: a part that dies is restarted or, if it can't be, everything ends.

How soon a part is back is measured, not tested: no test may depend on a machine's speed.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from sim.local_cloud.launch import LaunchedCloud, launched_cloud
from sim.local_cloud.processes import find_leftovers, group_is_alive
from tests.support.waiting import DEADLINE_S, children_of, eventually

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc (no command installs it)"),
]


def pid_of(cloud: LaunchedCloud, part: str) -> int:
    """Waits for it: between a death and the next start there is none."""

    def pid() -> int:
        file = cloud.run_dir / f"{part}.pid"
        return int(file.read_text() or 0) if file.exists() else 0

    return eventually(pid)


def returns_of(cloud: LaunchedCloud, part: str) -> int:
    return (cloud.run_dir.parent / "up.log").read_text().count(f"{part} is back")


@pytest.mark.parametrize(
    "part", ["consumer", "broadcaster", "firehose", "identity-provider", "socket-gateway"]
)
def test_a_killed_part_works_again(local_cloud: LaunchedCloud, part: str) -> None:
    before = returns_of(local_cloud, part)
    os.kill(pid_of(local_cloud, part), signal.SIGKILL)

    eventually(lambda: returns_of(local_cloud, part) > before)


def test_the_daemon_restarts_with_all_record_processors_after_one_is_killed(
    local_cloud: LaunchedCloud,
) -> None:
    def both_processors() -> list[int]:
        found = children_of(pid_of(local_cloud, "consumer"))
        return found if len(found) == 2 else []

    processors = eventually(both_processors)  # one per shard, however long ago it was started
    before = returns_of(local_cloud, "consumer")
    daemon = pid_of(local_cloud, "consumer")
    os.kill(processors[0], signal.SIGKILL)
    eventually(lambda: returns_of(local_cloud, "consumer") > before)

    assert pid_of(local_cloud, "consumer") != daemon
    assert eventually(both_processors)
    assert not group_is_alive(daemon)


def test_when_the_local_aws_dies_all_ends_with_an_error_and_no_process_is_left(
    tmp_path: Path,
) -> None:
    run_dir = tmp_path / "run"
    log = tmp_path / "up.log"
    with (
        log.open("w") as messages,
        launched_cloud(
            run_dir=run_dir,
            env_file=tmp_path / "env",
            options=["--ports", "auto"],
            on_line=lambda line: print(line, file=messages, flush=True),
        ) as cloud,
    ):
        parts = len(find_leftovers(run_dir))
        os.kill(pid_of(cloud, "ministack"), signal.SIGKILL)
        code = cloud.process.wait(DEADLINE_S)

    assert parts >= 8, "six parts, and one record processor per shard"
    assert code == 1
    assert "because ministack died" in log.read_text()
    assert find_leftovers(run_dir) == []
    assert not list(run_dir.glob("*.pid"))
