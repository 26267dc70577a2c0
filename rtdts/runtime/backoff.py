"""Waits between retries: exponential with full jitter, bounded.

Full jitter (a uniform wait between 0 and the exponential ceiling) spreads the load of many clients
best: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator


def backoff_s(
    *, first_s: float, max_s: float, uniform: Callable[[float, float], float] = random.uniform
) -> Iterator[float]:
    """Yields an endless sequence of waits in seconds; the caller bounds them by a `Deadline`.

    Args:
        first_s: Ceiling of the first wait.
        max_s: Ceiling that no later wait exceeds.
        uniform: Source of the jitter; a parameter so that tests can fix it.
    """
    ceiling_s = first_s
    while True:
        yield uniform(0.0, ceiling_s)
        ceiling_s = min(ceiling_s * 2, max_s)
