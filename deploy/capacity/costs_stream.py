"""Costs of the stream and of Firehose."""

from __future__ import annotations

import math
from typing import Final

from deploy.capacity.costs import CapacityPlan, Cost
from deploy.capacity.facts import GB, HOURS_PER_MONTH
from deploy.capacity.load import record_bytes

FIREHOSE_UNIT_BYTES: Final = 5 * 1024
READERS: Final = 2
"""Readers of the stream: the consumer and Firehose."""


def kinesis(plan: CapacityPlan) -> Cost:
    """Kinesis: shards and retention."""
    shards = plan.sizes.shards
    return Cost(
        part="Kinesis",
        size=f"{shards:,} shards, for {plan.sizes.shards_for}",
        usd=shards_usd(plan, shards),
    )


def shards_usd(plan: CapacityPlan, shards: float) -> float:
    """USD for shards that keep their records as long as the scenario requires."""
    hours = shards * HOURS_PER_MONTH
    usd = plan.price("kinesis_shard_hour", hours)
    # The price of a shard includes the first day.
    if plan.scenario.stream_hours > 24:
        usd += plan.price("kinesis_retention_shard_hour", hours)
    return usd


def firehose(plan: CapacityPlan) -> Cost:
    """Firehose: AWS bills each record, rounded up to 5 KB.

    For aggregated records AWS does not say which record counts. The sum assumes the more expensive
    case: each point by itself, after deaggregation.
    """
    points_gb = _rounded(plan.load.points_per_month, _point_bytes(plan))
    records_gb = _rounded(plan.load.requests_per_month, plan.load.record_bytes)
    fixed = plan.price("firehose_vpc_hour", plan.scenario.zones * HOURS_PER_MONTH)
    return Cost(
        part="Firehose",
        size=f"{points_gb:,.0f} GB billed of {plan.load.stream_gb_per_month:,.0f}",
        usd=fixed + plan.price("firehose_gb", points_gb),
        otherwise=f"rounded by record {fixed + plan.price('firehose_gb', records_gb):,.0f}",
    )


def _rounded(records: float, size: float) -> float:
    return records * math.ceil(size / FIREHOSE_UNIT_BYTES) * FIREHOSE_UNIT_BYTES / GB


def _point_bytes(plan: CapacityPlan) -> float:
    return record_bytes(2, plan.facts.measured) - record_bytes(1, plan.facts.measured)
