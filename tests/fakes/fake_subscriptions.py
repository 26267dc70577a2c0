"""Subscriptions in memory."""

from __future__ import annotations

from collections import defaultdict
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
        # A round reads 256 buckets: searching all subscriptions for each would be too slow.
        self._topics: defaultdict[int, set[str]] = defaultdict(set)
        self._endpoints: defaultdict[str, set[str]] = defaultdict(set)
        for subscription in subscriptions:
            self.add(subscription)

    def add(self, subscription: Subscription) -> None:
        if code := breach("put_item", {"Item": to_item(subscription)}):
            raise client_error(code)
        key = (subscription.topic, subscription.endpoint)
        stored = self._subscriptions.get(key)
        if stored is None or stored.subscribed_at_ms <= subscription.subscribed_at_ms:
            self._subscriptions[key] = subscription
            self._endpoints[subscription.topic].add(subscription.endpoint)
            if is_of_delivery(subscription.topic):
                bucket = delivery_bucket(delivery_of(subscription.topic))
                self._topics[bucket].add(subscription.topic)

    def has(self, topic: str, endpoint: str) -> bool:
        return (topic, endpoint) in self._subscriptions

    def find(self, topic: str, endpoint: str) -> Subscription | None:
        return self._subscriptions.get((topic, endpoint))

    def remove(self, topic: str, endpoint: str, *, until_ms: int) -> None:
        stored = self._subscriptions.get((topic, endpoint))
        if stored is not None and stored.subscribed_at_ms <= until_ms:
            self._drop(topic, endpoint)

    def end(self, read: Subscription) -> None:
        stored = self._subscriptions.get((read.topic, read.endpoint))
        if stored is not None and stored.subscribed_at_ms == read.subscribed_at_ms:
            self._drop(read.topic, read.endpoint)

    def remove_endpoint(self, endpoint: str) -> int:
        gone = [key for key in self._subscriptions if key[1] == endpoint]
        for key in gone:
            self._drop(*key)
        return len(gone)

    def of_topic(self, topic: str) -> list[Subscription]:
        return self._of_topic(topic)

    def of_bucket(self, bucket: int) -> Iterator[Subscription]:
        for topic in sorted(self._topics[bucket]):
            yield from self._of_topic(topic)

    def _of_topic(self, topic: str) -> list[Subscription]:
        # Another thread may remove one of them meanwhile.
        found = (self._subscriptions.get((topic, one)) for one in sorted(self._endpoints[topic]))
        return [one for one in found if one is not None]

    def _drop(self, topic: str, endpoint: str) -> None:
        del self._subscriptions[topic, endpoint]
        self._endpoints[topic].discard(endpoint)

    def count_deliveries(self, endpoint: str) -> int:
        return sum(one == endpoint and topic != FLEET for topic, one in self._subscriptions)
