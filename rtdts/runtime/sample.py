"""A sample of what happens too often for a line of the log each time."""

from __future__ import annotations


class Sample:
    """Takes the first of so many, again and again.

    Args:
        one_of: Of how many; 1 takes each.
    """

    def __init__(self, one_of: int) -> None:
        self.one_of = one_of
        self._seen = 0

    def takes(self) -> bool:
        """Whether this one belongs to the sample."""
        taken = self._seen % self.one_of == 0
        self._seen += 1
        return taken
