"""Which time a point counts as: the device's, or, where its clock is ahead, a shifted one.

Devices buffer for days, and some clocks are wrong by years (the GPS week rollover, 1970): taken
as they are, such times would make a daily index each and freeze the truck's marker in the future.
"""

from __future__ import annotations

from collections.abc import Sequence

from rtdts.tracking.instants import MS_PER_DAY

MAX_AGE_MS = 7 * MS_PER_DAY
"""An older point is refused."""
MAX_AHEAD_MS = 30_000
"""A device's time may be ahead of ours by this much before it is taken for wrong."""
SHIFT_SPAN_MS = MS_PER_DAY
"""Points of one request within this span before its newest were taken with the same clock."""


def clock_offsets_ms(recorded_at_ms: Sequence[int], received_at_ms: int) -> list[int | None]:
    """Judge the times of one request's points together.

    While the newest is more than 30 s ahead of ``received_at``, its clock is wrong, and so is that
    of every point within the 24 h before it: all of them are shifted so that the newest becomes
    ``received_at``; order and spacing stay. Then the rest is judged in the same way. What is left
    when nothing is ahead keeps its time, or is too old.

    Args:
        recorded_at_ms: The devices' times, in any order.
        received_at_ms: When the request arrived.

    Returns:
        For each point what to add to its time (0: the device's time is good), or None: too old.
    """
    latest_ms = received_at_ms + MAX_AHEAD_MS
    oldest_ms = received_at_ms - MAX_AGE_MS
    if not recorded_at_ms:
        return []
    newest_ms = max(recorded_at_ms)
    if newest_ms <= latest_ms and min(recorded_at_ms) >= oldest_ms:
        return [0] * len(recorded_at_ms)

    offsets: list[int | None] = [None] * len(recorded_at_ms)
    newest_first = sorted(range(len(recorded_at_ms)), key=lambda i: -recorded_at_ms[i])
    span_start_ms, shift_ms = newest_ms + 1, 0
    for index in newest_first:
        at_ms = recorded_at_ms[index]
        if at_ms >= span_start_ms:
            offsets[index] = shift_ms
        elif at_ms > latest_ms:
            span_start_ms, shift_ms = at_ms - SHIFT_SPAN_MS, received_at_ms - at_ms
            offsets[index] = shift_ms
        elif at_ms >= oldest_ms:
            offsets[index] = 0
    return offsets
