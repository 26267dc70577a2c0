"""Waiting for what offers nothing to await, and looking into processes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rtdts.runtime.deadline import Deadline

T = TypeVar("T")

DEADLINE_S = 300.0
"""How long to wait for what must come: only a fault reaches it, a slow machine does not."""
COMES_WITHIN_S = 180.0
"""The same, where it takes milliseconds on a machine that is idle."""


NO_HURRY = Deadline(math.inf)
"""For what may be done at any time."""


def eventually(look: Callable[[], T | None], within_s: float = DEADLINE_S) -> T:
    """Polls a store, a file or a process until it shows something true, which is returned."""
    ends_at = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < ends_at, f"not within {within_s} s"
        time.sleep(0.2)
    return seen


async def until(is_so: Callable[[], bool]) -> None:
    """Lets the other tasks, threads and processes run until something is so.

    It looks less often after a while: what takes longer is another process, which needs the
    processor.
    """
    pause_s = 0.001
    async with asyncio.timeout(COMES_WITHIN_S):
        while not is_so():  # of plain fields, also set by threads and processes
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.1, 0.02)


def children_of(pid: int) -> list[int]:
    """The processes that a process started itself; none when it is gone."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")  # each thread lists its own
    return [int(child) for one in lists for child in one.read_text().split()]
