"""The local cloud's parts, for tests that kill them, hold them down and look into them."""

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
"""One of the consumer's record processors; the other parts are called as their pid files."""


def processes_of(cloud: LaunchedCloud, part: str) -> list[int]:
    """The processes that a part has at this moment; none while it is unavailable."""
    try:
        pid = int((cloud.run_dir / f"{'consumer' if part == CHILD else part}.pid").read_text())
        return sorted(children_of(pid)) if part == CHILD else [pid]
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return []


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def memory_mb(pid: int) -> float:
    """What a process has in the machine's memory; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    sizes = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(next(sizes, 0)) / 1024


def messages_of(cloud: LaunchedCloud) -> list[str]:
    """The output of `sim up` so far."""
    return (cloud.run_dir.parent / "up.log").read_text().splitlines()


def deaths_of(cloud: LaunchedCloud, part: str) -> int:
    """How often a part has ended so far, for whatever reason."""
    output = (f"sim up: {part} died", f"sim up: {part} ended", f"sim up: {part} was not ready")
    return sum(line.startswith(output) and "stays down" not in line for line in messages_of(cloud))


def reported(cloud: LaunchedCloud, part: str, event: str, *, since_ms: int) -> list[dict[str, Any]]:
    """The lines of an event in a part's log, `at_ms` added."""
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
    """Ends a part as an operator would, and keeps it down in the block; yields how it ended.

    Nobody kills it: it has ended by itself when the block begins, and works again after it. How,
    in the supervisor's words: "exit code 0", "killed by SIGKILL".
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
