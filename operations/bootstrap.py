"""Builds what the commands need: the only place that reads their environment."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from botocore.config import Config

from operations.blocking import BlockPort
from operations.console import Console
from operations.device_settings import DeviceSettings
from operations.devices import DeviceAdmin
from operations.erase_customer import CustomerStores
from operations.erase_truck import TruckStores
from operations.rate_limiter import RateLimiter
from operations.replay_backup import IntoRawLog, IntoStream
from operations.replay_failed_messages import FailedMessageStores
from operations.settings import Settings
from operations.stream_replayer import StreamReplayer
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.devices import DeviceStore
from rtdts.delivery_store.enrollments import EnrollmentStore
from rtdts.delivery_store.erasure import CustomerErasure
from rtdts.delivery_store.matches import MatchStore
from rtdts.position_store.client import connect_by
from rtdts.position_store.erasure import DeliveryErasure, TruckErasure
from rtdts.position_store.raw_log import RawLog
from rtdts.runtime import wall_clock
from rtdts.runtime.aws_clients import aws_session
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import get_logger
from rtdts.runtime.settings import read_settings
from rtdts.telemetry_stream.bucket_objects import BucketObjects
from rtdts.telemetry_stream.device_stream import DeviceStream
from rtdts.telemetry_stream.failed_messages import FailedMessages
from rtdts.telemetry_stream.firehose_backup import FirehoseBackup
from rtdts.telemetry_stream.parked_records import ParkedRecords
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.telemetry_stream.set_aside import SetAsideBatches
from rtdts.telemetry_stream.stream_retention import StreamRetention

# No client waits for these requests: the SDK may retry for long.
_RETRYING = Config(
    connect_timeout=5, read_timeout=60, retries={"mode": "standard", "max_attempts": 8}
)
# The putter itself retries, and only what failed.
_ONE_ATTEMPT = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}
)
_SEARCH_TIMEOUT_S = 120.0
"""A batch of an erasure deletes 10,000 documents and refreshes."""
_RAW_LOG_ATTEMPTS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operator:
    """Everything that a command may use.

    Attributes:
        truck: The stores with a truck's data.
        customer: The stores with a customer's data.
        failed_messages: Messages that AWS IoT Core could not write, and their target; None without
            that endpoint.
        set_aside: Batches of that endpoint that Lambda could not process.
        replayer: Creates the writer to the stream, limited to a number of points per second.
        into_stream: The stream as a target of a backup's replay.
        into_raw_log: The raw log as a target of a backup's replay.
        console: Where progress is reported.
    """

    truck: TruckStores
    customer: CustomerStores
    blocks: BlockPort
    parked: ParkedRecords
    backup: FirehoseBackup
    failed_messages: FailedMessageStores | None
    set_aside: SetAsideBatches
    retention: StreamRetention
    replayer: Callable[[float], StreamReplayer]
    into_stream: Callable[[float], IntoStream]
    into_raw_log: Callable[[float], IntoRawLog]
    now_ms: Callable[[], int]
    console: Console


def build(environ: Mapping[str, str]) -> Operator:
    """Reads the settings, then makes the clients; raises as `read_settings`."""
    settings = read_settings(Settings, environ)
    # opensearch-py logs every failed request with its trace; the command reports the consequence.
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    aws = aws_session(settings.region)
    dynamodb = aws.client("dynamodb", config=_RETRYING)
    s3 = aws.client("s3", config=_RETRYING)
    sqs = aws.client("sqs", config=_RETRYING)
    kinesis = aws.client("kinesis", config=_ONE_ATTEMPT)
    search = connect_by(settings, timeout_s=_SEARCH_TIMEOUT_S)
    console = Console()
    parked = ParkedRecords(BucketObjects(s3, settings.parked_bucket))
    set_aside = SetAsideBatches(BucketObjects(s3, settings.parked_bucket))
    backup = FirehoseBackup(BucketObjects(s3, settings.raw_backup_bucket))

    def replayer(points_per_second: float) -> StreamReplayer:
        return StreamReplayer(
            StreamPutter(kinesis, settings.stream_name), RateLimiter(points_per_second)
        )

    def into_raw_log(points_per_second: float) -> IntoRawLog:
        return IntoRawLog(
            RawLog(search, repeatable=True),
            RateLimiter(points_per_second),
            waits_s=_raw_log_waits_s,
            sleep=time.sleep,
            console=console,
        )

    failed_messages = None
    if settings.device_messages_stream and settings.failed_messages_queue_url:
        failed_messages = FailedMessageStores(
            queue=FailedMessages(sqs, settings.failed_messages_queue_url),
            stream=DeviceStream(kinesis, settings.device_messages_stream),
        )

    return Operator(
        truck=TruckStores(
            buckets={
                "parked records": parked,
                "batches set aside": set_aside,
                "Firehose's backup": backup,
            },
            search=TruckErasure(search),
            matches=MatchStore(dynamodb, settings.tables),
        ),
        customer=CustomerStores(
            deliveries=CustomerErasure(dynamodb, settings.tables),
            search=DeliveryErasure(search),
            sleep=time.sleep,
        ),
        blocks=BlockStore(
            dynamodb, settings.blocked_identities_table, log=get_logger("operations")
        ),
        parked=parked,
        backup=backup,
        failed_messages=failed_messages,
        set_aside=set_aside,
        retention=StreamRetention(kinesis, settings.stream_name),
        replayer=replayer,
        into_stream=lambda rate: IntoStream(
            replayer(rate), console=console, now_ms=wall_clock.now_ms
        ),
        into_raw_log=into_raw_log,
        now_ms=wall_clock.now_ms,
        console=console,
    )


def build_device_admin(environ: Mapping[str, str]) -> DeviceAdmin:
    """Builds what the commands about devices need, as `build`."""
    settings = read_settings(DeviceSettings, environ)
    dynamodb = aws_session(settings.region).client("dynamodb", config=_RETRYING)
    return DeviceAdmin(
        devices=DeviceStore(dynamodb, settings.device_credentials_table),
        enrollments=EnrollmentStore(dynamodb, settings.device_credentials_table),
        server_url=settings.server_url,
        now_ms=wall_clock.now_ms,
    )


def _raw_log_waits_s() -> Iterator[float]:
    return islice(backoff_s(first_s=0.5, max_s=30.0), _RAW_LOG_ATTEMPTS)
