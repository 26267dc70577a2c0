"""The deployables that are processes, and the stand-in for Firehose, as parts."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from sim.environment import Environment
from sim.local_cloud.engines import plain_environment
from sim.local_cloud.parts import Part

BRIDGE_ROLE = "bridge"
BRIDGE_ID = "local"
BRIDGE_USER = f"{BRIDGE_ROLE}:{BRIDGE_ID}"
"""The bridges' user name at the broker; no truck's user name can have this form."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Intervals:
    """Time settings of the local cloud.

    Attributes:
        round_interval_s: Interval of the rounds, in which every viewer gets an update, in seconds.
        dwell_s: How long a truck must stay in a geofence to have arrived, in seconds.
        firehose_interval_s: How long Firehose buffers at most, in seconds.
    """

    round_interval_s: float = 60.0
    dwell_s: float = 60.0
    firehose_interval_s: float = 5.0


def consumer_part(
    environment: Environment,
    intervals: Intervals,
    *,
    application: str,
    shards: int,
    java: Path,
    extra_jars: Sequence[Path],
    work_folder: Path,
    settings: Mapping[str, str] | None = None,
) -> Part:
    """The real KCL's daemon; ready when a Python child process works on every shard.

    With the KCL's defaults its first start takes two minutes, and a restart after a kill three.
    So here it checks its leases every second. It keeps its worker id, and so its leases.
    """
    quick = {
        "KCL_WORKER_ID": "local",
        "KCL_FAILOVER_MS": "1000",
        "KCL_SHARD_SYNC_INTERVAL_MS": "100",
        "KCL_LEASE_ASSIGNMENT_INTERVAL_MS": "1000",
        "KCL_WORKER_METRICS_CAPTURE_MS": "100",
        "KCL_WORKER_METRICS_REPORT_MS": "2000",
        "KCL_SHUTDOWN_GRACE_MS": "2500",
        "KCL_IDLE_MS": "200",
        "KCL_METRICS_LEVEL": "NONE",
        "KCL_CBOR": "false",  # the local AWS doesn't support it
    }
    return Part(
        name="consumer",
        command=[sys.executable, "-m", "consumer.daemon"],
        environment=plain_environment()
        | environment.variables()
        | quick
        | {
            "KCL_APPLICATION_NAME": application,
            "KCL_EXTRA_JARS": os.pathsep.join(map(str, extra_jars)),
            "KCL_WORK_FOLDER": str(work_folder),
            "OPENSEARCH_AUTH": "none",
            "DWELL_S": str(intervals.dwell_s),
            "JAVA": str(java),
        }
        | dict(settings or {}),
        is_ready=lambda run: _shards_at_work(run.output()) >= shards,
        ready_within_s=120.0,
    )


def _shards_at_work(output: str) -> int:
    started = re.findall(r'"event":"record_processor_ready","shard_id":"([^"]+)"', output)
    return len(set(started))


def broadcaster_names(count: int) -> tuple[str, ...]:
    """The names of ``count`` broadcasters: the first has the name of a single one."""
    return ("broadcaster", *(f"broadcaster-{number}" for number in range(2, count + 1)))


def broadcaster_parts(
    environment: Environment,
    intervals: Intervals,
    *,
    count: int = 1,
    settings: Mapping[str, str] | None = None,
) -> list[Part]:
    """The broadcasters, each ready when its loops run; several divide the rounds among them."""
    return [
        _broadcaster_part(environment, intervals, name, alone=count == 1, settings=settings)
        for name in broadcaster_names(count)
    ]


def _broadcaster_part(
    environment: Environment,
    intervals: Intervals,
    name: str,
    *,
    alone: bool,
    settings: Mapping[str, str] | None,
) -> Part:
    variables = environment.variables()
    if alone:
        variables.pop("ROUND_QUEUE_URL", None)
    return Part(
        name=name,
        command=[sys.executable, "-m", "broadcaster"],
        environment=plain_environment()
        | variables
        | {
            "OPENSEARCH_AUTH": "none",
            "ROUND_INTERVAL_S": str(intervals.round_interval_s),
            "SHUTDOWN_BUDGET_S": "6",
        }
        | dict(settings or {}),
        is_ready=lambda run: '"broadcaster_ready"' in run.output(),
    )


def bridge_part(
    environment: Environment,
    *,
    token: str,
    number: int = 1,
    settings: Mapping[str, str] | None = None,
) -> Part:
    """An MQTT bridge, ready when it is subscribed.

    Args:
        environment: Addresses of the local cloud.
        token: Identifies it to the broker as the user `BRIDGE_USER`.
        number: Its number among several, which share the load.
        settings: Additional settings.
    """
    broker = urlsplit(environment.mqtt_url)
    return Part(
        name="mqtt-bridge" if number == 1 else f"mqtt-bridge-{number}",
        command=[sys.executable, "-m", "mqtt_bridge"],
        environment=plain_environment()
        | environment.variables()
        | {
            "MQTT_HOST": str(broker.hostname),
            "MQTT_PORT": str(broker.port),
            "MQTT_TLS": "no",
            "MQTT_USERNAME": BRIDGE_USER,
            "MQTT_PASSWORD": token,
            "SHUTDOWN_BUDGET_S": "6",
        }
        | dict(settings or {}),
        is_ready=lambda run: '"bridge_ready"' in run.output(),
    )


def firehose_part(environment: Environment, intervals: Intervals, *, position_file: Path) -> Part:
    """The stand-in for Firehose, ready when it reads the stream."""
    return Part(
        name="firehose",
        command=[sys.executable, "-m", "sim.local_cloud.firehose"],
        environment=plain_environment()
        | environment.variables()
        | {
            "FIREHOSE_INTERVAL_S": str(intervals.firehose_interval_s),
            "FIREHOSE_POSITION_FILE": str(position_file),
        },
        is_ready=lambda run: '"firehose_ready"' in run.output(),
    )
