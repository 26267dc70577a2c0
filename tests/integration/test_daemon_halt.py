"""The death of a record processor halts what started it, if that is the daemon; real processes."""

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
child.stderr.read()  # open until nothing watches the child any more
sys.stdin.read()  # whatever happens, this goes on until the test says so
"""
"""As the KCL's: it starts a child with pipes, and by itself it outlives it."""

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
    """Something with the daemon's name in its command, and a child that runs a program."""
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


def test_a_child_that_ends_in_order_leaves_the_daemon_alone() -> None:
    with daemon(ENDS) as process:
        assert ends_when_signalled(process)


def test_another_parent_than_the_daemon_is_left_alone() -> None:
    with daemon(FAILS, name="a test that feeds a child") as process:
        assert ends_when_signalled(process)


def test_the_daemon_sees_the_end_of_its_childs_output_before_it_is_halted() -> None:
    with daemon(FAILS) as process:
        output(process)

        assert output(process) == "output ended: started"


def wait_until_started(child: int) -> None:
    """Its watcher is a child of its own."""
    eventually(lambda: children_of(child))
