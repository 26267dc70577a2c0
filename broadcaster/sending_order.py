"""The order in which a round's buckets are sent, and in which they mostly run.

The order is always the same, so that a viewer's place in the round does not change: when a place
moves later, the time between two messages gets that much longer than the interval. The order moves
only when there are too few broadcasters for all buckets; otherwise the same viewers would be left
out each time.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtdts.tracking.delivery_buckets import BUCKETS


class SendingOrder:
    """The order in which one broadcaster sends.

    Each broadcaster decides by the buckets that it left out itself. When broadcasters disagree,
    places move while buckets are left out anyway; they agree again when none is left out.
    """

    def __init__(self) -> None:
        self._first_of_last_two = (0, 0)
        self._left_out: set[int] = set()

    def left_out(self, buckets: Iterable[int]) -> None:
        """Notes buckets of an old round that no broadcaster ran."""
        self._left_out.update(buckets)

    def nothing_is_left(self) -> None:
        """Resets the order: all buckets that were sent have been taken, by any broadcaster."""
        self._first_of_last_two = (0, 0)
        self._left_out.clear()

    def next_round(self) -> list[int]:
        """All buckets, from the first one left out; in the last order if none was left out."""
        # The buckets that were left out are known only after the next round has been sent.
        before, last = self._first_of_last_two
        first = min(self._left_out, key=lambda bucket: (bucket - before) % BUCKETS, default=last)
        self._left_out.clear()
        self._first_of_last_two = (last, first)
        return [(first + place) % BUCKETS for place in range(BUCKETS)]
