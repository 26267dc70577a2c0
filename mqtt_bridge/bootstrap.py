"""Builds the bridge: the only place that reads its environment and makes its clients."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import tzinfo
from functools import partial
from typing import Final, TypeVar

from botocore.config import Config

from mqtt_bridge.app import Bridge, Connection
from mqtt_bridge.broker_client import BrokerConnection
from mqtt_bridge.classifying import Classification, Message, classify
from mqtt_bridge.current_blocks import CurrentBlocks
from mqtt_bridge.parking_queue import PARKINGS_AT_ONCE
from mqtt_bridge.quota import BridgeQuota
from mqtt_bridge.session import MAX_SET_ASIDES_AT_ONCE, Ports, Session
from mqtt_bridge.settings import Settings
from mqtt_bridge.tally import METRICS, Tally
from rtdts.delivery_store.block_list import READ_EVERY_S, BlockList
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.ingest.clock_zone import first_generation_zone
from rtdts.ingest.quota import points_quota
from rtdts.runtime import wall_clock
from rtdts.runtime.aws_clients import ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import get_logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.parking import Parking, UnusableMessage
from rtdts.telemetry_stream.putter import Batch, PutOutcome, StreamPutter
from rtdts.tracking.roles import TRUCK

COMPONENT: Final = "mqtt_bridge"
T = TypeVar("T")
_FIRST_WAIT_S: Final = 0.1
MAX_WAIT_S: Final = 2.0
"""A bridge must be connected again within 15 s of a broker's restart, and the waits add up."""
_KEEPALIVE_S: Final = 15
"""Silence after which the bridge pings the broker. A broker ends a connection after 1.5 times as
long without a packet (MQTT 5.0, 3.1.2.10), and then delivers its messages to another bridge."""
_PUT_THREADS: Final = 4
"""Concurrent puts. One has up to 500 records, and a shard accepts 1,000 of them per second."""
_THREADS: Final = _PUT_THREADS + PARKINGS_AT_ONCE + MAX_SET_ASIDES_AT_ONCE + 1
"""One thread per put, parking and set-aside in progress, and one that reads the blocks."""


@asynccontextmanager
async def bridge_of(settings: Settings) -> AsyncIterator[Bridge]:
    """Builds the bridge; its threads end with it.

    Raises:
        SettingsError: The zone of first-generation trucks can't be used.
    """
    zone = first_generation_zone(settings.first_generation_timezone)
    log = get_logger(COMPONENT)
    tally = Tally()
    trace = PointTrace(settings.trace_trucks, log)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
    dynamodb = aws_session(settings.region).client("dynamodb", config=ONE_SHORT_ATTEMPT)
    store = BlockStore(dynamodb, settings.blocked_identities_table, log=log)
    block_list = BlockList(store, log=log, now_ms=wall_clock.now_ms)
    blocks = CurrentBlocks(partial(_in_thread, pool, block_list.current))
    await blocks.read()
    ports = _ports(settings, pool, blocks, zone)

    def connection() -> BrokerConnection:
        return BrokerConnection(
            host=settings.broker_host,
            port=settings.broker_port,
            tls=ssl.create_default_context() if settings.broker_tls else None,
            username=settings.username,
            password=settings.password,
            receive_maximum=settings.receive_maximum,
            keepalive_s=_KEEPALIVE_S,
            session_expiry_s=settings.session_expiry_s,
        )

    def session(of: Connection) -> Session:
        return Session(
            of,
            ports,
            gather_s=settings.gather_ms / 1_000,
            puts_at_once=_PUT_THREADS,
            tally=tally,
            log=log,
            trace=trace,
        )

    reading = asyncio.create_task(blocks.keep_reading(READ_EVERY_S), name="blocks")
    try:
        yield Bridge(
            connection,
            session,
            waits_s=_waits_s,
            tally=tally,
            metrics=MetricWriter(COMPONENT, METRICS),
            log=log,
        )
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        pool.shutdown(wait=False, cancel_futures=True)


def _waits_s() -> Iterator[float]:
    return backoff_s(first_s=_FIRST_WAIT_S, max_s=MAX_WAIT_S)


async def _in_thread(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, call)


def _ports(
    settings: Settings, pool: ThreadPoolExecutor, blocks: CurrentBlocks, zone: tzinfo
) -> Ports:
    config = Config(
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        retries={"total_max_attempts": 1},  # the session retries, and only what failed
        max_pool_connections=_THREADS,
    )
    aws = aws_session(settings.region)
    putter = StreamPutter(aws.client("kinesis", config=config), settings.stream_name)
    parking = Parking(aws.client("s3", config=config), settings.parked_bucket)

    def classify_now(message: Message) -> Classification:
        now_ms = wall_clock.now_ms()
        return classify(
            message,
            received_at_ms=now_ms,
            zone=zone,
            max_body_bytes=settings.max_body_bytes,
            is_revoked=lambda truck_id: blocks.current.is_revoked(TRUCK, truck_id, now_ms),
        )

    async def put(batches: Sequence[Batch]) -> Sequence[PutOutcome]:
        return await _in_thread(pool, partial(putter.put_all, batches, Deadline(0)))

    async def park(truck_id: str | None, messages: Sequence[UnusableMessage]) -> None:
        await _in_thread(pool, partial(parking.park_messages, messages, truck_id=truck_id))

    async def set_aside(batch: Batch) -> None:
        await _in_thread(
            pool, partial(parking.park_points, batch.payloads, truck_id=batch.truck_id)
        )

    return Ports(
        classify=classify_now,
        put=put,
        set_aside=set_aside,
        quota=BridgeQuota(points_quota(settings), lambda: blocks.current, now_ms=wall_clock.now_ms),
        park=park,
        clock=time.monotonic,
        waits_s=_waits_s,
    )
