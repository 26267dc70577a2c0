"""Subscriptions in memory."""

from __future__ import annotations

from collections.abc import Iterator

from rtdts.delivery_store.items import to_item
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.tracking.delivery_buckets import delivery_bucket
from rtdts.tracking.topics import FLEET, delivery_of, is_of_delivery
from tests.fakes.aws_limits import breach
from tests.fakes.scripted_client import client_error


class FakeSubscriptionStore:
    """Stands for `SubscriptionStore`; its indexes never lag."""

    def __init__(self, *subscriptions: Subscription) -> None:
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._buckets: dict[str, int | None] = {}  # by topic: a hash each time would cost the most
        for subscription in subscriptions:
            self.add(subscription)

    def add(self, subscription: Subscription) -> None:
        if code := breach("put_item", {"Item": to_item(subscription)}):
            raise client_error(code)
        key = (subscription.topic, subscription.endpoint)
        stands = self._subscriptions.get(key)
        if stands is None or stands.subscribed_at_ms <= subscription.subscribed_at_ms:
            self._subscriptions[key] = subscription

    def has(self, topic: str, endpoint: str) -> bool:
        return (topic, endpoint) in self._subscriptions

    def find(self, topic: str, endpoint: str) -> Subscription | None:
        return self._subscriptions.get((topic, endpoint))

    def remove(self, topic: str, endpoint: str, *, until_ms: int) -> None:
        stands = self._subscriptions.get((topic, endpoint))
        if stands is not None and stands.subscribed_at_ms <= until_ms:
            del self._subscriptions[topic, endpoint]

    def end(self, read: Subscription) -> None:
        stands = self._subscriptions.get((read.topic, read.endpoint))
        if stands is not None and stands.subscribed_at_ms == read.subscribed_at_ms:
            del self._subscriptions[read.topic, read.endpoint]

    def remove_endpoint(self, endpoint: str) -> int:
        gone = [key for key in self._subscriptions if key[1] == endpoint]
        for key in gone:
            del self._subscriptions[key]
        return len(gone)

    def of_topic(self, topic: str) -> list[Subscription]:
        return [one for key, one in sorted(self._subscriptions.items()) if key[0] == topic]

    def of_bucket(self, bucket: int) -> Iterator[Subscription]:
        mine = [key for key in self._subscriptions if self._bucket(key[0]) == bucket]
        yield from [self._subscriptions[key] for key in sorted(mine)]

    def _bucket(self, topic: str) -> int | None:
        if topic not in self._buckets:
            self._buckets[topic] = (
                delivery_bucket(delivery_of(topic)) if is_of_delivery(topic) else None
            )
        return self._buckets[topic]

    def count_deliveries(self, endpoint: str) -> int:
        return sum(one == endpoint and topic != FLEET for topic, one in self._subscriptions)
