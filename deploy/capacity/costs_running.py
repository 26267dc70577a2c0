"""Costs of the containers, their network, logs and metrics."""

from __future__ import annotations

from typing import Final

from deploy.capacity.costs import CapacityPlan, Cost
from deploy.capacity.costs_edge import messages_per_month, other_invocations_per_month
from deploy.capacity.facts import GB, HOURS_PER_MONTH

EVENT_BYTES: Final = 26
"""Bytes that CloudWatch adds to each log line (its pricing page)."""
OTHER_INVOCATION_BYTES: Final = 600
"""Bytes of a log line of ours and one of the gateway."""
METRICS: Final = 60
"""Number of metrics: ours, and those that the KCL and the gateways add."""
HISTORY_BYTES, LATEST_BYTES = 600, 1_100
"""Bytes of a document of the history, and of one of `truck-latest`, as sent."""


def fargate(plan: CapacityPlan) -> Cost:
    """Fargate: consumers and broadcasters, all day."""
    scenario = plan.scenario
    sizes = plan.sizes
    vcpus = sizes.consumers * scenario.task_vcpu + sizes.broadcasters * scenario.broadcaster_vcpu
    memory_gb = sizes.consumers * scenario.task_gb + sizes.broadcasters * scenario.broadcaster_gb
    return Cost(
        part="Fargate",
        size=f"{sizes.consumers} tasks of the consumer, {sizes.broadcasters} of the broadcaster",
        usd=plan.price("fargate_vcpu_hour", vcpus * HOURS_PER_MONTH)
        + plan.price("fargate_gb_hour", memory_gb * HOURS_PER_MONTH),
    )


def nat(plan: CapacityPlan) -> Cost:
    """NAT: one gateway per zone; reads of the stream and posts to viewers go through them."""
    hours = plan.scenario.zones * HOURS_PER_MONTH
    posts_gb = messages_per_month(plan) * plan.scenario.nat_post_kb * 1024 / GB
    gb = plan.load.stream_gb_per_month + posts_gb
    return Cost(
        part="NAT",
        size=f"{plan.scenario.zones} gateways, {gb:,.0f} GB",
        usd=plan.price("nat_hour", hours) + plan.price("nat_gb", gb),
        otherwise=f"of which the stream {plan.price('nat_gb', plan.load.stream_gb_per_month):,.0f}",
    )


def search_bytes(plan: CapacityPlan) -> float:
    """Bytes per second between consumer and OpenSearch, compressed."""
    delivery_states = plan.load.visits * (2 if plan.sizes.reads_states else 1)
    rest = plan.load.visits * LATEST_BYTES + plan.load.points * HISTORY_BYTES
    return (
        delivery_states * plan.facts.measured["wide_fleet_wire"] + rest * plan.scenario.wire_ratio
    )


def between_zones(plan: CapacityPlan) -> Cost:
    """The part of the consumer's traffic to OpenSearch that goes to a node in another zone."""
    zones = plan.scenario.zones
    sent_gb = search_bytes(plan) * plan.load.truck_s / GB
    gb = sent_gb * (zones - 1) / zones
    return Cost(
        part="Data between zones",
        size=f"{gb:,.0f} GB to and from OpenSearch",
        usd=plan.price("between_zones_gb", gb),
    )


def cloudwatch(plan: CapacityPlan) -> Cost:
    """CloudWatch: logs of the ingest endpoints, each log class at its price, and metrics."""
    lambda_gb = _lambda_logs_gb(plan)
    gateway_gb = gateway_logs_gb(plan)
    return Cost(
        part="CloudWatch",
        size=f"{lambda_gb + gateway_gb:,.0f} GB of logs",
        usd=plan.price("logs_lambda_gb", lambda_gb)
        + plan.price("logs_infrequent_gb", gateway_gb)
        + plan.price("metric_month", METRICS),
    )


def gateway_logs_gb(plan: CapacityPlan) -> float:
    """GB per month of API Gateway's access log of trucks' requests."""
    return plan.load.requests_per_month * (plan.scenario.access_log_bytes + EVENT_BYTES) / GB


def _lambda_logs_gb(plan: CapacityPlan) -> float:
    """GB per month: lines of trucks' requests, metrics of containers, lines of other Lambdas."""
    scenario, load, measured = plan.scenario, plan.load, plan.facts.measured
    with_line = scenario.failed_share + (1 - scenario.failed_share) / scenario.log_one_of
    a_request = with_line * (measured["ingest_log_bytes"] + EVENT_BYTES) + scenario.lambda_log_bytes
    containers = max(load.requests * plan.sizes.ingest_s, 1.0)
    metric_lines = min(containers / scenario.metrics_every, load.requests) * load.truck_s
    logged = (
        load.requests_per_month * a_request
        + metric_lines * (measured["ingest_log_bytes.metrics"] + EVENT_BYTES)
        + other_invocations_per_month(plan) * OTHER_INVOCATION_BYTES
    )
    return logged / GB
