"""Waiting for conditions that cannot be awaited, and inspecting processes."""

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
"""How long to wait for a condition that must become true; only a fault takes longer."""
SHORT_DEADLINE_S = 180.0
"""How long to wait for a condition that takes milliseconds on an idle machine."""


NO_HURRY = Deadline(math.inf)
"""A deadline for work without time limit."""


def eventually(look: Callable[[], T | None], within_s: float = DEADLINE_S) -> T:
    """Polls a store, a file or a process until the result is true, and returns it."""
    ends_at = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < ends_at, f"not within {within_s} s"
        time.sleep(0.2)
    return seen


async def until(is_so: Callable[[], bool]) -> None:
    """Lets other tasks, threads and processes run until a condition is true.

    It polls less often after a while: then it waits for another process, which needs the CPU.
    """
    pause_s = 0.001
    async with asyncio.timeout(SHORT_DEADLINE_S):
        while not is_so():  # it reads fields that threads and processes set
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.1, 0.02)


async def other_tasks() -> None:
    """Waits until the event loop has no other task."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(tasks)


def children_of(pid: int) -> list[int]:
    """Returns the direct child processes of a process; none if it has ended."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")  # each thread lists its own children
    return [int(child) for one in lists for child in one.read_text().split()]
