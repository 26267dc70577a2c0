"""Errors in the logs of a local cloud's Lambdas."""

from __future__ import annotations

import time

from sim.environment import Environment
from sim.local_cloud.lambda_logs import log_lines

_FAULTS = ('"level":"error"', "Traceback (most recent call last)", "Task timed out")


def now_ms() -> int:
    """Returns the current time, for `faults_since`."""
    return time.time_ns() // 1_000_000


def faults_since(environment: Environment, start_ms: int) -> list[str]:
    """Returns every line since then that reports an error, a traceback or a timeout."""
    return [
        f"{group}: {line[:2_000]}"
        for group, line in log_lines(environment, since_ms=start_ms)
        if any(sign in line for sign in _FAULTS)
    ]
