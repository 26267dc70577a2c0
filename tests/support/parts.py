"""The local cloud's parts, for tests that kill, stop and inspect them."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rtdts.tracking.instants import parse_instant
from sim.local_cloud.launch import LaunchedCloud
from sim.local_cloud.run_dir import hold_file
from tests.support.waiting import children_of, eventually

CHILD = "child"
"""One of the consumer's record processors; the other parts have the names of their pid files."""


def processes_of(cloud: LaunchedCloud, part: str) -> list[int]:
    """Returns the current processes of a part; none while it is down."""
    try:
        pid = int((cloud.run_dir / f"{'consumer' if part == CHILD else part}.pid").read_text())
        return sorted(children_of(pid)) if part == CHILD else [pid]
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return []


def is_running(pid: int) -> bool:
    """Returns whether a process exists and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def memory_mb(pid: int) -> float:
    """Returns a process's resident memory; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    sizes = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(next(sizes, 0)) / 1024


def messages_of(cloud: LaunchedCloud) -> list[str]:
    """Returns the output of `sim up` so far."""
    return (cloud.run_dir.parent / "up.log").read_text().splitlines()


def deaths_of(cloud: LaunchedCloud, part: str) -> int:
    """Returns how often a part has ended so far, for any reason."""
    output = (f"sim up: {part} died", f"sim up: {part} ended", f"sim up: {part} was not ready")
    return sum(line.startswith(output) and "stays down" not in line for line in messages_of(cloud))


def reported(cloud: LaunchedCloud, part: str, event: str, *, since_ms: int) -> list[dict[str, Any]]:
    """Returns the lines of an event in a part's log, with `at_ms` added."""
    lines = []
    for line in (cloud.run_dir / f"{part}.log").read_text(errors="replace").splitlines():
        if f'"event":"{event}"' not in line:
            continue
        fields = json.loads(line)
        if (at_ms := parse_instant(fields["timestamp"])) >= since_ms:
            lines.append({**fields, "at_ms": at_ms})
    return lines


@contextmanager
def held_down(cloud: LaunchedCloud, part: str) -> Iterator[str]:
    """Stops a part as an operator would, keeps it down in the block, and yields how it ended.

    It is not killed: it has ended by itself when the block begins, and runs again after the block.
    How it ended is in the supervisor's words: "exit code 0", "killed by SIGKILL".
    """
    (pid,) = processes_of(cloud, part)
    returns, before = _returns_of(cloud, part), len(messages_of(cloud))
    hold = hold_file(cloud.run_dir, part)
    hold.touch()
    try:
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not processes_of(cloud, part))
        output = re.compile(rf"sim up: {part} died \((.*?)\); it stays down")
        (ending,) = eventually(
            lambda: [
                found[1] for line in messages_of(cloud)[before:] if (found := output.match(line))
            ]
        )
        yield ending
    finally:
        hold.unlink()
    eventually(lambda: _returns_of(cloud, part) > returns)


def _returns_of(cloud: LaunchedCloud, part: str) -> int:
    return sum(f"{part} is back" in line for line in messages_of(cloud))
