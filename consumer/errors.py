"""Why a batch could not be finished.

ConsumerError
├── RetriesExhausted    a store stayed unavailable for the whole budget: exit; the batch is retried
└── LeaseLost           another process has the shard's lease now: write nothing more
"""

from __future__ import annotations


class ConsumerError(Exception):
    """Base of the consumer's own errors."""


class RetriesExhausted(ConsumerError):  # noqa: N818 - named for what happened
    """A store did not become available in time.

    Attributes:
        operation: What was tried.
    """

    def __init__(self, operation: str, waited_s: float) -> None:
        self.operation = operation
        super().__init__(f"{operation}: given up after {waited_s:.0f} s")


class LeaseLost(ConsumerError):  # noqa: N818 - named for what happened
    """A truck's state was written by another process since this one read it.

    Attributes:
        truck_id: The truck.
        writer_id: The other process.
    """

    def __init__(self, truck_id: str, writer_id: str) -> None:
        self.truck_id = truck_id
        self.writer_id = writer_id
        super().__init__(f"the state of truck {truck_id} was written by {writer_id}")
