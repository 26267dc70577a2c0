"""The times of a session, and the waits between its attempts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Limits and waits, all in milliseconds.

    Attributes:
        first_ms: The longest wait after the first failed attempt; it doubles with each further one.
        max_ms: The longest wait of all.
        replace_after_ms: From a connection's first snapshot to its replacement. The gateway's limit
            is 2 h.
        replace_jitter_ms: The replacement comes earlier by up to this, at random, to spread clients
            that connected together.
        heartbeat_ms: Silence before a ping. A round comes every 60 s.
        pong_within_ms: The longest wait for the pong.
        silence_ms: Time without a frame about the delivery before the connection counts as dead.
        attempt_ms: The longest time from the request for a ticket to the first snapshot.
        steady_ms: A connection that lived this long resets the backoff.
        too_many_ms: The wait before another socket after the service reported too many.
    """

    first_ms: float = 500
    max_ms: float = 20_000
    replace_after_ms: float = 110 * 60_000
    replace_jitter_ms: float = 10 * 60_000
    heartbeat_ms: float = 63_000
    pong_within_ms: float = 10_000
    silence_ms: float = 75_000
    attempt_ms: float = 30_000
    steady_ms: float = 30_000
    too_many_ms: float = 60_000


def backoff_ms(failures: int, random: float, timing: Timing) -> float:
    """The wait before the next attempt: exponential with full jitter, so that clients spread out.

    Args:
        failures: Attempts that failed in a row, 1 or more.
        random: Uniform in [0, 1).
        timing: The first and the longest wait.
    """
    # 2 ** 30 is beyond any limit; 2.0 ** 1024, after hours without a network, would raise.
    return random * min(timing.max_ms, timing.first_ms * 2.0 ** min(failures - 1, 30))
