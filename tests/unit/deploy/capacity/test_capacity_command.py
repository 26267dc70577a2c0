"""``python -m deploy.capacity``."""

from __future__ import annotations

import dataclasses
import json

import pytest

from deploy.capacity.__main__ import main
from deploy.capacity.scenario import OPTIONS, Scenario, ScenarioError

ARGUMENTS = ["--trucks", "100000", "--every", "10", "--viewers", "50000"]


def test_the_output_has_sizes_costs_limits_and_every_assumption(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(ARGUMENTS) == 0

    output = capsys.readouterr().out
    assert output.startswith("100,000 trucks, a point every 10 s, 1 per request; 50,000 viewers;")
    assert "10,000 points/s in 10,000 requests/s" in output
    for part in ("Kinesis", "Firehose", "OpenSearch", "DynamoDB", "CloudWatch", "total"):
        assert f"\n{part} " in output
    assert "What breaks first" in output
    for name in OPTIONS:
        assert f"\n  --{name.replace('_', '-')} " in output
    assert "From memory, to be looked up" in output
    assert "noted on 2026-" in output


def test_the_json_output_has_the_same_content(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ARGUMENTS, "--json"]) == 0

    output = json.loads(capsys.readouterr().out)
    assert output["scenario"]["trucks"] == 100_000
    assert output["usd_per_month"] == pytest.approx(sum(cost["usd"] for cost in output["costs"]))
    assert output["limits"][0]["share"] == max(limit["share"] for limit in output["limits"])
    assert output["prices_from_memory"]


@pytest.mark.parametrize(
    ("requested", "problem"),
    [
        (["--trucks", "0"], "--trucks is 0: between 1 and 1e+08"),
        (["--every", "0"], "--every is 0: between 0.1 and 86400"),
        (["--batch", "501"], "--batch is 501: between 1 and 500"),
        (["--viewers", "-1"], "--viewers is -1"),
        (["--hours", "25"], "--hours is 25: between 0.1 and 24"),
        (["--every", "nan"], "--every is nan"),
        (["--trucks", "many"], "argument --trucks: invalid int value: 'many'"),
    ],
)
def test_an_impossible_scenario_is_rejected_with_its_reason(
    requested: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as rejected:
        main(requested)

    assert rejected.value.code == 2
    assert problem in capsys.readouterr().err


def test_all_errors_in_a_scenario_are_reported_at_once() -> None:
    with pytest.raises(ScenarioError, match=r"--trucks.*; --hours.*; --zones"):
        Scenario(trucks=-1, hours=99, zones=7)


def test_every_option_has_a_help_text_and_an_allowed_default() -> None:
    for field in dataclasses.fields(Scenario):
        option = OPTIONS[field.name]

        assert option.help
        if not isinstance(field.default, str):
            assert isinstance(field.default, int | float)
            assert option.minimum <= field.default <= option.maximum
