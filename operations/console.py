"""A command's progress reports: on standard error, one line per step."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

EVERY_S = 5.0
"""Minimum time between two progress lines."""


class Console:
    """Reports progress to the operator.

    Args:
        write: Writes a line.
    """

    def __init__(
        self,
        write: Callable[[str], object] = lambda line: sys.stderr.write(f"{line}\n"),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._clock = clock
        self._last_s: float | None = None

    def print_line(self, line: str) -> None:
        """Writes a line that is always shown."""
        self._write(line)

    def progress(self, line: str) -> None:
        """Writes a progress line, unless one was written within the last `EVERY_S` seconds."""
        now_s = self._clock()
        if self._last_s is None or now_s - self._last_s >= EVERY_S:
            self._last_s = now_s
            self._write(line)
