"""The supervisor's view of a part and of the runs of its process."""

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
"""Whether a part is ready; called repeatedly on a separate thread until it returns true."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A process of the local cloud.

    Attributes:
        name: Its name, also of its pid and log files.
        command: Program and arguments.
        environment: Its whole environment.
        is_ready: Whether it is ready for use.
        ready_within_s: Limit of its start-up time.
        restarts: Whether it is restarted when it dies. A part whose state is only in memory can't
            be restarted: its death ends the local cloud.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    is_ready: Probe
    ready_within_s: float = 60.0
    restarts: bool = True


class PartError(Exception):
    """A part could not be started, or was lost.

    Attributes:
        part: Its name.
    """

    def __init__(self, part: str, problem: str) -> None:
        self.part = part
        super().__init__(f"{part} {problem}")


@dataclasses.dataclass(frozen=True)
class RestartPolicy:
    """When a part that died is restarted.

    The first restart is immediate: after a part was killed for a test, it should work again soon.
    A part that dies again before it is ready is restarted with increasing delay, and finally not
    at all.
    """

    first_delay_s: float = 0.1
    max_delay_s: float = 5.0
    max_failures: int = 8

    def delay_s(self, failures: int) -> float | None:
        """How long to wait before the restart.

        Args:
            failures: Runs in a row, the last one included, that died before they were ready;
                0 when the last one was ready.

        Returns:
            Seconds, or None to give up.
        """
        if failures >= self.max_failures:
            return None
        return min(self.first_delay_s * 2.0**failures, self.max_delay_s)
