"""How often Python looks for objects that only refer to each other."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLDS: Final = (10_000, 2, 5)
"""New objects until it looks among the new ones, and how many times until it looks further. A
chunk's tasks and messages are thousands of objects, nearly all freed without it: with Python's
(700, 10, 10), looking takes a tenth of a round's CPU time. It looks at all objects about as often
as by default, because posts that fail leave cycles."""


def collect_less_often() -> None:
    """Sets it for this process."""
    gc.set_threshold(*_THRESHOLDS)
