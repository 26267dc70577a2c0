"""The run folder of a local cloud: used by one at a time, and cleaned before use."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sim.local_cloud.processes import find_leftovers

HOLD_SUFFIX = ".hold"
_LOCK = "lock"
_AWS = "ministack"
_SOCKETS = "socket-gateway"
_EXITS_WITHIN_S = 5.0


class AlreadyRunningError(Exception):
    """Another `sim up` uses the run folder.

    Attributes:
        pid: Its process.
    """

    def __init__(self, run_dir: Path, pid: str) -> None:
        self.pid = pid
        super().__init__(
            f"a local cloud is already running in {run_dir} (process {pid}).\n"
            "  End it with Ctrl-C or SIGTERM, or start another beside it:\n"
            "  python -m sim up --run-dir DIR --env FILE --ports auto\n"
            '  DEMO_ARGS="--run-dir DIR --env FILE --ports auto" make demo'
        )


def hold_file(run_dir: Path, part: str) -> Path:
    """The file that prevents the restart of a part while it exists; create it to hold a part."""
    return run_dir / f"{part}{HOLD_SUFFIX}"


@contextlib.contextmanager
def own_run_dir(run_dir: Path, report: Callable[[str], None]) -> Iterator[Path]:
    """Locks the folder for this process, and removes what an ended process left in it.

    The kernel holds the lock, so it can't outlive its process; the lock file stays.

    Raises:
        AlreadyRunningError: The folder belongs to a running process.
    """
    run_dir = run_dir.absolute()
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            lock.seek(0)
            raise AlreadyRunningError(run_dir, lock.read().strip() or "unknown") from problem
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        end_leftovers(run_dir, report)
        for stale in (*run_dir.glob("*.pid"), *run_dir.glob(f"*{HOLD_SUFFIX}")):
            stale.unlink()
        for state in (_AWS, _SOCKETS, "opensearch", "mqtt-broker"):
            shutil.rmtree(run_dir / state, ignore_errors=True)
        try:
            yield run_dir
        finally:
            # It is of no use afterwards, and it contains Python that is not our source code.
            for unpacked in (_AWS, _SOCKETS):
                shutil.rmtree(run_dir / unpacked, ignore_errors=True)


def end_leftovers(run_dir: Path, report: Callable[[str], None]) -> None:
    """Ends the processes of a local cloud whose supervisor was killed."""
    deadline = time.monotonic() + _EXITS_WITHIN_S
    document = False
    while leftovers := find_leftovers(run_dir):
        if not document:
            report(f"ending {len(leftovers)} processes that an earlier local cloud left behind")
            document = True
        for pid in leftovers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
