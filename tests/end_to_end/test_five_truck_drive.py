"""The five-truck real-time drive on real parts, undisturbed and with parts killed under it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.support.waiting import children_of, eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

VERDICT_KEYS = [
    "accepted",
    "in_history",
    "in_raw",
    "latest_ok",
    "messages",
    "statuses",
    "refusals",
    "foreign",
    "age_p50_s",
    "age_p99_s",
    "ok",
]


class Drive:
    """`sim drive` as a process."""

    def __init__(self, local_cloud: Any, *, duration_s: int) -> None:
        command = ["-m", "sim", "drive", "--trucks", "5", "--duration", str(duration_s), "--json"]
        self._process = subprocess.Popen(
            [sys.executable, *command, "--env", str(local_cloud.env_file)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    @property
    def is_under_way(self) -> bool:
        return self._process.poll() is None

    def verdict(self) -> tuple[int, dict[str, Any]]:
        out, _ = self._process.communicate(timeout=600)
        return self._process.returncode, json.loads(out.splitlines()[-1])


@pytest.fixture
def drive(local_cloud: Any) -> Iterator[Callable[[int], Drive]]:
    started: list[Drive] = []

    def start(duration_s: int) -> Drive:
        started.append(Drive(local_cloud, duration_s=duration_s))
        return started[-1]

    yield start
    for one in started:
        one.end()


def assert_nothing_is_lost(code: int, verdict: dict[str, Any]) -> None:
    assert list(verdict) == VERDICT_KEYS
    assert verdict["accepted"] > 0
    assert verdict["in_history"] == verdict["accepted"]
    assert verdict["in_raw"] == verdict["accepted"]
    assert verdict["refusals"] > 0
    assert verdict["foreign"] == 0
    assert (code, verdict["ok"]) == (0, True), verdict


def test_every_point_arrives_and_every_customer_sees_its_own(drive: Callable[[int], Drive]) -> None:
    assert_nothing_is_lost(*drive(45).verdict())


def test_killing_parts_under_a_drive_loses_nothing(
    local_cloud: Any, drive: Callable[[int], Drive]
) -> None:
    driving = drive(75)
    for part in ("consumer", "child", "broadcaster", "firehose"):
        wait_for_more_points(local_cloud)
        killed = kill(local_cloud.run_dir, part)
        wait_for_successor(local_cloud.run_dir, part, killed)
    wait_for_more_points(local_cloud)
    assert driving.is_under_way, "all kills fell into the drive"

    assert_nothing_is_lost(*driving.verdict())


def wait_for_more_points(local_cloud: Any) -> None:
    """Both ways into OpenSearch work: what it holds grows."""
    for index in ("truck-raw-*", "truck-positions-*"):
        before = count(local_cloud, index)
        eventually(lambda index=index, before=before: count(local_cloud, index) > before)


def wait_for_successor(run_dir: Path, part: str, killed: int) -> None:
    eventually(lambda: process_of(run_dir, part) not in (None, killed))


def count(local_cloud: Any, index: str) -> int:
    url = f"{local_cloud.environment.opensearch_url}/{index}"
    urllib3.request("POST", f"{url}/_refresh")
    return int(urllib3.request("GET", f"{url}/_count").json()["count"])


def kill(run_dir: Path, part: str) -> int:
    """Kills a part, or one of the daemon's record processors, as a crash would."""
    pid = int(eventually(lambda: process_of(run_dir, part)))
    os.kill(pid, signal.SIGKILL)
    return pid


def process_of(run_dir: Path, part: str) -> int | None:
    """The id of a part's process; None while it has none."""
    try:
        pid = int((run_dir / f"{'consumer' if part == 'child' else part}.pid").read_text())
        return min(children_of(pid), default=None) if part == "child" else pid
    except (FileNotFoundError, ProcessLookupError):
        return None
