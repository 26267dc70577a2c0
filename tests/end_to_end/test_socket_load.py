"""The socket load test against the local cloud, small."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

LOAD = ["--sockets", "30", "--connect-rate", "10", "--duration", "12", "--trucks", "3"]


def load_test(local_cloud: Any, *options: str) -> tuple[int, dict[str, Any]]:
    command = [sys.executable, "-m", "sim", "load-test", "--json", *LOAD, *options]
    done = subprocess.run(
        [*command, "--env", str(local_cloud.env_file)], stdout=subprocess.PIPE, text=True
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_sockets_are_held_and_hear_of_their_deliveries(local_cloud: Any) -> None:
    code, report = load_test(local_cloud)

    assert (code, report["ok"]) == (0, True), report
    assert report["connected"] == report["pictured"] == report["open_at_end"] == 30
    assert report["messages"]["snapshot"] == 30
    assert report["messages"]["position"] > 0
    assert report["age_p50_s"] is not None
    assert report["errors"] == {}


def test_a_limit_that_is_passed_is_told_by_the_exit_code(local_cloud: Any) -> None:
    code, report = load_test(local_cloud, "--max-gap-s", "0.01", "--duration", "2")

    assert (code, report["ok"]) == (1, False)
    assert any("the longest gap" in problem for problem in report["problems"])
