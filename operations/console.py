"""What a command says while it works: on standard error, a line a step."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

EVERY_S = 5.0
"""Between two lines about the same piece of long work."""


class Console:
    """Tells the operator how far things are.

    Args:
        write: Takes a line.
        clock: Monotonic seconds.
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
        """A line that must be read."""
        self._write(line)

    def progress(self, line: str) -> None:
        """One of many lines of the same kind: left out when there was one just before."""
        now_s = self._clock()
        if self._last_s is None or now_s - self._last_s >= EVERY_S:
            self._last_s = now_s
            self._write(line)
