"""The stores as the broadcaster reads them, in memory, with a hook to change things mid-read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from rtdts.delivery_store.subscriptions import Subscription
from rtdts.push_queue.nudge_queue import ReceivedNudge
from rtdts.push_queue.nudges import Nudge
from rtdts.tracking.deliveries import Delivery, DeliveryEvent
from rtdts.tracking.point_identity import delivery_bucket
from rtdts.tracking.positions import LatestPosition, TrackPoint


class FakeDeliveries:
    def __init__(self) -> None:
        self.rows: dict[str, Delivery] = {}
        self.log: list[DeliveryEvent] = []
        self.reads: list[tuple[str, ...]] = []
        self.before_read: Callable[[], None] = lambda: None

    def get_many(self, delivery_ids: Iterable[str]) -> dict[str, Delivery]:
        ids = tuple(delivery_ids)
        self.reads.append(ids)
        self.before_read()
        return {one: self.rows[one] for one in ids if one in self.rows}

    def events(self, delivery_id: str, after_version: int = 0) -> list[DeliveryEvent]:
        return [
            event
            for event in self.log
            if event.delivery_id == delivery_id and event.version > after_version
        ]


class FakeSubscriptions:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Subscription] = {}
        self.broken_buckets: set[int] = set()

    def add(self, subscription: Subscription) -> None:
        self.rows[subscription.delivery_id, subscription.connection_id] = subscription

    def remove(self, delivery_id: str, connection_id: str) -> None:
        self.rows.pop((delivery_id, connection_id), None)

    def of_delivery(self, delivery_id: str) -> list[Subscription]:
        return [one for one in self.rows.values() if one.delivery_id == delivery_id]

    def of_bucket(self, bucket: int) -> Iterable[Subscription]:
        if bucket in self.broken_buckets:
            raise OSError("throttled")
        return [one for one in self.rows.values() if delivery_bucket(one.delivery_id) == bucket]


class FakePositions:
    def __init__(self) -> None:
        self.trucks: dict[str, LatestPosition] = {}
        self.tracks: dict[str, list[TrackPoint]] = {}
        self.before_read: Callable[[], None] = lambda: None

    def latest(self, truck_ids: Sequence[str]) -> dict[str, LatestPosition]:
        self.before_read()
        return {one: self.trucks[one] for one in truck_ids if one in self.trucks}

    def track(
        self, truck_id: str, *, start_ms: int, end_ms: int | None, limit: int
    ) -> list[TrackPoint]:
        # The whole of it: what may be seen is not this store's to decide.
        return self.tracks.get(truck_id, [])[:limit]


class FakeNudgeQueue:
    def __init__(self) -> None:
        self.waiting: list[Nudge] = []
        self.deleted: list[Nudge] = []
        self.broken = False

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> list[ReceivedNudge]:
        if self.broken:
            raise OSError("the queue is away")
        if not self.waiting:
            time.sleep(0.002)  # a long poll, as short as a test's patience
        batch, self.waiting = self.waiting[:max_messages], self.waiting[max_messages:]
        return [ReceivedNudge(nudge=nudge, receipt_handle="r") for nudge in batch]

    def delete(self, received: ReceivedNudge) -> None:
        self.deleted.append(received.nudge)
