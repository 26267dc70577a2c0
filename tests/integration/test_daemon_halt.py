"""The end of a record processor halts its parent if that is the daemon; with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from consumer.daemon_halt import MAIN_CLASS
from tests.support.source_tree import ROOT
from tests.support.waiting import children_of, eventually

pytestmark = pytest.mark.skipif(
    sys.platform != "linux",
    reason="descriptors of processes are Linux's (no command installs them)",
)

DAEMON = """
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", sys.argv[1]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
)
print(child.pid, flush=True)
print("output ended:", child.stdout.read().decode().strip(), flush=True)
child.stderr.read()  # open until no process watches the child any more
sys.stdin.read()  # whatever happens, this runs until the test closes it
"""
"""Like the KCL's daemon: starts a child with pipes, and would outlive it by itself."""

STARTS = """
import signal, sys
from consumer.daemon_halt import halt_daemon_with_this_process
release = halt_daemon_with_this_process()
print("started", flush=True)
"""
WAITS = STARTS + "signal.pause()"
FAILS = STARTS + "sys.exit(1)"
ENDS = STARTS + "release()"


@contextmanager
def daemon(child: str, name: str = MAIN_CLASS) -> Iterator[subprocess.Popen[str]]:
    """Runs a process with the daemon's name in its command, with a child that runs a program."""
    with subprocess.Popen(
        [sys.executable, "-c", DAEMON, child, name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def output(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ends_when_signalled(process: subprocess.Popen[str]) -> bool:
    process.communicate()
    return process.returncode == 0


def test_a_killed_child_halts_the_daemon() -> None:
    with daemon(WAITS) as process:
        child = int(output(process))
        wait_until_started(child)
        os.kill(child, signal.SIGKILL)

        assert process.wait() == -signal.SIGKILL


def test_a_child_that_fails_halts_the_daemon() -> None:
    with daemon(FAILS) as process:
        assert process.wait() == -signal.SIGKILL


def test_a_child_that_ends_normally_does_not_halt_the_daemon() -> None:
    with daemon(ENDS) as process:
        assert ends_when_signalled(process)


def test_a_parent_that_is_not_the_daemon_is_not_halted() -> None:
    with daemon(FAILS, name="a test that feeds a child") as process:
        assert ends_when_signalled(process)


def test_the_daemon_sees_the_end_of_its_childs_output_before_it_is_halted() -> None:
    with daemon(FAILS) as process:
        output(process)

        assert output(process) == "output ended: started"


def wait_until_started(child: int) -> None:
    """Waits until the child has its own child: the watcher."""
    eventually(lambda: children_of(child))
