"""Runs the local cloud, `sim up`, as a child process of the caller."""

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
from sim.local_cloud.processes import DIE_WITH_PARENT
from sim.setup.places import PROJECT

READY = "READY"
STOP_WITHIN_S = 25.0
"""`sim up` guarantees 20 s."""


class CloudFailedError(Exception):
    """The local cloud ended; its output says why.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the local cloud ended with exit code {code}")
        self.code = code


def up_command(arguments: Sequence[str]) -> list[str]:
    """The command of `sim up` with its arguments, for the current Python."""
    return [sys.executable, "-m", "sim", "up", *arguments]


class CloudProcess:
    """`sim up` in its own session: Ctrl-C reaches only the caller, which then stops it in order.

    The process ends when the thread that created it ends, for any reason. The methods block, and
    may be called from any thread.

    Args:
        command: The command, from `up_command`.
        on_line: Called with each line of its output, on a separate thread.
    """

    def __init__(self, command: Sequence[str], on_line: Callable[[str], object]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", str(DIE_WITH_PARENT), str(os.getpid()), *command],
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
        """Waits until the local cloud is ready.

        Raises:
            CloudFailedError: It ended before that.
        """
        self._ready_or_ended.wait()
        if not self._is_ready:
            raise CloudFailedError(self.wait())

    def wait(self, timeout_s: float | None = None) -> int:
        """Waits until it has ended and its output was passed on; returns its exit code.

        Raises:
            subprocess.TimeoutExpired: It is still running.
        """
        code = self._process.wait(timeout_s)
        self._pump.join()
        return code

    def stop(self) -> int:
        """Stops it gracefully, or by force when that takes too long; returns its exit code."""
        self._process.terminate()  # no effect if it has ended
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
    """A running local cloud.

    Attributes:
        environment: How to reach it.
        env_file: The file that contains its environment.
        run_dir: Folder of the parts' pid and log files.
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
    on_line: Callable[[str], object],
) -> Iterator[LaunchedCloud]:
    """Runs a local cloud for the duration of a `with` block.

    Args:
        run_dir: Folder of the parts' pid and log files.
        env_file: The file to write its environment to.
        options: Further options, for example ``--ports auto``.
        on_line: Called with each line of its output.

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
