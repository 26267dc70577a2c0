"""The error type of set-up: it says what failed and what to do about it."""

from __future__ import annotations


class SetupError(Exception):
    """Set-up can't continue.

    Attributes:
        what: What failed, and why, in a sentence.
        remedy: What to do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}\n  {remedy}")
