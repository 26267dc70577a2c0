"""A sample of events that are too frequent to log each."""

from __future__ import annotations


class Sample:
    """Includes the first of every `one_of` events.

    Args:
        one_of: Size of the group; 1 includes each event.
    """

    def __init__(self, one_of: int) -> None:
        self.one_of = one_of
        self._seen = 0

    def includes(self) -> bool:
        """Returns whether this event belongs to the sample."""
        is_included = self._seen % self.one_of == 0
        self._seen += 1
        return is_included
