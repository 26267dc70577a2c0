"""In which order a round's buckets are sent, and so, by and large, held.

Always the same, so that a viewer's place in the round stays where it is: a place that moves later
makes the time between two tellings so much longer than the interval. Only when broadcasters are too
few for all buckets does the order move, or the same viewers would be left out each time.
"""

from __future__ import annotations

from collections.abc import Iterable

from rtdts.tracking.delivery_buckets import BUCKETS


class SendingOrder:
    """The order as one broadcaster sends it.

    Each judges by what it left out itself. Those that disagree cost places that move while buckets
    are left out anyway, and agree again when nothing is.
    """

    def __init__(self) -> None:
        self._first_of_last_two = (0, 0)
        self._left_out: set[int] = set()

    def left_out(self, buckets: Iterable[int]) -> None:
        """These of an old round nobody held."""
        self._left_out.update(buckets)

    def nothing_is_left(self) -> None:
        """All that was sent has been taken, by whomever: the usual order does."""
        self._first_of_last_two = (0, 0)
        self._left_out.clear()

    def next_round(self) -> list[int]:
        """All buckets, the first one that was left out first; none: as the last time."""
        # What was left out is known when the round after it has been sent.
        before, last = self._first_of_last_two
        first = min(self._left_out, key=lambda bucket: (bucket - before) % BUCKETS, default=last)
        self._left_out.clear()
        self._first_of_last_two = (last, first)
        return [(first + place) % BUCKETS for place in range(BUCKETS)]
