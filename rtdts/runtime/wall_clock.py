"""The wall clock, for code that passes the time as a parameter."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Returns whole milliseconds since 1970."""
    return time.time_ns() // 1_000_000
