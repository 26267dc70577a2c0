"""The stores as the broadcaster reads them: the shared fakes, with hooks during reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from rtdts.delivery_store.deliveries import FoundDeliveries
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.push_queue.nudge_queue import ReceivedNudge
from rtdts.push_queue.nudges import Nudge
from rtdts.runtime import wall_clock
from rtdts.tracking.deliveries import Delivery, DeliveryEvent
from rtdts.tracking.fixes import LatestPosition
from rtdts.tracking.positions import ShownLatest, TrackPoint, TruckInterval
from rtdts.tracking.topics import delivery_of, is_of_delivery, kind_and_name
from rtdts.tracking.truck_stops import TruckStops, stop_of
from tests.fakes.fake_delivery_store import FakeDeliveryStore
from tests.fakes.fake_nudge_queue import FakeNudgeQueue
from tests.fakes.fake_subscriptions import FakeSubscriptionStore
from tests.fakes.shown_positions import shown_of


class WatchedDeliveries(FakeDeliveryStore):
    """Deliveries that tests can change, and that record their reads.

    Attributes:
        reads: The ids of each `get_many`.
        before_read: Called before each `get_many` returns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, ...]] = []
        self.before_read: Callable[[], None] = lambda: None

    def put(self, delivery: Delivery) -> None:
        self._rows[delivery.delivery_id] = delivery

    def open_on(self, truck_id: str) -> list[Delivery]:
        return [row for row in self._rows.values() if row.is_open and row.truck_id == truck_id]

    def log(self, event: DeliveryEvent) -> None:
        self._logs.setdefault(event.delivery_id, []).append(event)

    def get_many(self, delivery_ids: Iterable[str]) -> FoundDeliveries:
        ids = tuple(delivery_ids)
        self.reads.append(ids)
        self.before_read()
        return super().get_many(ids)


class StopsOfRows:
    """The trucks' remaining stops, derived from the delivery rows.

    Attributes:
        changed_at_ms: When a delivery last left a truck; set by tests.
        reads: The trucks of each read.
        before_read: Called before each read returns.
    """

    def __init__(self, deliveries: WatchedDeliveries) -> None:
        self.changed_at_ms: dict[str, int] = {}
        self.reads: list[tuple[str, ...]] = []
        self.before_read: Callable[[], None] = lambda: None
        self._deliveries = deliveries

    def stops_of(self, truck_ids: Iterable[str]) -> dict[str, TruckStops]:
        trucks = tuple(truck_ids)
        self.reads.append(trucks)
        self.before_read()
        return {
            truck_id: TruckStops(
                stops=tuple(stop_of(row) for row in self._deliveries.open_on(truck_id)),
                changed_at_ms=self.changed_at_ms.get(truck_id, 0),
            )
            for truck_id in trucks
        }


class BreakableSubscriptions(FakeSubscriptionStore):
    """Subscriptions with some buckets that can't be read.

    Attributes:
        deliveries_read: Deliveries whose viewers were all read, in order.
        before_find: Called before each `find` returns.
        before_of_delivery: Called before each `of_delivery` returns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken_buckets: set[int] = set()
        self.deliveries_read: list[str] = []
        self.before_find: Callable[[], None] = lambda: None
        self.before_of_delivery: Callable[[str], None] = lambda _: None

    def find(self, topic: str, endpoint: str) -> Subscription | None:
        self.before_find()
        return super().find(topic, endpoint)

    def of_topic(self, topic: str) -> list[Subscription]:
        if is_of_delivery(topic):
            self.deliveries_read.append(delivery_of(topic))
            self.before_of_delivery(delivery_of(topic))
        return super().of_topic(topic)

    def of_bucket(self, bucket: int) -> Iterator[Subscription]:
        if bucket in self.broken_buckets:
            raise OSError("throttled")
        return super().of_bucket(bucket)

    def connections(self) -> set[str]:
        return {kind_and_name(endpoint)[1] for _, endpoint in self._subscriptions}


class FakePositions:
    """Stands for `PositionReader`.

    Attributes:
        trucks: The latest position of each truck.
        past: Earlier positions of trucks.
        before_read: Called before each `shown` returns.
        before_last: Called before each `last_of` returns.
        before_track: Called before each `track` returns.
    """

    def __init__(self) -> None:
        self.past: list[LatestPosition] = []
        self.before_last: Callable[[], None] = lambda: None
        self.before_track: Callable[[], None] = lambda: None
        self.trucks: dict[str, LatestPosition] = {}
        self.tracks: dict[str, list[TrackPoint]] = {}
        self.before_read: Callable[[], None] = lambda: None

    def shown(self, truck_ids: Sequence[str]) -> dict[str, ShownLatest]:
        self.before_read()
        found = {one: shown_of(self.trucks[one]) for one in truck_ids if one in self.trucks}
        return {truck_id: shown for truck_id, shown in found.items() if shown is not None}

    def last_of(self, intervals: Sequence[TruckInterval]) -> list[ShownLatest | None]:
        self.before_last()
        return [self._last_of(one) for one in intervals]

    def _last_of(self, interval: TruckInterval) -> ShownLatest | None:
        then = [
            one
            for one in self.past
            if one.newest.truck_id == interval.truck_id
            and interval.start_ms <= one.newest.event_at_ms < interval.end_ms
        ]
        last = max(then, key=lambda one: one.newest.event_at_ms, default=None)
        return shown_of(last) if last is not None else None

    def track(
        self, truck_id: str, *, start_ms: int, end_ms: int | None, limit: int
    ) -> list[TrackPoint]:
        self.before_track()
        # The complete track: this store does not decide what may be shown.
        return self.tracks.get(truck_id, [])[:limit]


class PolledNudgeQueue(FakeNudgeQueue):
    """A queue that one thread polls while others delete, and that can be unavailable.

    Attributes:
        deleted: The deleted messages, in order.
        deletions: How many messages each call deleted.
        before_delete: Called at the beginning of each deletion.
        broken: Whether receiving fails.
    """

    def __init__(self, now_ms: Callable[[], int] = wall_clock.now_ms) -> None:
        super().__init__(now_ms)
        self.deleted: list[Nudge] = []
        self.deletions: list[int] = []
        self.before_delete: Callable[[], None] = lambda: None
        self.broken = False
        self._lock = threading.Lock()

    def send(self, message: Nudge) -> None:
        with self._lock:
            super().send(message)

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> list[ReceivedNudge]:
        if self.broken:
            raise OSError("the queue is unavailable")
        with self._lock:
            received = super().receive(max_messages, wait_s)
        if not received:
            time.sleep(0.002)  # a long poll, shortened for the tests
        return received

    def delete(self, received: Sequence[ReceivedNudge]) -> list[str]:
        self.before_delete()
        with self._lock:
            super().delete(received)
        self.deleted += [one.message for one in received]
        self.deletions.append(len(received))
        return []
