"""Builds the broadcaster: the only place that reads its environment and makes its clients."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from typing import Final

from botocore.config import Config

from broadcaster.app import METRICS, Broadcaster
from broadcaster.connection_pool import ConnectionPool
from broadcaster.credentials import CachedCredentials, NoCredentialsError
from broadcaster.current_deliveries import CurrentDeliveryWriter
from broadcaster.endpoint_backoff import EndpointBackoff
from broadcaster.fleet_followers import FleetFollowers
from broadcaster.fleet_parts import AllParts, FleetParts, LeasedParts
from broadcaster.fleet_snapshots import FleetSnapshots
from broadcaster.gateway_signals import GatewaySignals
from broadcaster.nudge_handling import NudgeHandler, Stores
from broadcaster.nudges import NudgeConsumer
from broadcaster.position_circuit_breaker import PositionCircuitBreaker
from broadcaster.poster import SocketPoster
from broadcaster.pushing import Pusher
from broadcaster.quarantine import Quarantine
from broadcaster.rate_limiter import RateLimiter
from broadcaster.round import Bounds, Round
from broadcaster.round_source import LocalRounds, RoundSource
from broadcaster.senders import Channel, Senders
from broadcaster.settings import Settings
from broadcaster.shared_rounds import SharedRounds
from broadcaster.signing import PostSigner
from broadcaster.slots import Slots
from broadcaster.stops import StopsOfTrucks
from broadcaster.threads import STORE_THREADS, StoreThreads, Threads
from broadcaster.update_messages import PositionMessages
from rtdts.delivery_store.block_list import BlockList
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.deliveries import DeliveryStore
from rtdts.delivery_store.fleet_leases import FleetLeaseStore
from rtdts.delivery_store.matches import MatchStore
from rtdts.delivery_store.shares import ShareStore
from rtdts.delivery_store.subscriptions import SubscriptionStore
from rtdts.position_store.client import connect_by
from rtdts.position_store.fleet import CurrentDeliveries, FleetReader
from rtdts.position_store.reader import PositionReader
from rtdts.push_queue.nudge_queue import NudgeQueue
from rtdts.push_queue.round_queue import RoundQueue
from rtdts.push_queue.snapshot_queue import SnapshotQueue
from rtdts.runtime import wall_clock
from rtdts.runtime.aws_clients import ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.logs import get_logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.tracking.fleet_messages import Ages
from rtdts.tracking.topics import SOCKET

COMPONENT: Final = "broadcaster"

_STORE_TIMEOUT_S: Final = 1.5
"""A right is valid for 1.5 s from the start of its reading. A later response is useless."""
_POSITION_THREADS: Final = 4
"""Threads that read positions, for each of rounds, nudges and snapshots. Together they are as many
as the OpenSearch client's connections."""
_FLEET_THREADS: Final = 4
"""Threads of the fleet view for tables, and as many for OpenSearch. They have their own
connections, so that no round waits for a view."""
_CURRENT_THREADS: Final = 2
"""Threads for tables that write people's changes to the fleet view, and as many for OpenSearch.
They are separate, so that no view waits for them."""
_ROUND_QUEUE_THREADS: Final = 4
"""Threads that call the round queue. One sends buckets for a moment; the others extend and delete
the buckets in progress."""
_KEEP_ALIVE_S: Final = 75.0
"""How long an idle connection is kept: longer than a round's interval, so that each round reuses
the connections of the one before."""


@asynccontextmanager
async def broadcaster_of(settings: Settings) -> AsyncIterator[Broadcaster]:
    """Builds the broadcaster; its connections are closed at the end.

    Raises:
        NoCredentialsError: There are no AWS credentials.
    """
    with ExitStack() as ends:
        yield _wire(settings, ends)


def _wire(settings: Settings, ends: ExitStack) -> Broadcaster:
    log = get_logger(COMPONENT)
    of_rounds, of_nudges, of_snapshots, of_fleet, of_current = (
        ends.enter_context(closing(StoreThreads.of(name, tables=tables, positions=positions)))
        for name, tables, positions in (
            ("rounds", STORE_THREADS, _POSITION_THREADS),
            ("nudges", STORE_THREADS, _POSITION_THREADS),
            ("snapshots", STORE_THREADS, _POSITION_THREADS),
            ("fleet", _FLEET_THREADS, _FLEET_THREADS),
            ("current", _CURRENT_THREADS, _CURRENT_THREADS),
        )
    )
    # Each long poll has a thread of its own.
    nudge_poll, snapshot_poll, round_poll, round_queue = (
        ends.enter_context(closing(Threads(count, name)))
        for name, count in (
            ("nudge-poll", 1),
            ("snapshot-poll", 1),
            ("round-poll", 1),
            ("round-queue", _ROUND_QUEUE_THREADS),
        )
    )
    api = ConnectionPool(settings.socket_management_url, max_idle_s=_KEEP_ALIVE_S)
    ends.callback(api.close)
    aws = aws_session(settings.region)
    found = aws.get_credentials()
    if found is None:
        raise NoCredentialsError("no AWS credentials were found")
    credentials = CachedCredentials(found.get_frozen_credentials, of_rounds.tables)

    store_config = Config(
        connect_timeout=_STORE_TIMEOUT_S,
        read_timeout=_STORE_TIMEOUT_S,
        retries={"total_max_attempts": 2, "mode": "standard"},
        max_pool_connections=3 * STORE_THREADS + _FLEET_THREADS + _CURRENT_THREADS,
    )
    polling_config = Config(
        connect_timeout=_STORE_TIMEOUT_S,
        read_timeout=settings.queue_wait_s + 5,
        retries={"total_max_attempts": 2, "mode": "standard"},
        # The threads of the stores also delete nudges.
        max_pool_connections=2 * STORE_THREADS + 3,
    )
    dynamodb = aws.client("dynamodb", config=store_config)
    # botocore creates the exception classes at first use. Two threads at once would create two
    # sets, and `except` would match only one of them.
    _ = dynamodb.exceptions
    tables = settings.tables
    deliveries = DeliveryStore(dynamodb, tables)
    shares = ShareStore(dynamodb, tables)
    matches = MatchStore(dynamodb, tables, log=log)
    subscriptions = SubscriptionStore(dynamodb, tables)
    positions = PositionCircuitBreaker(
        PositionReader(connect_by(settings, timeout_s=_STORE_TIMEOUT_S))
    )
    blocks = BlockStore(
        aws.client("dynamodb", config=ONE_SHORT_ATTEMPT),
        settings.blocked_identities_table,
        log=log,
    )
    block_list = BlockList(blocks, log=log, now_ms=wall_clock.now_ms)
    sqs = aws.client("sqs", config=polling_config)
    nudge_queue = NudgeQueue(
        sqs,
        settings.nudge_queue_url,
        dead_letters_url=settings.nudge_dead_letter_queue_url,
        log=log,
    )
    snapshot_queue = SnapshotQueue(
        sqs,
        settings.snapshot_queue_url,
        dead_letters_url=settings.snapshot_dead_letter_queue_url,
        log=log,
    )

    rate = RateLimiter(settings.posts_per_second)
    backoff = EndpointBackoff()
    quarantine = Quarantine(settings.quarantine_posts, settings.post_timeout_s)
    quarantine_slots = Slots(settings.quarantine_posts)
    poster = SocketPoster(
        api,
        PostSigner(settings.socket_management_url, settings.region),
        credentials,
        timeout_s=settings.post_timeout_s,
        log=log,
    )
    senders = Senders({SOCKET: Channel(poster, GatewaySignals(backoff, quarantine, rate))}, log=log)

    def pusher(threads: StoreThreads) -> Pusher:
        return Pusher(
            deliveries,
            subscriptions,
            senders,
            backoff,
            threads.tables,
            blocks=block_list,
            shares=shares,
            viewing_minutes=settings.viewing_minutes,
            log=log,
            trace=PointTrace(settings.trace_trucks, log),
        )

    stops = StopsOfTrucks(matches, of_rounds.tables, log=log)
    round_ = Round(
        subscriptions,
        pusher(of_rounds),
        lambda: PositionMessages(positions, of_rounds.positions, stops, log=log),
        Bounds(
            slots=Slots(settings.round_posts),
            quarantine_slots=quarantine_slots,
            rate=rate,
            backoff=backoff,
            quarantine=quarantine,
        ),
        of_rounds.tables,
        log=log,
    )
    fleet_search = connect_by(settings, timeout_s=_STORE_TIMEOUT_S)
    ages = Ages(
        stale_after_ms=settings.fleet_stale_after_s * 1000,
        offline_after_ms=settings.fleet_offline_after_s * 1000,
    )
    current = CurrentDeliveryWriter(
        deliveries, matches, CurrentDeliveries(fleet_search), of_current, log=log
    )
    parts: FleetParts = AllParts()
    if settings.round_queue_url:
        leases = FleetLeaseStore(dynamodb, tables, holder=uuid.uuid4().hex)
        parts = LeasedParts(leases, of_fleet.tables, log=log)
    fleet = FleetFollowers(
        subscriptions,
        FleetSnapshots(
            FleetReader(fleet_search, ages),
            ages,
            of_fleet.positions,
            max_trucks=settings.fleet_max_trucks,
        ),
        parts,
        senders,
        backoff,
        rate,
        of_fleet.tables,
        blocks=block_list,
        log=log,
    )
    stores = Stores(viewers=subscriptions, events=deliveries, positions=positions, stops=matches)

    def consumer(
        queue: NudgeQueue | SnapshotQueue, threads: StoreThreads, polling: Threads
    ) -> NudgeConsumer:
        handler = NudgeHandler(
            stores,
            pusher(threads),
            Slots(settings.nudge_posts),
            quarantine,
            quarantine_slots,
            rate,
            threads,
            current=current,
            log=log,
            now_ms=wall_clock.now_ms,
        )
        return NudgeConsumer(
            queue,
            handler,
            backoff,
            quarantine,
            polling,
            threads.tables,
            log=log,
            wait_s=settings.queue_wait_s,
        )

    source: RoundSource = LocalRounds(
        settings.round_interval_s, spread=settings.round_spread, sleep=asyncio.sleep
    )
    if settings.round_queue_url:
        source = SharedRounds(
            # With short timeouts: extending or releasing a bucket is useful only within seconds.
            RoundQueue(
                aws.client("sqs", config=store_config),
                settings.round_queue_url,
                polling=sqs,
                log=log,
            ),
            settings.round_interval_s,
            round_poll,
            round_queue,
            log=log,
            wait_s=settings.queue_wait_s,
            spread=settings.round_spread,
        )
    return Broadcaster(
        source,
        round_,
        consumer(nudge_queue, of_nudges, nudge_poll),
        consumer(snapshot_queue, of_snapshots, snapshot_poll),
        fleet,
        credentials,
        rate,
        metrics=MetricWriter(COMPONENT, METRICS),
        log=log,
    )
