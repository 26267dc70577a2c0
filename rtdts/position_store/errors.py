"""What can go wrong with the position store.

PositionStoreError
└── StoreUnavailable    it may work later: nothing is known of what was asked
"""

from __future__ import annotations


class PositionStoreError(Exception):
    """Base of all errors of this package."""


class StoreUnavailable(PositionStoreError):  # noqa: N818 - named for what is the case
    """OpenSearch did not answer, or said that it can't serve now: worth asking again.

    Attributes:
        status: The HTTP status; None when there was no answer.
    """

    def __init__(self, operation: str, status: int | None, detail: str) -> None:
        self.status = status
        super().__init__(f"{operation}: {status or 'no answer'}: {detail[:500]}")
