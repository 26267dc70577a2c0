"""The benchmarks run, small: whoever changes what they measure hears of it at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT

WITHOUT_ENGINES = ["enrich_points", "ingest_points", "fanout_posts", "round_viewers"]


@pytest.mark.parametrize("names", [WITHOUT_ENGINES, ["consumer_points"]], ids=" ".join)
def test_every_figure_is_there(names: list[str], tmp_path: Path) -> None:
    out = tmp_path / "latest.json"

    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--only", *names, "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(out.read_text())
    assert all(list(one) == ["name", "value", "unit", "beside", "ratio"] for one in figures)
    assert all(one["value"] > 0 for one in figures)
    assert set(names) <= {one["name"] for one in figures if one["beside"] and one["ratio"]}
