"""Settings of mqtt_bridge."""

from __future__ import annotations

import dataclasses
from typing import Final

from rtdts.ingest.ingest_settings import MessageSettings
from rtdts.ingest.quota import PointQuotaSettings
from rtdts.runtime import point_trace
from rtdts.runtime.settings import setting

_DAY_S: Final = 86_400


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(MessageSettings, PointQuotaSettings):
    """What mqtt_bridge reads from its environment; see docs/settings.md."""

    region: str = setting("AWS_REGION", help="the AWS region of the stream and the bucket")
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
        help="messages that the broker delivers before it waits for acknowledgements",
    )
    session_expiry_s: int = setting(
        "MQTT_SESSION_EXPIRY_S",
        default=3 * _DAY_S,  # longer than a weekend
        minimum=3_600,
        maximum=7 * _DAY_S,  # older points are rejected; Artemis 2.55 overflows above 24 days
        help="seconds after a lost connection at which the broker ends its session; if the "
        "broker's queues end with the last session, all bridges may be disconnected for "
        "at most this long",
    )
    gather_ms: int = setting(
        "GATHER_MS",
        default=100,
        minimum=0,
        maximum=2_000,
        help="milliseconds that a truck's first message waits for more messages, which share "
        "its record",
    )
    shutdown_budget_s: float = setting(
        "SHUTDOWN_BUDGET_S",
        default=8.0,
        minimum=1,
        maximum=100,
        help="seconds for putting and acknowledging received messages on shutdown; well below "
        "the container's stop timeout",
    )
    trace_trucks: str = setting("TRACE_TRUCKS", default="", help=point_trace.HELP)
