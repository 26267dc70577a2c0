"""The output of `python -m sim` before anything is started."""

from __future__ import annotations

import re

import pytest

from sim.__main__ import main


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ("up --round-interval-s 0.5", "--round-interval-s: must be at least 1"),
        ("up --round-interval-s 61", "--round-interval-s: must be at most 60"),
        ("up --dwell-s -1", "--dwell-s: must be at least 0"),
        ("up --dwell-s nan", "--dwell-s: must be a number"),
        ("up --set TRACE_TRUCKS", "--set: must be NAME=VALUE"),
        ("up --set TRACE_TRUKCS=T-1", "--set: no part has a setting TRACE_TRUKCS"),
        ("demo --seconds 0", "--seconds: must be more than 0"),
        ("demo --seconds soon", "--seconds: invalid number value: 'soon'"),
        ("demo --trucks 0", "--trucks: must be at least 1"),
        ("drive --duration -5", "--duration: must be more than 0"),
        ("token --truck T-1 --ttl 0", "--ttl: must be at least 1"),
    ],
)
def test_an_invalid_value_is_rejected_with_the_name_of_its_option(
    requested: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(requested.split())

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_without_a_command_all_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])

    listed = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(name in listed for name in ("setup", "up", "token", "drive", "watch", "demo"))


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert re.fullmatch(r"rtdts \d+\.\d+\.\d+\n", capsys.readouterr().out)
