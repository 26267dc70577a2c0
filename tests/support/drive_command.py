"""`python -m sim drive` as processes that run beside a test, or beside each other."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class DriveCommand:
    """A running drive."""

    process: subprocess.Popen[str]

    def result(self) -> tuple[int, dict[str, Any]]:
        """Waits for its end, and returns its exit code and its verdict."""
        output, progress = self.process.communicate()
        sys.stderr.write(progress)
        assert output, f"exit code {self.process.returncode}"
        verdict: dict[str, Any] = json.loads(output.splitlines()[-1])
        return self.process.returncode, verdict


@contextlib.contextmanager
def running_drives(
    env_file: Path, options: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, DriveCommand]]:
    """Starts drives at the same time: trucks mostly wait, so several take hardly longer than one.

    Args:
        env_file: The environment file of the system.
        options: The options of each drive, by its name.
    """
    with contextlib.ExitStack() as stack:
        drives = {}
        for name, of_one in options.items():
            command = [sys.executable, "-m", "sim", "drive", *of_one, "--json"]
            process = subprocess.Popen(
                [*command, "--env", str(env_file)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.terminate)  # no effect on a process that has ended
            drives[name] = DriveCommand(process)
        yield drives
