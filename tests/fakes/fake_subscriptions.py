"""Subscriptions in memory."""

from __future__ import annotations

from collections.abc import Iterator

from rtdts.delivery_store.items import to_item
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.tracking.delivery_buckets import delivery_bucket
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeSubscriptionStore:
    """Stands for `SubscriptionStore`; its indexes never lag."""

    def __init__(self, *subscriptions: Subscription) -> None:
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        for subscription in subscriptions:
            self.add(subscription)

    def add(self, subscription: Subscription) -> None:
        if code := breach("put_item", {"Item": to_item(subscription)}):
            raise client_error(code)
        key = (subscription.delivery_id, subscription.connection_id)
        self._subscriptions[key] = subscription

    def has(self, delivery_id: str, connection_id: str) -> bool:
        return (delivery_id, connection_id) in self._subscriptions

    def find(self, delivery_id: str, connection_id: str) -> Subscription | None:
        return self._subscriptions.get((delivery_id, connection_id))

    def remove(self, delivery_id: str, connection_id: str, *, until_ms: int) -> None:
        stands = self._subscriptions.get((delivery_id, connection_id))
        if stands is not None and stands.subscribed_at_ms <= until_ms:
            del self._subscriptions[delivery_id, connection_id]

    def forget(self, read: Subscription) -> None:
        stands = self._subscriptions.get((read.delivery_id, read.connection_id))
        if stands is not None and stands.subscribed_at_ms == read.subscribed_at_ms:
            del self._subscriptions[read.delivery_id, read.connection_id]

    def remove_connection(self, connection_id: str) -> int:
        gone = [key for key in self._subscriptions if key[1] == connection_id]
        for key in gone:
            del self._subscriptions[key]
        return len(gone)

    def of_delivery(self, delivery_id: str) -> list[Subscription]:
        return [one for key, one in sorted(self._subscriptions.items()) if key[0] == delivery_id]

    def of_bucket(self, bucket: int) -> Iterator[Subscription]:
        for (delivery_id, _), one in sorted(self._subscriptions.items()):
            if delivery_bucket(delivery_id) == bucket:
                yield one

    def count_of_connection(self, connection_id: str) -> int:
        return sum(1 for _, connection in self._subscriptions if connection == connection_id)
