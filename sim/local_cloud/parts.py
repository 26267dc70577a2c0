"""What the supervisor must know of a part, and what the parts' processes look like to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Incarnation:
    """One run of a part's process."""

    pid: int
    log: Path
    log_offset: int
    """Where this run's output begins in the log."""

    def output(self) -> str:
        """What this run has written so far."""
        with self.log.open("rb") as stream:
            stream.seek(self.log_offset)
            return stream.read().decode(errors="replace")


Probe = Callable[[Incarnation], bool]
"""Whether a part answers; asked again and again on a thread of its own until it says so."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A process of the local cloud.

    Attributes:
        name: Of its pid and log files.
        command: Program and arguments.
        environment: All of its environment.
        is_ready: Tells when it is of use.
        ready_within_s: Longer than that means that something is wrong.
        restarts: Whether it is started again when it dies. One whose state is in its memory
            can't be: its death ends the local cloud.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    is_ready: Probe
    ready_within_s: float = 60.0
    restarts: bool = True


class PartError(Exception):
    """A part can't be had.

    Attributes:
        part: Its name.
    """

    def __init__(self, part: str, problem: str) -> None:
        self.part = part
        super().__init__(f"{part} {problem}")


@dataclasses.dataclass(frozen=True)
class RestartPolicy:
    """When a part that died is started again.

    The first restart comes at once: whoever kills a part to see what happens wants to see it work
    again. What dies again before it was ready waits longer each time, and in the end is given up.
    """

    first_delay_s: float = 0.1
    longest_delay_s: float = 5.0
    most_failures: int = 8

    def delay_s(self, failures: int) -> float | None:
        """How long to wait.

        Args:
            failures: Runs in a row, the last one included, that died before they were ready;
                0 when the last one was ready.

        Returns:
            Seconds, or None to give up.
        """
        if failures >= self.most_failures:
            return None
        return min(self.first_delay_s * 2.0**failures, self.longest_delay_s)
