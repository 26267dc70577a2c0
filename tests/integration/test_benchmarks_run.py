"""Every benchmark runs in a small size: a change that breaks one is detected at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from bench.truth.__main__ import main as measure_truth
from deploy.capacity.facts import measured_figures
from tests.support.source_tree import ROOT

WITHOUT_ENGINES = [
    "enrich_points",
    "ingest_points",
    "fanout_posts",
    "round_viewers",
    "sockets_held",
]
PUSHED_BACK = ["round_under_429"]
"""A case of its own: it waits for hanging connections without using the processor."""
WITH_ENGINES = [
    ["mqtt_points"],
    ["document_bytes"],
    ["fleet_view"],
    ["consumer_points"],
    ["wide_fleet_points"],
    ["late_points"],
]


@pytest.mark.parametrize("names", [WITHOUT_ENGINES, PUSHED_BACK, *WITH_ENGINES], ids=" ".join)
def test_a_quick_run_of_the_benchmarks_yields_every_figure(
    names: list[str], tmp_path: Path
) -> None:
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
    # The CPU time of another process is counted in ticks of 10 ms: a quick run may use less.
    assert all(one["value"] >= 0 for one in figures)
    assert set(names) <= {
        one["name"] for one in figures if one["beside"] and one["ratio"] is not None
    }
    assert _calculated_with(one["name"] for one in figures) <= {one["name"] for one in figures}


def test_a_quick_run_of_the_accuracy_benchmark_yields_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "truth.json"

    code = measure_truth(["--quick", "--out", str(out)])

    figures = json.loads(out.read_text())
    names = {one["name"] for one in figures}
    assert code == 0
    assert all(list(one) == ["name", "value", "unit", "beside", "ratio"] for one in figures)
    assert {"arrived_precision", "arrived_recall", "arrival_time_p95", "jumps_shown"} <= names
    assert {
        "arrived_recall.low",
        "arrived_recall.geofence",
        "eta_coverage.naive",
        "eta_coverage.modelled",
    } <= names
    assert "met" in capsys.readouterr().out


def _calculated_with(names: Iterable[str]) -> set[str]:
    """Returns the figures that `deploy.capacity` uses of the benchmarks with these figures."""
    bases = {name.split(".")[0] for name in names}
    return {name for name in measured_figures() if name.split(".")[0] in bases}
