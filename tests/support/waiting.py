"""Waiting for what offers nothing to await, and looking into processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], within_s: float = 300.0) -> T:
    """Polls a store, a file or a process until it shows something true, which is returned."""
    ends_at = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < ends_at, f"not within {within_s} s"
        time.sleep(0.2)
    return seen


def children_of(pid: int) -> list[int]:
    """The processes that a process started itself; none when it is gone."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")  # each thread lists its own
    return [int(child) for one in lists for child in one.read_text().split()]
