"""The profile of the test run (`tests/conftest.py`), for tests that simulate hours or hundreds of
viewers.

`make test` runs smaller simulations; `make test-all`, and so CI, runs the complete ones.
"""

from __future__ import annotations

from typing import Final, TypeVar

from hypothesis import settings

T = TypeVar("T")

QUICK_EXAMPLES: Final = 10
FULL_EXAMPLES: Final = 100


def by_profile(*, quick: T, full: T) -> T:
    """Returns the value for the profile of this run."""
    return full if settings().max_examples >= FULL_EXAMPLES else quick
