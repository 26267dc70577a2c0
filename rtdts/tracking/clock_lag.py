"""Estimates how slow a truck's clock is, from its requests' times of receipt and recorded times.

Each request (a record of the stream) gives one sample: ``received_at`` less the newest
``recorded_at``. A correct clock gives samples of seconds. A slow clock gives large and *steady*
samples: it runs as fast as ours. A backlog gives large samples that change: uploaded oldest first
they shrink, newest first they grow, mostly by far more than the time that passes. So a clock counts
as slow when a **run** of consecutive requests is steady.

One case can't be distinguished: a backlog that arrives in order and as fast as it was recorded
(within a quarter) for a whole run. Its points count as later than they are, up to the moment at
which they were received, until a fresher point disproves the lag.

The estimate changes no time. It decides from when on a fix counts for a delivery
(`Fix.counts_at_ms`), because deliveries are assigned by our clock.
"""

from __future__ import annotations

import msgspec

SLOW_MS = 120_000
"""A clock that is slow by less counts as correct. A clock known to be slow counts as correct again
once it is slow by less than half of this."""
SPREAD_MS = 30_000
"""Maximum difference between a run's samples, as the network and a device's pace may explain."""
RUN_MS = 60_000
"""Minimum duration of a run."""
RUN_REQUESTS = 5
"""Minimum number of requests of a run."""
RUN_SPREADS = 4
"""A run lasts at least this many times the difference between its samples."""


class ClockLag(msgspec.Struct, frozen=True, array_like=True):
    """What a truck's requests show of its clock; None stands for a clock that was never slow.

    New fields go to the end, each with a default: it is stored.
    """

    lag_ms: int = 0
    """How slow the clock is; 0: it is correct, or not known to be slow."""
    max_lag_ms: int = 0
    """The greatest lag so far."""
    until_ms: int = 0
    """When the last request was received while the clock was slow."""
    since_ms: int = 0
    """When the first request of the current run was received."""
    requests: int = 0
    """Requests of the run, counted up to `RUN_REQUESTS`."""
    min_sample_ms: int = 0
    """The run's smallest sample."""
    max_sample_ms: int = 0
    """The run's largest sample."""


def is_slow(clock: ClockLag | None) -> bool:
    """Returns whether a clock is known to be slow."""
    return clock is not None and clock.lag_ms > 0


def observed(
    clock: ClockLag | None, *, received_at_ms: int, recorded_at_ms: int
) -> ClockLag | None:
    """Returns what is known of a clock after one more request.

    Args:
        clock: What was known before.
        received_at_ms: When the request was received.
        recorded_at_ms: The newest time that the device's clock gave one of its points.
    """
    sample_ms = received_at_ms - recorded_at_ms
    if clock is None:
        if sample_ms < SLOW_MS:
            return None
        clock = ClockLag()
    # No point is received before it was recorded: one fresher point disproves a lag.
    lag_ms = clock.lag_ms if sample_ms >= clock.lag_ms - SPREAD_MS else 0
    if not lag_ms and sample_ms < SLOW_MS:
        return as_correct(clock)
    since_ms, requests = clock.since_ms, min(clock.requests + 1, RUN_REQUESTS)
    min_sample_ms, max_sample_ms = (
        min(clock.min_sample_ms, sample_ms),
        max(clock.max_sample_ms, sample_ms),
    )
    if requests == 1 or max_sample_ms - min_sample_ms > SPREAD_MS:
        since_ms, requests, min_sample_ms, max_sample_ms = received_at_ms, 1, sample_ms, sample_ms
    lasted_ms = received_at_ms - since_ms
    is_long = requests == RUN_REQUESTS and lasted_ms >= RUN_MS
    if is_long and RUN_SPREADS * (max_sample_ms - min_sample_ms) <= lasted_ms:
        lag_ms = min_sample_ms
        if lag_ms < SLOW_MS // 2:
            return as_correct(clock)
    return ClockLag(
        lag_ms,
        max(clock.max_lag_ms, lag_ms),
        max(clock.until_ms, received_at_ms) if lag_ms else clock.until_ms,
        since_ms,
        requests,
        min_sample_ms,
        max_sample_ms,
    )


def as_correct(clock: ClockLag | None) -> ClockLag | None:
    """Returns what is known of a clock that its last request shows to be correct, or ahead."""
    if clock is None or not clock.max_lag_ms:
        return None
    return ClockLag(max_lag_ms=clock.max_lag_ms, until_ms=clock.until_ms)


def lag_at(clock: ClockLag | None, *, event_at_ms: int, received_at_ms: int) -> int:
    """Returns how much later than its ``event_at`` a point counts; never later than its receipt.

    So no point that was received before an assignment can count for it.

    Args:
        clock: What is known of the truck's clock, with this request.
        event_at_ms: The point's ``event_at``.
        received_at_ms: When the point was received.
    """
    if clock is None or not clock.lag_ms:
        return 0
    elapsed_ms = received_at_ms - event_at_ms
    if elapsed_ms < clock.lag_ms - SPREAD_MS:
        return 0  # it was stamped by a clock that was correct
    return min(clock.lag_ms, elapsed_ms)


def earliest_ms(clock: ClockLag | None, from_ms: int) -> int:
    """Returns the earliest ``event_at`` of a fix that may count from a moment of our clock on."""
    if clock is None or from_ms > clock.until_ms:
        return from_ms
    return from_ms - clock.max_lag_ms
