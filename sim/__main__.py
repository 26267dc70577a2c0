"""``python -m sim``: the local cloud, the fleet, viewers and tests, one subcommand each."""

from __future__ import annotations

import argparse
import importlib
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

COMMANDS = ("setup", "up", "token", "drive", "watch", "demo", "load-test", "trace")
"""Modules of `sim.commands` with `add_parser(subparsers)` and `run(args) -> int`."""


PROJECT_FILE = Path(__file__).parent.parent / "pyproject.toml"


def version() -> str:
    """The project's version, read from pyproject.toml: sim always runs from a clone."""
    number: str = tomllib.loads(PROJECT_FILE.read_text(encoding="utf-8"))["project"]["version"]
    return number


def module_of(command: str) -> ModuleType:
    """A command's module: the command's name with ``_`` for ``-``."""
    return importlib.import_module(f"sim.commands.{command.replace('-', '_')}")


def main(argv: Sequence[str]) -> int:
    """Runs a subcommand; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sim",
        description="Run RTDTS on this machine: the local cloud, trucks and viewers.",
    )
    parser.add_argument("--version", action="version", version=f"rtdts {version()}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # Import only the requested command: `sim token` must not wait for what `sim drive` needs.
    expected = argv[:1] if argv and argv[0] in COMMANDS else COMMANDS
    modules = {name: module_of(name) for name in expected}
    for module in modules.values():
        module.add_parser(subparsers)
    args = parser.parse_args(argv or ["--help"])
    code: int = modules[args.command].run(args)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
