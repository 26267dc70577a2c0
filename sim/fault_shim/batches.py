"""The shim's interface to a batch request of any service."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set
from typing import Protocol

Entry = tuple[str, ...]
"""The identifiers in an entry."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ItemFailure:
    """How an entry fails."""

    code: str
    message: str
    status: int


Failures = Mapping[int, ItemFailure]
"""The failing entries, by index in the request."""


class Batch(Protocol):
    """A batch request, split into its entries."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The identifiers in each entry, in the order of the request."""

    def without(self, failing: Set[int]) -> bytes | None:
        """The body without the failing entries; None when no entry is left."""

    def respond(self, upstream: bytes | None, failures: Failures) -> bytes:
        """The response to the whole request.

        Args:
            upstream: The successful response to the forwarded entries; None when there were none.
            failures: The entries that were not forwarded.
        """
