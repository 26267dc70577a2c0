"""Settings of ingest_lambda."""

from __future__ import annotations

import dataclasses

from rtdts.ingest.ingest_settings import IngestSettings
from rtdts.ingest.quota import QuotaSettings
from rtdts.runtime import point_trace
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(IngestSettings, QuotaSettings):
    """Settings of ingest_lambda.

    Of the gateway's 29 s a response takes at most ``put_deadline_s + connect_timeout_s +
    read_timeout_s`` (7.5 s by default): the last attempt may begin just before the deadline.
    """

    device_credentials_table: str = setting(
        "DEVICE_CREDENTIALS_TABLE", help="table of devices' credentials"
    )
    identity_claim: str = setting(
        "IDENTITY_CLAIM", default="sub", help="claim of the token that contains the identity"
    )
    max_body_bytes: int = setting(
        "MAX_BODY_BYTES",
        default=1_048_576,
        minimum=1_024,
        maximum=6_291_456,
        help="maximum size of a request's uncompressed body, in bytes",
    )
    put_deadline_s: float = setting(
        "PUT_DEADLINE_S",
        default=2.5,
        minimum=0.0,
        maximum=22.0,
        help="seconds into a request after which no put into the stream begins; requests that "
        "wait longer for a full shard would use up the concurrency of other trucks' "
        "requests",
    )
    connect_timeout_s: float = setting(
        "CONNECT_TIMEOUT_S",
        default=1.0,
        minimum=0.1,
        maximum=2.0,
        help="time to connect to the stream, in seconds",
    )
    read_timeout_s: float = setting(
        "READ_TIMEOUT_S",
        default=4.0,
        minimum=0.1,
        maximum=4.0,
        help="seconds that the stream may take to respond",
    )
    log_one_of: int = setting(
        "LOG_ONE_OF",
        default=100,
        minimum=1,
        help="one in this many requests has a log line; requests whose points were refused, "
        "accepted in part or repeated, and accepted requests of traced trucks, always have one; "
        "requests refused because of their sender (unknown, revoked or over its quota) have at "
        "most six per minute, truck (all unknown senders together) and container",
    )
    metrics_every_s: float = setting(
        "METRICS_EVERY_S",
        default=10.0,
        minimum=0.0,
        maximum=60.0,
        help="seconds over which a container sums its metrics into one log line",
    )
    trace_trucks: str = setting("TRACE_TRUCKS", default="", help=point_trace.HELP)
