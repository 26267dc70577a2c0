"""The figures in a benchmark's file."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from bench.__main__ import EXIT_BEYOND, EXIT_NOT_MEASURED, EXIT_OK, verdict
from bench.figures import Figure, beside, table_of, write_json


def test_the_results_file_lists_each_figure_with_exactly_the_documented_fields(
    tmp_path: Path,
) -> None:
    path = tmp_path / "results" / "latest.json"

    rate = beside("a_rate", 12_345.678, "points/s", "the other way", 1_000.0)
    write_json([rate, Figure(name="b", value=1.5, unit="s")], path)

    assert json.loads(path.read_text()) == [
        {
            "name": "a_rate",
            "value": 12_346,
            "unit": "points/s",
            "beside": "the other way",
            "ratio": 12.3,
        },
        {"name": "b", "value": 1.5, "unit": "s", "beside": None, "ratio": None},
    ]


def test_a_figure_beside_a_zero_baseline_has_no_ratio() -> None:
    assert beside("a", 1.0, "s", "nothing", 0.0).ratio is None


def test_the_table_names_every_figure_and_its_baseline() -> None:
    console = Console(width=120, record=True)

    console.print(table_of([beside("a_rate", 5_000.0, "points/s", "the other way", 250.0)]))

    text = console.export_text()
    assert "a_rate" in text
    assert "5,000" in text
    assert "20 " in text
    assert "the other way" in text


def test_a_figure_beyond_its_limit_is_reported_and_sets_the_exit_code() -> None:
    within = Figure(name="a", value=75.0, unit="s", at_most=75.0)
    beyond = Figure(name="b", value=1.2, unit="times", at_most=1.1)

    assert verdict([within], [], quick=False) == ([], EXIT_OK)
    lines, code = verdict([within, beyond], [], quick=False)
    assert lines == ["BEYOND ITS LIMIT: b: 1.2 times, at most 1.1"]
    assert code == EXIT_BEYOND
    assert verdict([beyond], ["c: no engine"], quick=False)[1] == EXIT_NOT_MEASURED


def test_a_quick_run_checks_no_limit() -> None:
    assert verdict([Figure(name="a", value=2.0, unit="s", at_most=1.0)], [], quick=True)[0] == []


def test_the_table_shows_limits() -> None:
    console = Console(width=120, record=True)

    console.print(table_of([Figure(name="a", value=2.0, unit="s", at_most=75.5)]))

    assert "75.5" in console.export_text()
