"""Compares the ingest endpoints: the monthly cost of each, and the limit that it reaches first.

Only the differences are counted. The main stream and all behind it are the same for every endpoint,
since each puts one record per truck into it for the points that came at about the same time.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Final

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.costs_running import EVENT_BYTES, gateway_logs_gb
from deploy.capacity.costs_stream import shards_usd
from deploy.capacity.facts import GB, HOURS_PER_MONTH
from deploy.capacity.limit_usage import LimitUsage
from deploy.capacity.limits_aws import posts_during_round
from deploy.capacity.sizing import LAMBDA_VCPU_GB

METERED_BYTES: Final = 5 * 1024
"""Size of a message, as IoT Core counts it."""
BATCH_S: Final = 1.0
"""The event source's batching window (modules/iot_ingest): one invocation per second and shard."""
BRIDGES, BRIDGE_VCPU, BRIDGE_GB = 2, 0.5, 1.0
"""Minimum number of bridges, and vCPUs and GB of each (modules/system, mqtt_bridge)."""
BROKERS: Final = 2
"""Number of brokers: the active one and a standby."""
BROKER_US: Final = 150
"""A broker's CPU time per message in µs; assumed: Artemis with 20 publishers took 71 to 153."""
BROKER_GB, BROKER_CONNECTION_MB = 1.0, 0.15
"""Memory of a broker and of a connection: 2,000 trucks took 290 MB (docs/performance.md)."""
VCPU_GB: Final = (2, 8)
"""The minimum and maximum memory per vCPU of Fargate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class IngestEndpoint:
    """An ingest endpoint.

    Attributes:
        usd: USD per month.
        limits: Its use of each limit that applies only to it.
    """

    usd: float
    limits: tuple[LimitUsage, ...]

    @property
    def first(self) -> LimitUsage:
        """The limit that is reached first."""
        return max(self.limits, key=lambda use: use.share)


def http(plan: CapacityPlan) -> IngestEndpoint:
    """HTTP: API Gateway and ingest_lambda, and what both log."""
    load, scenario = plan.load, plan.scenario
    requests = load.requests_per_month
    line_bytes = plan.facts.measured["ingest_log_bytes"] + EVENT_BYTES
    return IngestEndpoint(
        usd=plan.price("http_api_million", requests / 1e6)
        + _lambda(plan, requests, plan.sizes.ingest_s)
        + plan.price("logs_lambda_gb", requests * line_bytes / scenario.log_one_of / GB)
        + plan.price("logs_infrequent_gb", gateway_logs_gb(plan)),
        limits=(
            plan.quota(
                "API Gateway requests, while a round lasts",
                load.requests + posts_during_round(plan),
                "api_gateway_requests",
            ),
            plan.quota(
                "concurrent Lambda executions",
                load.requests * plan.sizes.ingest_s,
                "lambda_concurrency",
            ),
        ),
    )


def iot_core(plan: CapacityPlan) -> IngestEndpoint:
    """AWS IoT Core: basic ingest, the rule, the device stream and iot_lambda."""
    load, scenario, of = plan.load, plan.scenario, plan.facts.limits
    messages = load.requests_per_month
    metered = messages * math.ceil(load.record_bytes / METERED_BYTES) / 1e6
    shards = max(1, math.ceil(load.requests / of["kinesis_shard_records"].value / scenario.fill))
    invocations = min(shards / BATCH_S, load.requests) * load.truck_s
    # A message costs as much as an HTTP request, which does more; each batch waits for the stream.
    share = min(scenario.lambda_gb / LAMBDA_VCPU_GB, 1.0) * scenario.vcpu
    busy_s = messages / plan.facts.measured["ingest_points.1_per_request"] / share
    seconds = busy_s + invocations * scenario.put_ms / 1e3
    return IngestEndpoint(
        usd=plan.price("iot_connection_minute_million", scenario.trucks * load.truck_s / 60e6)
        + plan.price("iot_rule_million", metered)
        + plan.price("iot_action_million", metered)
        + shards_usd(plan, shards)  # it keeps messages as long as the main stream
        + _lambda(plan, invocations, seconds / invocations),
        limits=(
            plan.quota("publishes into IoT Core", load.requests, "iot_publishes"),
            plan.quota("rules run by IoT Core", load.requests, "iot_rules"),
            plan.quota("connections to IoT Core", scenario.trucks, "iot_connections"),
            plan.quota(
                "publishes of a truck",
                1 / scenario.every / scenario.batch,
                "iot_truck_publishes",
            ),
        ),
    )


def own_broker(plan: CapacityPlan) -> IngestEndpoint:
    """MQTT: an active and a standby broker, and bridges; labour is not included."""
    load, scenario = plan.load, plan.scenario
    usable = scenario.vcpu * scenario.fill
    bridging = load.requests / plan.facts.measured["mqtt_points"] / usable
    bridges = max(BRIDGES, math.ceil(bridging / BRIDGE_VCPU))
    memory_gb = BROKER_GB + scenario.trucks * BROKER_CONNECTION_MB / 1024
    cores = load.requests * BROKER_US / 1e6 / usable
    vcpus = max(1, 2 ** math.ceil(math.log2(max(cores, memory_gb / VCPU_GB[1], 1))))
    memory_gb = max(memory_gb, vcpus * VCPU_GB[0])
    hours = HOURS_PER_MONTH
    return IngestEndpoint(
        usd=plan.price("fargate_vcpu_hour", (bridges * BRIDGE_VCPU + BROKERS * vcpus) * hours)
        + plan.price("fargate_gb_hour", (bridges * BRIDGE_GB + BROKERS * memory_gb) * hours),
        limits=(
            LimitUsage(
                name="a broker's processor, of 16 vCPUs",
                used=cores,
                limit=16,
                unit="cores",
                remedy="several brokers, each with its part of the trucks",
            ),
            LimitUsage(
                name="a broker's memory for connections, of 120 GB",
                used=memory_gb,
                limit=120,
                unit="GB",
                remedy="several brokers, each with its part of the trucks",
            ),
        ),
    )


ENDPOINTS: Final[Mapping[str, tuple[int, Callable[[CapacityPlan], IngestEndpoint]]]] = {
    "HTTP, one point per request": (1, http),
    "HTTP, six points per request": (6, http),
    "IoT Core basic ingest, one point per message": (1, iot_core),
    "IoT Core basic ingest, six points per message": (6, iot_core),
    "own broker and bridges, one point per message": (1, own_broker),
}
"""By name: points per request or message, and the function that evaluates the endpoint."""


def reconnecting_s(plan: CapacityPlan) -> float:
    """How long all trucks take to reconnect to IoT Core after all were cut off, at its quota."""
    return plan.scenario.trucks / plan.facts.limits["iot_connects"].value


def _lambda(plan: CapacityPlan, invocations: float, seconds: float) -> float:
    return plan.price("lambda_request_million", invocations / 1e6) + plan.price(
        "lambda_gb_second", invocations * seconds * plan.scenario.lambda_gb
    )
