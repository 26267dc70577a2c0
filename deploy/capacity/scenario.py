"""A scenario: a fleet, its viewers, and everything that is assumed about them.

Every assumption is an option with a default; the report prints them all.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

_DECLARED: Final = "option"


class ScenarioError(Exception):
    """An option is invalid; the message names every invalid one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Option:
    """How a field is described and validated.

    Attributes:
        help: What it is, with its unit.
        minimum: The smallest reasonable value.
        maximum: The largest reasonable value.
    """

    help: str
    minimum: float = 0.0
    maximum: float = math.inf


def _option(default: float, help: str, **limits: float) -> Any:  # noqa: A002 - as argparse has it
    return dataclasses.field(default=default, metadata={_DECLARED: Option(help=help, **limits)})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scenario:
    """A fleet, its viewers and the assumptions; checked when it is made.

    Raises:
        ScenarioError: A value is out of its range.
    """

    trucks: int = _option(1000, "trucks on the road at the busiest time", minimum=1, maximum=1e8)
    every: float = _option(10.0, "seconds between a truck's points", minimum=0.1, maximum=86_400)
    batch: float = _option(
        1.0, "points per request; with 1, a truck sends each point at once", minimum=1, maximum=500
    )
    hours: float = _option(10.0, "hours per day that a truck reports", minimum=0.1, maximum=24)
    days: float = _option(30.4, "days per month", minimum=1, maximum=31)
    viewers: int = _option(0, "sockets open at the busiest time", minimum=0, maximum=1e8)
    viewing_hours: float = _option(
        10.0, "hours per day with that many sockets", minimum=0, maximum=24
    )
    session_minutes: float = _option(
        20.0, "minutes that a socket stays open", minimum=1, maximum=120
    )
    viewers_per_delivery: float = _option(1.0, "sockets that follow the same delivery", minimum=1)
    round_s: float = _option(
        60.0, "seconds between rounds (ROUND_INTERVAL_S)", minimum=1, maximum=60
    )
    round_spread: float = _option(
        0.5,
        "share of the round interval over which a round is spread (ROUND_SPREAD)",
        minimum=0,
        maximum=0.75,
    )
    posts_per_second: float = _option(
        5_000.0,
        "posts per second of the maximum number of broadcasters together, as shipped "
        "(gateway_requests_per_second minus http_throttle)",
        minimum=1,
    )
    deliveries: float = _option(4.0, "deliveries per truck and day", minimum=0, maximum=500)
    open_deliveries: float = _option(
        2.0, "open deliveries per truck at a time", minimum=0, maximum=200
    )
    transitions: float = _option(
        6.0, "statuses per delivery that result from its truck's points", minimum=0
    )
    near_minutes: float = _option(10.0, "minutes of each delivery near its customer", minimum=0)
    fill: float = _option(0.7, "share of a limit to use at most", minimum=0.05, maximum=1)
    vcpu: float = _option(
        0.8,
        "speed of a vCPU of AWS's ARM machines relative to a core of the benchmarks: assumed",
        minimum=0.1,
    )
    put_ms: float = _option(15.0, "ms that PutRecords takes per request: assumed", minimum=0)
    post_ms: float = _option(20.0, "ms that a post to @connections takes: assumed", minimum=0.1)
    round_slots: float = _option(800.0, "concurrent posts of a round (ROUND_POSTS)", minimum=100)
    nat_post_kb: float = _option(2.0, "kB per post through NAT, both ways: assumed", minimum=0)
    access_log_bytes: float = _option(160.0, "bytes of the gateway's log per request", minimum=0)
    lambda_log_bytes: float = _option(
        0.0,
        "bytes of Lambda's own log lines per invocation (START, END and REPORT would be 380)",
        minimum=0,
    )
    log_one_of: float = _option(
        100.0, "one in this many ordinary requests has a log line (LOG_ONE_OF)", minimum=1
    )
    metrics_every: float = _option(
        10.0,
        "seconds over which a container sums its metrics into one line (METRICS_EVERY_S)",
        minimum=0.01,
    )
    failed_share: float = _option(
        0.01,
        "share of requests that are refused, repeated or accepted in part: assumed",
        minimum=0,
        maximum=1,
    )
    wire_ratio: float = _option(
        0.3,
        "size of points in requests to OpenSearch, compressed: assumed",
        minimum=0.01,
        maximum=1,
    )
    merging: float = _option(
        1.3, "size of an index in use relative to a fully merged one: assumed", minimum=1
    )
    raw_days: float = _option(3.0, "days for which the raw log is kept", minimum=1)
    positions_days: float = _option(90.0, "days for which the history is kept", minimum=1)
    stream_hours: float = _option(
        168.0, "hours for which the stream keeps records", minimum=24, maximum=168
    )
    zones: int = _option(3, "zones, each with a NAT gateway", minimum=1, maximum=6)
    min_shards: int = _option(4, "minimum number of shards", minimum=1)
    min_consumers: int = _option(2, "minimum number of consumer tasks", minimum=1)
    min_broadcasters: int = _option(2, "minimum number of broadcaster tasks", minimum=1)
    task_vcpu: float = _option(2.0, "vCPUs per consumer task", minimum=0.25, maximum=16)
    task_gb: float = _option(4.0, "GB of memory per consumer task", minimum=0.5)
    broadcaster_vcpu: float = _option(1.0, "vCPUs per broadcaster task", minimum=0.25, maximum=16)
    broadcaster_gb: float = _option(2.0, "GB of memory per broadcaster task", minimum=0.5)
    lambda_gb: float = _option(0.5, "GB of memory of ingest_lambda", minimum=0.125, maximum=10)
    max_consumers: int = _option(4, "maximum number of consumer tasks, as shipped", minimum=1)
    max_broadcasters: int = _option(4, "maximum number of broadcaster tasks, as shipped", minimum=1)
    search_nodes: int = _option(3, "data nodes of OpenSearch, as shipped: r7g.large", minimum=1)
    search_shards: int = _option(
        1, "primary shards of an index, as shipped", minimum=1, maximum=100
    )
    min_volume_gb: float = _option(200.0, "minimum GB of disk per OpenSearch node", minimum=10)
    cached_trucks: int = _option(
        2000, "truck states that each child process of a consumer caches", minimum=1
    )

    def __post_init__(self) -> None:
        problems = [
            f"--{name.replace('_', '-')} is {value:g}: "
            f"between {option.minimum:g} and {option.maximum:g}"
            for name, option in OPTIONS.items()
            if not option.minimum <= (value := getattr(self, name)) <= option.maximum
        ]
        if problems:
            raise ScenarioError("; ".join(problems))


OPTIONS: Final[Mapping[str, Option]] = {
    field.name: field.metadata[_DECLARED] for field in dataclasses.fields(Scenario)
}
"""The options by field, in the fields' order."""
