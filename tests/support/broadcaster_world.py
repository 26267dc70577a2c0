"""A world of deliveries, trucks and viewers, and a broadcaster on fakes of everything around it."""

from __future__ import annotations

import functools
import io
from collections.abc import Awaitable, Callable

import msgspec

from broadcaster.current_deliveries import CurrentDeliveryWriter
from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.fleet_followers import FleetFollowers
from broadcaster.fleet_parts import AllParts, FleetParts
from broadcaster.fleet_snapshots import FleetSnapshots
from broadcaster.gateway_signals import GatewaySignals
from broadcaster.keyed_locks import LOCK_WAIT_S
from broadcaster.nudge_handling import NudgeHandler, Stores
from broadcaster.nudges import NudgeConsumer
from broadcaster.pushing import Pusher
from broadcaster.quarantine import Quarantine
from broadcaster.rate_limiter import RateLimiter
from broadcaster.round import Bounds, Round
from broadcaster.round_report import RoundReport
from broadcaster.round_source import RoundBatch
from broadcaster.sender import Sender
from broadcaster.senders import Channel, Senders
from broadcaster.slots import Slots
from broadcaster.stops import StopsOfTrucks
from broadcaster.threads import StoreThreads
from broadcaster.update_messages import POSITION_WAIT_S, PositionMessages
from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.subscriptions import Subscription
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.deliveries import Assignment, Cause, Delivery, DeliveryEvent, Place, Status
from rtdts.tracking.delivery_buckets import BUCKETS
from rtdts.tracking.fixes import LatestPosition, fix_of
from rtdts.tracking.fleet_messages import Ages
from rtdts.tracking.fleet_view import FleetView
from rtdts.tracking.topics import FLEET, SOCKET, delivery_topic, socket_endpoint
from tests.fakes.fake_block_store import FakeBlockStore
from tests.fakes.fake_clock import FakeClock
from tests.fakes.fake_fleet import FakeFleet, FakeFleetLeases
from tests.fakes.fake_gateway import FakeGateway
from tests.fakes.fake_shares import FakeShareStore
from tests.fakes.fake_viewing_stores import (
    BreakableSubscriptions,
    FakePositions,
    PolledNudgeQueue,
    StopsOfRows,
    WatchedDeliveries,
)
from tests.support.points import make_point
from tests.support.virtual_time import NoThreads

HOUR_MS = 3_600_000
NUDGE_THREADS = 4
FLEET_AGES = Ages(stale_after_ms=120_000, offline_after_ms=600_000)
WORLD_VIEW = FleetView(bbox=(-180, -90, 180, 90), zoom=1)
QUARANTINE_SLOTS = 4
POST_TIMEOUT_S = 2.0
POSTS_PER_SECOND = 1e9
"""So high that the rate limiter delays no post, unless a test sets another rate."""
DESTINATION = (35.2, 129.1)
"""Every delivery's destination."""


class World:
    """The world.

    Args:
        traced: Trucks whose points are traced.
        clock: The clock; None for one that only the test advances.
        sender: Posts messages; None for the fake gateway.
        posts_per_second: The rate limiter's ceiling.
    """

    def __init__(
        self,
        traced: str = "",
        *,
        clock: FakeClock | None = None,
        sender: Sender | None = None,
        posts_per_second: float = POSTS_PER_SECOND,
    ) -> None:
        self.clock = clock or FakeClock()
        self.gateway = FakeGateway()
        self.deliveries = WatchedDeliveries()
        self.subscriptions = BreakableSubscriptions()
        self.positions = FakePositions()
        self.blocks = FakeBlockStore()
        self.shares = FakeShareStore()
        self.stops = StopsOfRows(self.deliveries)
        self.queue = PolledNudgeQueue(self.clock.now_ms)
        self.fleet = FakeFleet()
        self.leases = FakeFleetLeases("this")
        self.position_wait_s = POSITION_WAIT_S
        self.lock_wait_s = LOCK_WAIT_S
        self.snapshot_queue = PolledNudgeQueue(self.clock.now_ms)
        self.backoff = EndpointBackoff(self.clock.monotonic, uniform=max)
        self.quarantine = Quarantine(QUARANTINE_SLOTS, POST_TIMEOUT_S, self.clock.monotonic)
        self.quarantine_slots = Slots(QUARANTINE_SLOTS)
        self.rate = RateLimiter(
            posts_per_second, sleep=self.clock.sleep, monotonic=self.clock.monotonic
        )
        signals = GatewaySignals(self.backoff, self.quarantine, self.rate, self.clock.monotonic)
        # A round reads 256 buckets: in threads, most tests would spend their time switching.
        self.of_rounds = StoreThreads(NoThreads(), NoThreads())
        self.of_nudges = StoreThreads.of("nudges", tables=NUDGE_THREADS, positions=4)
        self.of_fleet = StoreThreads.of("fleet", tables=4, positions=4)
        self.of_snapshots = StoreThreads.of("snapshots", tables=NUDGE_THREADS, positions=4)
        self.written = io.StringIO()
        self.log = Logger("broadcaster", self.written)
        self.senders = Senders({SOCKET: Channel(sender or self.gateway, signals)}, log=self.log)
        self.current_deliveries = CurrentDeliveryWriter(
            self.deliveries,
            self.stops,
            self.fleet,
            self.of_fleet,
            log=self.log,
            now_ms=self.clock.now_ms,
            sleep=self.clock.sleep,
        )
        self.trace = PointTrace(traced, self.log)
        self.block_list = BlockList(self.blocks, log=self.log, now_ms=self.clock.now_ms)

    def close(self) -> None:
        self.of_rounds.close()
        self.of_nudges.close()
        self.of_fleet.close()
        self.of_snapshots.close()

    # --- deliveries, trucks and viewers ------------------------------------------------------

    def delivery(
        self,
        delivery_id: str,
        *,
        customer_id: str = "C-1",
        truck_id: str = "T-1",
        status: Status = Status.IN_TRANSIT,
        version: int = 4,
    ) -> Delivery:
        started_at_ms = self.clock.now_ms() - HOUR_MS
        delivery = Delivery(
            delivery_id=delivery_id,
            customer_id=customer_id,
            origin=Place(lat=35.1, lon=129.0),
            destination=Place(lat=DESTINATION[0], lon=DESTINATION[1]),
            status=status,
            version=version,
            assignments=(Assignment(assignment=1, truck_id=truck_id, started_at_ms=started_at_ms),),
            created_at_ms=started_at_ms,
            updated_at_ms=started_at_ms,
            shown_from_ms=None if status is Status.ASSIGNED else started_at_ms,
        )
        self.deliveries.put(delivery)
        return delivery

    def row(self, delivery_id: str) -> Delivery:
        row = self.deliveries.get(delivery_id)
        assert row is not None
        return row

    def change(self, delivery_id: str, **changes: object) -> None:
        row = self.row(delivery_id)
        self.deliveries.put(msgspec.structs.replace(row, **changes))

    def transfer(self, delivery_id: str, truck_id: str) -> None:
        """Reassigns the delivery to another truck now."""
        row = self.row(delivery_id)
        now_ms = self.clock.now_ms()
        before = msgspec.structs.replace(row.current, ended_at_ms=now_ms)
        after = Assignment(
            assignment=before.assignment + 1, truck_id=truck_id, started_at_ms=now_ms
        )
        self.change(
            delivery_id, assignments=(*row.assignments[:-1], before, after), version=row.version + 1
        )

    def event(self, delivery_id: str, version: int, status: Status, cause: Cause) -> DeliveryEvent:
        row = self.row(delivery_id)
        event = DeliveryEvent(
            delivery_id=delivery_id,
            version=version,
            status=status,
            cause=cause,
            effective_at_ms=self.clock.now_ms() - 1_000,
            recorded_at_ms=self.clock.now_ms(),
            assignment=row.assignment,
            truck_id=row.truck_id,
        )
        self.deliveries.log(event)
        return event

    def truck(
        self, truck_id: str, *, age_s: float = 5.0, at: tuple[float, float] = (35.15, 129.05)
    ) -> LatestPosition:
        at_ms = self.clock.now_ms() - round(age_s * 1000)
        fix = fix_of(make_point(truck_id, at_ms, *at))
        latest = LatestPosition(newest=fix, shown=fix)
        self.positions.trucks[truck_id] = latest
        return latest

    def closed(self, delivery_id: str, *, truck_id: str, ago_s: float) -> None:
        """Creates a delivery that was delivered some time ago; its truck has driven on since."""
        self.delivery(delivery_id, truck_id=truck_id, status=Status.DELIVERED, version=5)
        closed_at_ms = self.clock.now_ms() - round(ago_s * 1000)
        self.change(delivery_id, closed_at_ms=closed_at_ms, updated_at_ms=closed_at_ms)
        for age_s in (ago_s + 30, ago_s + 10):
            self.positions.past.append(self.truck(truck_id, age_s=age_s, at=DESTINATION))
        self.truck(truck_id)

    def viewer(
        self,
        connection_id: str,
        delivery_id: str,
        *,
        role: str = "customer",
        identity: str = "C-1",
        token_expires_in_s: float = 3_600,
        token_id: str = "",
    ) -> Subscription:
        now_ms = self.clock.now_ms()
        subscription = Subscription(
            topic=delivery_topic(delivery_id),
            endpoint=socket_endpoint(connection_id),
            role=role,
            identity=identity,
            token_expires_at_ms=now_ms + round(token_expires_in_s * 1000),
            token_id=token_id,
            token_issued_at_ms=now_ms,
            subscribed_at_ms=now_ms,
        )
        self.subscriptions.add(subscription)
        return subscription

    @property
    def tracking(self) -> set[str]:
        """Returns the connections that still have a subscription."""
        return self.subscriptions.connections()

    @property
    def logged(self) -> str:
        return self.written.getvalue()

    # --- parts of the broadcaster ------------------------------------------------------------

    def pusher(self, threads: StoreThreads) -> Pusher:
        return Pusher(
            self.deliveries,
            self.subscriptions,
            self.senders,
            self.backoff,
            threads.tables,
            blocks=self.block_list,
            shares=self.shares,
            viewing_minutes=30,
            log=self.log,
            trace=self.trace,
            now_ms=self.clock.now_ms,
            monotonic=self.clock.monotonic,
            lock_wait_s=self.lock_wait_s,
        )

    def position_messages(self) -> PositionMessages:
        return PositionMessages(
            self.positions,
            self.of_rounds.positions,
            self._stops_of_rounds,
            log=self.log,
            now_ms=self.clock.now_ms,
        )

    @functools.cached_property
    def _stops_of_rounds(self) -> StopsOfTrucks:
        """The stops that all rounds share, as in the process."""
        return StopsOfTrucks(
            self.stops, self.of_rounds.tables, log=self.log, monotonic=self.clock.monotonic
        )

    def round(self, *, slots: int = 100, chunk_size: int = 100) -> Round:
        return Round(
            self.subscriptions,
            self.pusher(self.of_rounds),
            self.position_messages,
            Bounds(Slots(slots), self.quarantine_slots, self.rate, self.backoff, self.quarantine),
            self.of_rounds.tables,
            log=self.log,
            chunk_size=chunk_size,
            now_ms=self.clock.now_ms,
            monotonic=self.clock.monotonic,
            sleep=self.clock.sleep,
        )

    async def run_round(
        self, *, slots: int = 100, chunk_size: int = 100, until_s: float | None = None
    ) -> RoundReport:
        """Runs a round; `until_s` is the time until the next one, in which posts are retried."""
        now_ms = self.clock.now_ms()
        until_ms = None if until_s is None else now_ms + round(until_s * 1000)
        batch = RoundBatch(now_ms, range(BUCKETS), until_ms=until_ms)
        return await self.round(slots=slots, chunk_size=chunk_size).run(batch)

    def follower(
        self,
        connection_id: str,
        view: FleetView = WORLD_VIEW,
        *,
        role: str = "dispatcher",
        identity: str = "ann",
        token_expires_in_s: float = 3_600,
    ) -> Subscription:
        """A dispatcher that follows the fleet."""
        now_ms = self.clock.now_ms()
        subscription = Subscription(
            topic=FLEET,
            endpoint=socket_endpoint(connection_id),
            role=role,
            identity=identity,
            token_expires_at_ms=now_ms + round(token_expires_in_s * 1000),
            token_issued_at_ms=now_ms,
            subscribed_at_ms=now_ms,
            view=view,
        )
        self.subscriptions.add(subscription)
        return subscription

    def fleet_followers(
        self,
        parts: FleetParts | None = None,
        *,
        max_trucks: int = 400,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> FleetFollowers:
        return FleetFollowers(
            self.subscriptions,
            FleetSnapshots(self.fleet, FLEET_AGES, self.of_fleet.positions, max_trucks=max_trucks),
            parts or AllParts(),
            self.senders,
            self.backoff,
            self.rate,
            self.of_fleet.tables,
            blocks=self.block_list,
            log=self.log,
            now_ms=self.clock.now_ms,
            monotonic=self.clock.monotonic,
            sleep=sleep or self.clock.sleep,
        )

    def nudge_handler(
        self, threads: StoreThreads | None = None, *, slots: int = 100, chunk_size: int = 100
    ) -> NudgeHandler:
        threads = threads or self.of_nudges
        return NudgeHandler(
            Stores(
                viewers=self.subscriptions,
                events=self.deliveries,
                positions=self.positions,
                stops=self.stops,
            ),
            self.pusher(threads),
            Slots(slots),
            self.quarantine,
            self.quarantine_slots,
            self.rate,
            threads,
            current=self.current_deliveries,
            log=self.log,
            now_ms=self.clock.now_ms,
            chunk_size=chunk_size,
            position_wait_s=self.position_wait_s,
        )

    def snapshot_consumer(self) -> NudgeConsumer:
        """Returns a consumer of snapshots: like that of nudges, with its own queue and threads."""
        return self.nudge_consumer(self.snapshot_queue, self.of_snapshots)

    def nudge_consumer(
        self,
        queue: PolledNudgeQueue | None = None,
        threads: StoreThreads | None = None,
        **options: float,
    ) -> NudgeConsumer:
        threads = threads or self.of_nudges
        return NudgeConsumer(
            queue or self.queue,
            self.nudge_handler(threads),
            self.backoff,
            self.quarantine,
            threads.tables,
            threads.tables,
            log=self.log,
            wait_s=1,
            sleep=self.clock.sleep,
            monotonic=self.clock.monotonic,
            now_ms=self.clock.now_ms,
            **options,  # type: ignore[arg-type]
        )
