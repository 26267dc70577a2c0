"""One limit, and how much of it a plan uses."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

Kind = Literal["size", "quota", "ours"]
"""A `size` is what production ships with; a Terraform variable raises it. A `quota` is AWS's; an
increase can be requested. One of `ours` is in the code; only a code change raises it."""

RAISE_QUOTA: Final = "request a higher quota from AWS"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LimitUsage:
    """A limit, and how much of it is used at the busiest time.

    Attributes:
        name: The limit's name.
        kind: Its origin.
        used: How much is used, in `unit`.
        limit: The limit, in `unit`.
        unit: Unit of both.
        remedy: What raises it.
    """

    name: str
    kind: Kind = "size"
    used: float
    limit: float
    unit: str
    remedy: str

    @property
    def share(self) -> float:
        """The used fraction of the limit; above 1 the limit is exceeded."""
        return self.used / self.limit
