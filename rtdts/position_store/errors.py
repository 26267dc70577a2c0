"""The errors of the position store.

PositionStoreError
└── StoreUnavailable    temporary: the result of the request is unknown
"""

from __future__ import annotations


class PositionStoreError(Exception):
    """Base of all errors of this package."""


class StoreUnavailable(PositionStoreError):  # noqa: N818 - named for what is the case
    """OpenSearch did not respond, or reported a temporary failure: a retry may succeed.

    Attributes:
        status: The HTTP status; None when there was no response.
    """

    def __init__(self, operation: str, status: int | None, detail: str) -> None:
        self.status = status
        super().__init__(f"{operation}: {status or 'no response'}: {detail[:500]}")
