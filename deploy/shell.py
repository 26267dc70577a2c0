"""Runs the operator's tools."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class CommandFailedError(Exception):
    """A tool ended with an error; the message names it, with its exit code and output."""

    def __init__(self, command: Sequence[str], exit_code: int, output: str) -> None:
        shown = " ".join(command[:4])
        super().__init__(f"{shown} …: exit code {exit_code}{': ' + output if output else ''}")


class Shell(Protocol):
    """Runs commands."""

    def show(self, command: Sequence[str], *, cwd: Path | None = None) -> None:
        """Runs a command attached to the operator's terminal, so that prompts can be confirmed."""

    def read(self, command: Sequence[str], *, standard_input: str = "") -> str:
        """Runs a command quietly and returns its output."""


class RealShell:
    """Runs commands on this machine.

    Args:
        environ: The commands' environment.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)

    def show(self, command: Sequence[str], *, cwd: Path | None = None) -> None:
        """See `Shell`.

        Raises:
            CommandFailedError: It failed.
        """
        done = subprocess.run(list(command), cwd=cwd, env=self._environ, check=False)  # noqa: S603 - the operator's tools
        if done.returncode:
            raise CommandFailedError(command, done.returncode, "")

    def read(self, command: Sequence[str], *, standard_input: str = "") -> str:
        """See `Shell`.

        Raises:
            CommandFailedError: It failed.
        """
        done = subprocess.run(  # noqa: S603 - the operator's tools
            list(command),
            env=self._environ,
            input=standard_input,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailedError(command, done.returncode, done.stderr.strip())
        return done.stdout
