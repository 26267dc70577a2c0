"""The local cloud, `sim up`, as a process of the caller's own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sim.environment import Environment, read_environment
from sim.local_cloud.processes import TETHER
from sim.setup.places import PROJECT

READY = "READY"
STOP_WITHIN_S = 25.0
"""`sim up` promises 20."""


class CloudFailedError(Exception):
    """The local cloud ended; it has said why in its own lines.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the local cloud ended with exit code {code}")
        self.code = code


def up_command(arguments: Sequence[str]) -> list[str]:
    """`sim up` with its arguments, on this Python."""
    return [sys.executable, "-m", "sim", "up", *arguments]


class CloudProcess:
    """`sim up`, in a session of its own: Ctrl-C is for the caller, who then stops it in order.

    It ends when the thread that made this ends, however that ends. Its methods block, and may be
    called from any thread.

    Args:
        command: `up_command`'s.
        on_line: Takes each line that it says, on a thread of this one's.
    """

    def __init__(self, command: Sequence[str], on_line: Callable[[str], None]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", str(TETHER), str(os.getpid()), *command],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._on_line = on_line
        self._is_ready = False
        self._ready_or_ended = threading.Event()
        self._pump = threading.Thread(target=self._pass_lines_on, name="local-cloud", daemon=True)
        self._pump.start()

    def wait_until_ready(self) -> None:
        """Waits until everything works.

        Raises:
            CloudFailedError: It ended before.
        """
        self._ready_or_ended.wait()
        if not self._is_ready:
            raise CloudFailedError(self.wait())

    def wait(self, timeout_s: float | None = None) -> int:
        """Waits until it has ended and its last words were passed on; returns its exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        code = self._process.wait(timeout_s)
        self._pump.join()
        return code

    def stop(self) -> int:
        """Stops it in order, and by force when it takes too long; returns its exit code."""
        self._process.terminate()  # does nothing when it has ended
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._on_line(f"did not stop within {STOP_WITHIN_S:g} s: killing it")
            self._process.kill()
        return self.wait()

    def _pass_lines_on(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        with self._process.stdout as lines:
            for line in lines:
                text = line.rstrip()
                if text == READY:
                    self._is_ready = True
                    self._ready_or_ended.set()
                elif text:
                    self._on_line(text)
        self._ready_or_ended.set()


@dataclasses.dataclass(frozen=True, kw_only=True)
class LaunchedCloud:
    """A local cloud that works.

    Attributes:
        environment: How to reach it.
        env_file: Where that is written.
        run_dir: Of the parts' pid and log files.
        process: The `sim up` itself.
    """

    environment: Environment
    env_file: Path
    run_dir: Path
    process: CloudProcess


@contextlib.contextmanager
def launched_cloud(
    *,
    run_dir: Path,
    env_file: Path,
    options: Sequence[str] = (),
    on_line: Callable[[str], None],
) -> Iterator[LaunchedCloud]:
    """A local cloud for the length of a `with` block.

    Args:
        run_dir: Of the parts' pid and log files.
        env_file: Where to write how to reach it.
        options: More of its options, ``--ports auto`` for one.
        on_line: Takes each line that it says.

    Raises:
        CloudFailedError: It ended before it was ready.
    """
    places = ["--run-dir", str(run_dir), "--env", str(env_file)]
    process = CloudProcess(up_command([*places, *options]), on_line)
    try:
        process.wait_until_ready()
        yield LaunchedCloud(
            environment=read_environment(env_file),
            env_file=env_file,
            run_dir=run_dir,
            process=process,
        )
    finally:
        process.stop()
