"""A local cloud for the length of a `with` block: `sim up` as a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from sim.environment import Environment, read_environment
from sim.local_cloud.processes import TETHER
from sim.setup.places import PROJECT

READY = "READY"
STOP_WITHIN_S = 25.0
"""`sim up` promises 20."""


class LaunchError(Exception):
    """The local cloud did not start; its own messages said why."""


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
    process: subprocess.Popen[str]


@contextlib.contextmanager
def launched_cloud(
    *,
    run_dir: Path,
    env_file: Path,
    options: Sequence[str] = (),
    messages: IO[str] | int | None = None,
) -> Iterator[LaunchedCloud]:
    """Starts `sim up`, waits until it says READY, and stops it at the end of the block.

    It is in a session of its own, so that Ctrl-C is the caller's to handle, and ends when the
    caller ends, however that ends.

    Args:
        run_dir: Of the parts' pid and log files.
        env_file: Where to write how to reach it.
        options: More of its options, ``--ports auto`` for one.
        messages: Where its messages go; to standard error by default.

    Raises:
        LaunchError: It ended before it was ready.
    """
    command = [sys.executable, "-S", str(TETHER), str(os.getpid())]
    command += [sys.executable, "-m", "sim", "up"]
    command += ["--run-dir", str(run_dir), "--env", str(env_file), *options]
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=messages,
        text=True,
        start_new_session=True,
    )
    try:
        _wait_until_ready(process)
        yield LaunchedCloud(
            environment=read_environment(env_file),
            env_file=env_file,
            run_dir=run_dir,
            process=process,
        )
    finally:
        _stop(process)


def _wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    for line in process.stdout:
        if line.strip() == READY:
            return
    raise LaunchError(f"the local cloud ended before it was ready (exit code {process.wait()})")


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)  # does nothing when it has ended
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
