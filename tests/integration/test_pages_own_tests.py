"""The pages' own tests (vitest) as tests of this run: breaks of the pages are tried by them."""

from __future__ import annotations

import subprocess

import pytest

from sim.setup.places import find_places
from sim.setup.web import node_command
from tests.support.source_tree import ROOT

WEB = ROOT / "web"


def test_the_pages_own_tests_pass() -> None:
    vitest = WEB / "node_modules" / "vitest" / "vitest.mjs"
    if not vitest.exists():
        pytest.skip("the web pages' packages are not installed: make setup")
    ended = subprocess.run(
        [node_command(find_places()), vitest, "run", "--reporter=dot"],
        cwd=WEB,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
