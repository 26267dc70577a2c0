"""`sim` against a system of which it has only the variables of a deployed one's `.env`.

Terraform's tests of the environment `dev` check that it writes these (`dev.tftest.hcl`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.terraform_tools import ROOT
from sim.environment import Environment, write_environment
from tests.support.drive_command import DriveCommand, running_drives

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

SOCKETS = 4
WAIT = ["--wait-s", "300"]
"""Enough for a slow machine."""


@pytest.fixture(scope="module")
def env_file(local_cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    reported = local_cloud.environment
    path = tmp_path_factory.mktemp("deployed") / ".env"
    write_environment(
        Environment(
            server_url=reported.server_url,
            websocket_url=reported.websocket_url,
            issuer=reported.issuer,
            audience=reported.audience,
            token_url=reported.token_url,
            token_secret=reported.token_secret,
        ),
        path,
    )
    return path


@pytest.fixture(scope="module", autouse=True)
def drive(env_file: Path) -> Iterator[DriveCommand]:
    """A drive that begins with the first test here and runs beside the others."""
    options = ["--trucks", "1", "--duration", "45", *WAIT]
    with running_drives(env_file, {"drive": options}) as drives:
        yield drives["drive"]


def load_test(env_file: Path, *options: str) -> tuple[int, dict[str, Any]]:
    load = ["--sockets", str(SOCKETS), "--connect-rate", "2", "--trucks", "2"]
    command = [sys.executable, "-m", "sim", "load-test", *load, *options, *WAIT, "--json"]
    done = subprocess.run([*command, "--env", str(env_file)], stdout=subprocess.PIPE, text=True)
    assert done.stdout, f"exit code {done.returncode}"
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_the_file_has_the_names_that_terraform_writes(env_file: Path) -> None:
    test = (ROOT / "environments" / "dev" / "tests" / "dev.tftest.hcl").read_text()
    promised = re.search(r"output\.sim_env\) == join\(\"\", \[(.*?)\]\)", test, re.S)
    assert promised is not None

    names = set(re.findall(r'"(\w+)=', promised[1]))
    assert names == {line.partition("=")[0] for line in env_file.read_text().splitlines()}


def test_sockets_stay_open_and_receive_messages_of_their_deliveries(env_file: Path) -> None:
    # A slow machine may lose a socket, or be silent for long: neither is asserted here.
    code, report = load_test(
        env_file, "--duration", "15", "--max-gap-s", "600", "--max-errors", "1000"
    )

    assert (code, report["ok"]) == (0, True), report
    assert report["sockets"] == report["connected"] == report["snapshots"] == SOCKETS
    assert report["open_at_end"] == SOCKETS
    assert report["messages"]["snapshot"] >= SOCKETS
    assert report["points_accepted"] > 0
    assert report["unseen"] == ["the CPU of the broadcaster", "the CPU of the gateway"]
    assert not [
        kind for kind in report["errors"] if kind.startswith(("foreign", "error", "broken"))
    ]


def test_the_exit_code_reports_a_limit_that_was_exceeded(env_file: Path) -> None:
    code, report = load_test(env_file, "--duration", "1", "--max-gap-s", "0")

    assert (code, report["ok"]) == (1, False)
    assert [problem for problem in report["problems"] if "the longest gap" in problem]
    assert report["snapshots"] == SOCKETS


def test_a_drive_passes_without_access_to_the_stores(drive: DriveCommand) -> None:
    code, verdict = drive.result()

    assert (code, verdict["ok"]) == (0, True), verdict
    assert verdict["accepted"] > 0
    assert verdict["foreign"] == 0
    assert (verdict["in_history"], verdict["in_raw"], verdict["latest_ok"]) == (None, None, None)
