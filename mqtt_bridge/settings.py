"""Settings of mqtt_bridge."""

from __future__ import annotations

import dataclasses

from rtdts.runtime import point_trace
from rtdts.runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What mqtt_bridge reads from its environment; see docs/settings.md."""

    region: str = setting("AWS_REGION", help="the AWS region of the stream and the bucket")
    stream_name: str = setting("STREAM_NAME", help="the Kinesis stream that points go to")
    parked_bucket: str = setting(
        "PARKED_BUCKET", help="the bucket for messages of which not every point is valid"
    )
    blocked_identities_table: str = setting(
        "BLOCKED_IDENTITIES_TABLE", help="table of blocked identities and tokens"
    )
    broker_host: str = setting("MQTT_HOST", help="host name of the MQTT broker")
    broker_port: int = setting(
        "MQTT_PORT", default=8883, minimum=1, maximum=65_535, help="the broker's port"
    )
    broker_tls: bool = setting(
        "MQTT_TLS", default=True, help="whether the connection to the broker is TLS"
    )
    username: str = setting("MQTT_USERNAME", help="the bridge's user at the broker")
    password: str = setting("MQTT_PASSWORD", help="the bridge's password or token at the broker")
    receive_maximum: int = setting(
        "RECEIVE_MAXIMUM",
        default=1_000,
        minimum=1,
        maximum=65_535,
        help="messages that the broker hands over before it waits for acknowledgements",
    )
    keepalive_s: int = setting(
        "MQTT_KEEPALIVE_S",
        default=15,
        minimum=5,
        maximum=300,
        help="seconds of silence after which the broker is asked whether it is still there",
    )
    gather_ms: int = setting(
        "GATHER_MS",
        default=100,
        minimum=0,
        maximum=2_000,
        help="how long a truck's first message waits for more that share its record, in "
        "milliseconds",
    )
    put_threads: int = setting(
        "PUT_THREADS", default=4, minimum=1, maximum=32, help="puts into the stream at once"
    )
    first_generation_timezone: str = setting(
        "FIRST_GENERATION_TIMEZONE",
        default="Asia/Seoul",
        help="IANA name of the zone of first-generation trucks' clocks",
    )
    max_body_bytes: int = setting(
        "MAX_BODY_BYTES",
        default=1_048_576,
        minimum=1_024,
        maximum=6_291_456,
        help="size of a message, unpacked, in bytes",
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
        help="time that the stream or the bucket may take to answer, in seconds",
    )
    shutdown_budget_s: float = setting(
        "SHUTDOWN_BUDGET_S",
        default=8.0,
        minimum=1,
        maximum=100,
        help="seconds for putting and acknowledging what was received; well below the "
        "container's stop timeout",
    )
    trace_trucks: str = setting("TRACE_TRUCKS", default="", help=point_trace.HELP)
