"""The times of a session, and the waits between its attempts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Limits and waits, all in milliseconds.

    Attributes:
        first_ms: The longest wait after the first failed attempt; it doubles with each further one.
        most_ms: The longest wait of all.
        replace_after_ms: From a connection's first snapshot to its replacement. The gateway's limit
            is 2 h.
        replace_jitter_ms: So much earlier at most, at random: clients that connected together part.
        heartbeat_ms: Of silence, before a ping. A round comes every 60 s.
        pong_within_ms: For the pong.
        silence_ms: Without news of the delivery, before the connection counts as dead.
        attempt_ms: From the request of a ticket to the first snapshot.
        steady_ms: A connection that lived so long sets the back-off back.
        too_many_ms: Before another socket when the service said that there were too many.
    """

    first_ms: float = 500
    most_ms: float = 20_000
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
        timing: Its first and its longest wait.
    """
    # 2 ** 30 is beyond any limit; 2.0 ** 1024, after hours without a network, would raise.
    return random * min(timing.most_ms, timing.first_ms * 2.0 ** min(failures - 1, 30))
