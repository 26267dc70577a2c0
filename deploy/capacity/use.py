"""One limit, and how much of it a plan uses."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

Kind = Literal["size", "quota", "ours"]
"""A `size` is what production ships with: a variable of Terraform's makes it larger. A `quota` is
AWS's: one asks for more. One of `ours` is in the code: somebody has to change it."""

RAISE_QUOTA: Final = "ask AWS for more"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Use:
    """A limit, and how much of it is used at the busiest time.

    Attributes:
        name: Of the limit.
        kind: Whose it is.
        used: In `unit`.
        limit: In `unit`.
        unit: Of both.
        remedy: What moves it.
    """

    name: str
    kind: Kind
    used: float
    limit: float
    unit: str
    remedy: str

    @property
    def share(self) -> float:
        """Of the limit; above 1 it breaks."""
        return self.used / self.limit
