"""The consumer as it runs in the local cloud, on a test's own stream."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from sim.environment import Environment
from sim.local_cloud.applications import Intervals, consumer_part
from sim.local_cloud.parts import Incarnation
from sim.setup.jars import kcl_jars
from sim.setup.java import find_java
from sim.setup.places import PROJECT, find_places
from tests.support.waiting import eventually


@dataclasses.dataclass(frozen=True)
class Daemon:
    """A running daemon with its child processes."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None


@contextmanager
def running_daemon(
    environment: Environment,
    *,
    application: str,
    shards: int,
    folder: Path,
    more: Mapping[str, str],
) -> Iterator[Daemon]:
    """Runs the real KCL with our record processors; it is not restarted if it ends.

    Args:
        environment: Its stream, stores and queues.
        application: The KCL's application name; its tables must exist.
        shards: Number of shards that must have a child process before the block begins.
        folder: The folder of its log and files.
        more: Additional environment variables.
    """
    places = find_places()
    part = consumer_part(
        environment,
        Intervals(),
        application=application,
        shards=shards,
        java=find_java(os.environ, places.python),
        extra_jars=kcl_jars(places),
        work_folder=folder / application,
    )
    log = folder / f"{application}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            part.command,
            cwd=PROJECT,
            env={**part.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    daemon = Daemon(process, log)
    try:
        run = Incarnation(process.pid, log, 0)
        eventually(lambda: _is_ready(daemon) and part.is_ready(run))
        yield daemon
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_ready(daemon: Daemon) -> bool:
    assert daemon.is_running, f"the daemon ended:\n{daemon.log.read_text()}"
    return True
