"""Builds the parts of iot_lambda: the only place that reads its environment."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from botocore.config import Config

from iot_lambda.batches import METRICS, PARKINGS_AT_ONCE, DeviceBatches
from iot_lambda.classifying import MessageClassifier
from iot_lambda.enrollment_settings import Settings as EnrollmentSettings
from iot_lambda.settings import Settings
from rtdts.delivery_store.block_list import BlockList, BlockReader
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.enrollments import EnrollmentStore
from rtdts.ingest.clock_zone import first_generation_zone
from rtdts.ingest.quota import points_quota
from rtdts.runtime import wall_clock
from rtdts.runtime.aws_clients import ONE_SHORT_ATTEMPT, aws_session
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.runtime.settings import read_settings
from rtdts.telemetry_stream.parking import Parking
from rtdts.telemetry_stream.putter import StreamPutter
from rtdts.telemetry_stream.set_aside import set_aside_over_quota

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client

COMPONENT: Final = "iot_lambda"


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """The objects that an instance of the Lambda keeps between invocations."""

    batches: DeviceBatches
    settings: Settings
    metrics: MetricWriter


@functools.cache
def app() -> App:
    """Returns this process's app, built at the first call; raises as `read_settings`."""
    settings = read_settings(Settings, os.environ)
    config = Config(
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        retries={"total_max_attempts": 1},  # the putter retries, and only what failed
        max_pool_connections=PARKINGS_AT_ONCE + 1,
    )
    aws = aws_session()
    log = get_logger(COMPONENT)
    return build_app(
        settings,
        stream=aws.client("kinesis", config=config),
        objects=aws.client("s3", config=config),
        blocks=BlockStore(
            aws.client("dynamodb", config=ONE_SHORT_ATTEMPT),
            settings.blocked_identities_table,
            log=log,
        ),
        log=log,
    )


def build_app(
    settings: Settings,
    *,
    stream: KinesisClient,
    objects: S3Client,
    blocks: BlockReader,
    log: Logger,
    metrics: MetricWriter | None = None,
    now_ms: Callable[[], int] = wall_clock.now_ms,
) -> App:
    """Wires an app; its metrics are written to standard error if there is no other writer.

    Raises:
        SettingsError: A setting can't be used.
    """
    batches = DeviceBatches(
        StreamPutter(stream, settings.stream_name),
        Parking(objects, settings.parked_bucket),
        classifier=MessageClassifier(
            quota=points_quota(settings),
            blocks=BlockList(blocks, log=log, now_ms=now_ms).current,
            zone=first_generation_zone(settings.first_generation_timezone),
            max_body_bytes=settings.max_body_bytes,
            now_ms=now_ms,
        ),
        set_aside=functools.partial(set_aside_over_quota, objects, settings.parked_bucket),
        log=log,
        trace=PointTrace(settings.trace_trucks, log),
    )
    return App(
        batches=batches,
        settings=settings,
        metrics=metrics or MetricWriter(COMPONENT, METRICS),
    )


@functools.cache
def enrollments() -> EnrollmentStore:
    """Returns this process's store of enrollment secrets, like `app`."""
    settings = read_settings(EnrollmentSettings, os.environ)
    # AWS IoT Core waits 5 s for the hook; a truck that was rejected sends its request again.
    dynamodb = aws_session().client("dynamodb", config=ONE_SHORT_ATTEMPT)
    return EnrollmentStore(dynamodb, settings.device_credentials_table)
