"""How the command interprets its options."""

from __future__ import annotations

import argparse
import dataclasses
import resource
from pathlib import Path

import pytest

from sim.commands import load_test
from sim.commands.load_test import TooManySocketsError, allow_sockets
from sim.environment import Environment, write_environment


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    load_test.add_parser(parser.add_subparsers())
    return parser.parse_args(["load-test", *arguments])


@pytest.mark.parametrize(
    "arguments",
    [("--sockets", "0"), ("--duration", "0"), ("--connect-rate", "-1"), ("--trucks", "0")],
)
def test_impossible_loads_are_rejected(arguments: tuple[str, str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*arguments)


def test_a_missing_environment_file_is_reported(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    code = load_test.run(parsed("--sockets", "1", "--env", f"{tmp_path}/none"))

    assert code == load_test.EXIT_NOT_RUN
    assert "sim up" in capsys.readouterr().err


def test_the_limit_of_open_files_is_raised_and_more_sockets_are_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1_024))
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: raised.append(limits))

    allow_sockets(20)
    assert not raised
    allow_sockets(800)
    assert raised == [(1_000, 1_024)]
    with pytest.raises(TooManySocketsError, match="ulimit"):
        allow_sockets(900)


def test_the_given_url_replaces_only_the_websocket_url_of_the_environment(
    tmp_path: Path,
) -> None:
    file, url = tmp_path / "account.env", "wss://track.example.com/live"
    written = Environment(server_url="https://api.example.com", websocket_url="wss://else.where")
    write_environment(written, file)

    found = load_test._environment(parsed("--env", str(file), "--url", url))

    assert found == dataclasses.replace(written, websocket_url=url)
    assert load_test._environment(parsed("--env", str(file))) == written
    assert load_test._meter(parsed("--env", str(file), "--url", url), found) is None


def test_the_cpu_of_parts_is_measured_only_if_they_run_on_this_machine(tmp_path: Path) -> None:
    here, deployed = (
        Environment(server_url="", websocket_url=url)
        for url in ("ws://127.0.0.1:8090/prod", "wss://track.example.com")
    )

    assert load_test._meter(parsed(), here) is not None
    assert load_test._meter(parsed(), deployed) is None, "Terraform writes the usual file, too"
    assert load_test._meter(parsed("--url", "wss://else.where"), here) is None
    assert load_test._meter(parsed("--env", "another.env"), here) is None
    meter = load_test._meter(parsed("--env", "another.env", "--run-dir", str(tmp_path)), here)

    assert meter is not None
    assert meter.run_dir == tmp_path
