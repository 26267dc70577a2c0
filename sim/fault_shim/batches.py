"""What a batch request is to the shim, whatever service it is of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set
from typing import Protocol

Entry = tuple[str, ...]
"""What an entry is about."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemFailure:
    """How an entry fails."""

    code: str
    message: str
    status: int


Failures = Mapping[int, ItemFailure]
"""By the entry's place in the request."""


class Batch(Protocol):
    """A batch request, taken apart."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What each entry is about, in the order of the request."""
        ...

    def without(self, failing: Set[int]) -> bytes | None:
        """The body of the entries that don't fail; None when nothing is left to ask."""
        ...

    def respond(self, upstream: bytes | None, failures: Failures) -> bytes:
        """The answer to the whole request.

        Args:
            upstream: The good answer to what was forwarded; None when nothing was.
            failures: The entries that were left out.
        """
        ...
