"""Settings shared by the ingest endpoints for telemetry."""

from __future__ import annotations

import dataclasses

from rtdts.delivery_store.table_settings import BlockSettings
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class IngestSettings(BlockSettings):
    """Base of the settings of ingest endpoints."""

    stream_name: str = setting(
        "STREAM_NAME", help="name of the Kinesis stream that points are put into"
    )
    first_generation_timezone: str = setting(
        "FIRST_GENERATION_TIMEZONE",
        default="Asia/Seoul",
        help="IANA name of the zone of first-generation trucks' clocks",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class MessageSettings(IngestSettings):
    """Base of the settings of ingest endpoints that acknowledge before they validate."""

    parked_bucket: str = setting(
        "PARKED_BUCKET", help="the bucket for messages with invalid points"
    )
    max_body_bytes: int = setting(
        "MAX_BODY_BYTES",
        default=1_048_576,
        minimum=1_024,
        maximum=6_291_456,
        help="maximum size of an uncompressed message, in bytes",
    )
    connect_timeout_s: float = setting(
        "CONNECT_TIMEOUT_S",
        default=1.0,
        minimum=0.1,
        maximum=10.0,
        help="time to connect to the stream or the bucket, in seconds",
    )
    read_timeout_s: float = setting(
        "READ_TIMEOUT_S",
        default=4.0,
        minimum=0.1,
        maximum=30.0,
        help="seconds that the stream or the bucket may take to respond",
    )
