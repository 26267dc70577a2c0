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
        least: The least reasonable value.
        most: The greatest reasonable value.
    """

    help: str
    least: float = 0.0
    most: float = math.inf


def _option(default: float, help: str, **limits: float) -> Any:  # noqa: A002 - as argparse has it
    return dataclasses.field(default=default, metadata={_DECLARED: Option(help=help, **limits)})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scenario:
    """A fleet, its viewers and the assumptions; checked when it is made.

    Raises:
        ScenarioError: A value is out of its range.
    """

    trucks: int = _option(1000, "trucks on the road at the busiest time", least=1, most=1e8)
    every: float = _option(10.0, "seconds between a truck's points", least=0.1, most=86_400)
    batch: float = _option(
        1.0, "points per request; with 1, a truck sends each point at once", least=1, most=500
    )
    hours: float = _option(10.0, "hours per day that a truck reports", least=0.1, most=24)
    days: float = _option(30.4, "days per month", least=1, most=31)
    viewers: int = _option(0, "sockets open at the busiest time", least=0, most=1e8)
    viewing_hours: float = _option(10.0, "hours per day with that many sockets", least=0, most=24)
    session_minutes: float = _option(20.0, "minutes that a socket stays open", least=1, most=120)
    viewers_a_delivery: float = _option(1.0, "sockets that follow the same delivery", least=1)
    round_s: float = _option(60.0, "seconds between rounds (ROUND_INTERVAL_S)", least=1, most=60)
    round_spread: float = _option(
        0.5,
        "share of the round interval over which a round is spread (ROUND_SPREAD)",
        least=0,
        most=0.75,
    )
    posts_per_second: float = _option(
        5_000.0,
        "posts per second of the maximum number of broadcasters together, as shipped "
        "(gateway_requests_per_second minus http_throttle)",
        least=1,
    )
    deliveries: float = _option(4.0, "deliveries per truck and day", least=0, most=500)
    open_deliveries: float = _option(2.0, "open deliveries per truck at a time", least=0, most=200)
    transitions: float = _option(
        6.0, "statuses per delivery that result from its truck's points", least=0
    )
    near_minutes: float = _option(10.0, "minutes of each delivery near its customer", least=0)
    fill: float = _option(0.7, "share of a limit to use at most", least=0.05, most=1)
    vcpu: float = _option(
        0.8,
        "speed of a vCPU of AWS's ARM machines relative to a core of the benchmarks: assumed",
        least=0.1,
    )
    put_ms: float = _option(15.0, "ms that PutRecords takes per request: assumed", least=0)
    post_ms: float = _option(20.0, "ms that a post to @connections takes: assumed", least=0.1)
    round_slots: float = _option(800.0, "concurrent posts of a round (ROUND_POSTS)", least=100)
    nat_post_kb: float = _option(2.0, "kB per post through NAT, both ways: assumed", least=0)
    access_log_bytes: float = _option(160.0, "bytes of the gateway's log per request", least=0)
    lambda_log_bytes: float = _option(
        0.0,
        "bytes of Lambda's own log lines per invocation (START, END and REPORT would be 380)",
        least=0,
    )
    log_one_of: float = _option(
        100.0, "one in this many ordinary requests has a log line (LOG_ONE_OF)", least=1
    )
    metrics_every: float = _option(
        10.0,
        "seconds over which a container sums its metrics into one line (METRICS_EVERY_S)",
        least=0.01,
    )
    failed_share: float = _option(
        0.01,
        "share of requests that are refused, repeated or accepted in part: assumed",
        least=0,
        most=1,
    )
    wire_ratio: float = _option(
        0.3, "size of points in requests to OpenSearch, compressed: assumed", least=0.01, most=1
    )
    merging: float = _option(
        1.3, "size of an index in use relative to a fully merged one: assumed", least=1
    )
    raw_days: float = _option(3.0, "days for which the raw log is kept", least=1)
    positions_days: float = _option(90.0, "days for which the history is kept", least=1)
    stream_hours: float = _option(
        168.0, "hours for which the stream keeps records", least=24, most=168
    )
    zones: int = _option(3, "zones, each with a NAT gateway", least=1, most=6)
    least_shards: int = _option(4, "minimum number of shards", least=1)
    least_consumers: int = _option(2, "minimum number of consumer tasks", least=1)
    least_broadcasters: int = _option(2, "minimum number of broadcaster tasks", least=1)
    task_vcpu: float = _option(2.0, "vCPUs per consumer task", least=0.25, most=16)
    task_gb: float = _option(4.0, "GB of memory per consumer task", least=0.5)
    broadcaster_vcpu: float = _option(1.0, "vCPUs per broadcaster task", least=0.25, most=16)
    broadcaster_gb: float = _option(2.0, "GB of memory per broadcaster task", least=0.5)
    lambda_gb: float = _option(0.5, "GB of memory of ingest_lambda", least=0.125, most=10)
    most_consumers: int = _option(4, "maximum number of consumer tasks, as shipped", least=1)
    most_broadcasters: int = _option(4, "maximum number of broadcaster tasks, as shipped", least=1)
    search_nodes: int = _option(3, "data nodes of OpenSearch, as shipped: r7g.large", least=1)
    search_shards: int = _option(1, "primary shards of an index, as shipped", least=1, most=100)
    least_volume_gb: float = _option(200.0, "minimum GB of disk per OpenSearch node", least=10)
    at_hand: int = _option(
        2000, "truck states that each child process of a consumer caches", least=1
    )

    def __post_init__(self) -> None:
        problems = [
            f"--{name.replace('_', '-')} is {value:g}: between {option.least:g} and {option.most:g}"
            for name, option in OPTIONS.items()
            if not option.least <= (value := getattr(self, name)) <= option.most
        ]
        if problems:
            raise ScenarioError("; ".join(problems))


OPTIONS: Final[Mapping[str, Option]] = {
    field.name: field.metadata[_DECLARED] for field in dataclasses.fields(Scenario)
}
"""By field, in their order."""
