"""A process of a benchmark that reads and prints lines."""

from __future__ import annotations

import subprocess
import sys
from typing import Self

from bench.figures import CannotMeasureError
from sim.setup.places import PROJECT

_ENDS_WITHIN_S = 20.0


class LineProcess:
    """Runs a module until the end of a block; the module ends with its standard input.

    Args:
        module: Run as ``python -m``.
        arguments: Its arguments.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def line(self) -> str:
        """The next line that it prints.

        Raises:
            CannotMeasureError: It has ended; its standard error says why.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CannotMeasureError("a process of the benchmark has ended")
        return line

    def print_line(self, line: str) -> None:
        """Sends the process a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
