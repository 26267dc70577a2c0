"""The one place of ingest_lambda that reads the environment and builds clients."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from ingest_lambda.phones import PhoneService
from ingest_lambda.service import METRICS, Limits, TelemetryService
from ingest_lambda.settings import Settings
from rtdts.delivery_store.block_list import BlockList, BlockReader
from rtdts.delivery_store.blocked_identities import BlockStore
from rtdts.delivery_store.devices import DeviceStore
from rtdts.delivery_store.known_devices import DeviceReader, KnownDevices
from rtdts.ingest.clock_zone import first_generation_zone
from rtdts.ingest.intake import Intake
from rtdts.runtime import wall_clock
from rtdts.runtime.logs import Logger, get_logger
from rtdts.runtime.metric_sums import MetricSums
from rtdts.runtime.metrics import MetricWriter
from rtdts.runtime.point_trace import PointTrace
from rtdts.runtime.sample import Sample
from rtdts.runtime.settings import read_settings
from rtdts.telemetry_stream.putter import StreamPutter

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient

COMPONENT = "ingest_lambda"
_TABLES_TIMEOUT_S = 1.0
"""Timeout of reading blocked identities or a device, each once in 10 s: a request waits for it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class App:
    """The objects that an instance of the Lambda keeps between its invocations."""

    service: TelemetryService
    phones: PhoneService
    settings: Settings
    log: Logger
    metrics: MetricSums
    sample: Sample
    """The sample of ordinary requests that have a line in the log."""
    trace: PointTrace


@functools.cache
def app() -> App:
    """Returns this process's app, built at the first call; raises as `read_settings`."""
    return build_app(os.environ)


def build_app(
    environ: Mapping[str, str],
    client: KinesisClient | None = None,
    *,
    blocks: BlockReader | None = None,
    devices: DeviceReader | None = None,
    now_ms: Callable[[], int] = wall_clock.now_ms,
) -> App:
    """Wires an app; raises as `read_settings`.

    The other arguments replace the SDK's own client and the tables.
    """
    settings = read_settings(Settings, environ)
    limits = Limits(
        identity_claim=settings.identity_claim,
        max_body_bytes=settings.max_body_bytes,
    )
    log = get_logger(COMPONENT)
    trace = PointTrace(settings.trace_trucks, log)
    zone = first_generation_zone(settings.first_generation_timezone)
    putter = StreamPutter(client or kinesis_client(settings), settings.stream_name)
    intake = Intake(putter, first_generation_zone=zone)
    tables = functools.cache(dynamodb_client)
    blocks = blocks or BlockStore(tables(), settings.blocked_identities_table, log=log)
    devices = devices or DeviceStore(tables(), settings.device_credentials_table)
    block_list = BlockList(blocks, log=log, now_ms=now_ms)
    service = TelemetryService(
        intake,
        limits,
        quota=settings.new_quota(),
        blocks=block_list.current,
        now_ms=now_ms,
        is_traced=trace.follows,
    )
    phones = PhoneService(
        service,
        holder=KnownDevices(devices, log=log, now_ms=now_ms).holder,
        now_ms=now_ms,
    )
    return App(
        service=service,
        phones=phones,
        settings=settings,
        log=log,
        metrics=MetricSums(MetricWriter(COMPONENT, METRICS), every_s=settings.metrics_every_s),
        sample=Sample(settings.log_one_of),
        trace=trace,
    )


def kinesis_client(settings: Settings) -> KinesisClient:
    """Returns the SDK's client; the SDK itself finds endpoint, region and credentials."""
    client = _sdk_client(
        "kinesis", connect_s=settings.connect_timeout_s, read_s=settings.read_timeout_s
    )
    return cast("KinesisClient", client)  # the SDK makes its methods at run time


def dynamodb_client() -> DynamoDBClient:
    """Returns the SDK's client, like `kinesis_client`."""
    client = _sdk_client("dynamodb", connect_s=_TABLES_TIMEOUT_S, read_s=_TABLES_TIMEOUT_S)
    return cast("DynamoDBClient", client)


def _sdk_client(service: str, *, connect_s: float, read_s: float) -> BaseClient:
    # Imported here: the SDK takes longer to import than everything else together.
    import botocore.session
    from botocore.config import Config

    return botocore.session.get_session().create_client(
        service,
        config=Config(
            connect_timeout=connect_s,
            read_timeout=read_s,
            # The putter itself retries only what failed; the blocks are read again after a while.
            retries={"total_max_attempts": 1},
        ),
    )
