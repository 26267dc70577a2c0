"""The time of day, for those who pass it on as a parameter."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Whole milliseconds since 1970."""
    return time.time_ns() // 1_000_000
