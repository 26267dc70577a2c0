"""The errors of the delivery store.

DeliveryStoreError
├── VersionConflict    another writer wrote first: read again, decide again
├── DeliveryErased     the delivery was erased, and can't be created again
├── TruckFull          the truck carries as many open deliveries as it may
├── TooManyShares      the delivery has as many live shares as it may have
└── StoreBusy          throttled or contended for longer than the retries last
"""

from __future__ import annotations


class DeliveryStoreError(Exception):
    """Base of the store's own errors; what boto3 raises beyond these passes through."""


class VersionConflict(DeliveryStoreError):  # noqa: N818 - named for what happened
    """The delivery is not at the version and truck on which the change was decided.

    Attributes:
        delivery_id: The delivery that changed meanwhile.
    """

    def __init__(self, delivery_id: str) -> None:
        self.delivery_id = delivery_id
        super().__init__(f"delivery {delivery_id} changed meanwhile")


class DeliveryErased(DeliveryStoreError):  # noqa: N818 - named for what happened
    """A delivery of this id was erased: it can't be created again."""

    def __init__(self, delivery_id: str) -> None:
        self.delivery_id = delivery_id
        super().__init__(f"delivery {delivery_id} was erased; a new one needs another id")


class TruckFull(DeliveryStoreError):  # noqa: N818 - named for what happened
    """The truck has no room for another open delivery.

    Attributes:
        truck_id: The truck.
        limit: How many open deliveries a truck may have.
    """

    def __init__(self, truck_id: str, limit: int) -> None:
        self.truck_id = truck_id
        self.limit = limit
        super().__init__(f"truck {truck_id} already has {limit} open deliveries")


class TooManyShares(DeliveryStoreError):  # noqa: N818 - named for what happened
    """The delivery has no room for another share.

    Attributes:
        delivery_id: The delivery.
        limit: How many live shares a delivery may have.
    """

    def __init__(self, delivery_id: str, limit: int) -> None:
        self.delivery_id = delivery_id
        self.limit = limit
        super().__init__(f"delivery {delivery_id} already has {limit} shares; revoke one")


class StoreBusy(DeliveryStoreError):  # noqa: N818 - named for what happened
    """DynamoDB kept rejecting for a temporary reason: retry later.

    Attributes:
        operation: What was tried.
        reasons: DynamoDB's codes of the last rejection.
    """

    def __init__(self, operation: str, reasons: tuple[str, ...]) -> None:
        self.operation = operation
        self.reasons = reasons
        super().__init__(f"{operation} was refused: {', '.join(reasons)}")
