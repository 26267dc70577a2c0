"""The containers, their network, logs and metrics."""

from __future__ import annotations

from typing import Final

from deploy.capacity.costs import Cost, Plan
from deploy.capacity.costs_edge import messages_a_month, other_invocations_a_month
from deploy.capacity.facts import GB, HOURS_A_MONTH
from deploy.capacity.load import POLL_S

EVENT_BYTES: Final = 26
"""What CloudWatch adds to each line (its pricing page)."""
INGEST_LINES: Final = 6
"""Two of ours, three of Lambda, one of the gateway."""
OTHER_INVOCATION_BYTES: Final = 900
BATCH_LINES_BYTES: Final = 900
"""What the consumer says of a batch."""
METRICS: Final = 60
"""Ours, and those that the KCL and the gateways put beside them."""
ALARMS: Final = 40
"""Some of several metrics; those of the autoscaling too."""
DASHBOARDS: Final = 1
LOGS_PACKED: Final = 0.15
HISTORY_BYTES, LATEST_BYTES = 600, 1_100
"""A document of the history, and of `truck-latest`, as sent."""


def fargate(plan: Plan) -> Cost:
    """Consumers and broadcasters, all day."""
    scenario = plan.scenario
    sizes = plan.sizes
    hours = (sizes.consumers + sizes.broadcasters) * HOURS_A_MONTH
    return Cost(
        part="Fargate",
        size=f"{sizes.consumers} tasks of the consumer, {sizes.broadcasters} of the broadcaster",
        usd=plan.price("fargate_vcpu_hour", hours * scenario.task_vcpu)
        + plan.price("fargate_gb_hour", hours * scenario.task_gb),
    )


def nat(plan: Plan) -> Cost:
    """A gateway a zone; the stream is read and viewers are posted to through them."""
    hours = plan.scenario.zones * HOURS_A_MONTH
    posts_gb = messages_a_month(plan) * plan.scenario.nat_post_kb * 1024 / GB
    gb = plan.load.stream_gb_a_month + posts_gb
    return Cost(
        part="NAT",
        size=f"{plan.scenario.zones} gateways, {gb:,.0f} GB",
        usd=plan.price("nat_hour", hours)
        + plan.price("public_address_hour", hours)
        + plan.price("nat_gb", gb),
        otherwise=f"of it the stream's {plan.price('nat_gb', plan.load.stream_gb_a_month):,.0f}",
    )


def search_bytes(plan: Plan) -> float:
    """Bytes a second between consumer and OpenSearch, compressed."""
    memories = plan.load.visits * (2 if plan.sizes.reads_memories else 1)
    rest = plan.load.visits * LATEST_BYTES + plan.load.points * HISTORY_BYTES
    return memories * plan.facts.measured["wide_fleet_wire"] + rest * plan.scenario.wire_ratio


def between_zones(plan: Plan) -> Cost:
    """Of what the consumer sends to OpenSearch, what meets a node of another zone."""
    zones = plan.scenario.zones
    sent_gb = search_bytes(plan) * plan.load.truck_s / GB
    gb = sent_gb * (zones - 1) / zones
    return Cost(
        part="Data between zones",
        size=f"{gb:,.0f} GB to and from OpenSearch",
        usd=plan.price("between_zones_gb", gb),
    )


def cloudwatch(plan: Plan) -> Cost:
    """Logs, which each request of a truck writes to, and metrics."""
    scenario, load = plan.scenario, plan.load
    a_request = (
        plan.facts.measured["ingest_log_bytes"]
        + scenario.lambda_log_bytes
        + scenario.access_log_bytes
        + INGEST_LINES * EVENT_BYTES
    )
    logged = (
        load.requests_a_month * a_request
        + other_invocations_a_month(plan) * OTHER_INVOCATION_BYTES
        + plan.sizes.shards / POLL_S * load.truck_s * BATCH_LINES_BYTES
    )
    gb = logged / GB
    kept_gb = gb * LOGS_PACKED * scenario.log_days / scenario.days
    return Cost(
        part="CloudWatch",
        size=f"{gb:,.0f} GB of logs",
        usd=plan.price("logs_gb", gb)
        + plan.price("logs_kept_gb_month", kept_gb)
        + plan.price("metric_month", METRICS)
        + plan.price("alarm_month", ALARMS)
        + plan.price("dashboard_month", DASHBOARDS),
    )
