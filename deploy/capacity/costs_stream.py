"""The stream, and Firehose with its backup."""

from __future__ import annotations

import math
from typing import Final

from deploy.capacity.costs import CapacityPlan, Cost
from deploy.capacity.facts import GB, HOURS_A_MONTH
from deploy.capacity.load import record_bytes

PUT_UNIT_BYTES: Final = 25 * 1024
FIREHOSE_UNIT_BYTES: Final = 5 * 1024
ON_DEMAND_UNIT_BYTES: Final = 1024
READERS: Final = 2
"""The consumer and Firehose."""


def kinesis(plan: CapacityPlan) -> Cost:
    """Shards, records and retention; and the same stream in on-demand mode."""
    load, shards = plan.load, plan.sizes.shards
    hours = shards * HOURS_A_MONTH
    units = load.requests_a_month * math.ceil(load.record_bytes / PUT_UNIT_BYTES)
    usd = plan.price("kinesis_shard_hour", hours) + plan.price("kinesis_put_million", units / 1e6)
    if has_long_retention(plan):
        usd += plan.price("kinesis_retention_shard_hour", hours)
    return Cost(
        part="Kinesis",
        size=f"{shards:,} shards, for {plan.sizes.shards_for}",
        usd=usd,
        otherwise=f"on demand {_on_demand(plan):,.0f}",
    )


def firehose(plan: CapacityPlan) -> Cost:
    """Each record rounded up to 5 KB; for aggregated records AWS does not say which record counts.

    The sum assumes the more expensive case: each point, after it was taken out of its record.
    """
    points_gb = _rounded(plan.load.points_a_month, _point_bytes(plan))
    records_gb = _rounded(plan.load.requests_a_month, plan.load.record_bytes)
    hours = plan.scenario.zones * HOURS_A_MONTH
    fixed = plan.price("firehose_vpc_hour", hours) + plan.price(
        "firehose_vpc_gb", plan.load.stream_gb_a_month
    )
    return Cost(
        part="Firehose",
        size=f"{points_gb:,.0f} GB billed of {plan.load.stream_gb_a_month:,.0f}",
        usd=fixed + plan.price("firehose_gb", points_gb),
        otherwise=f"rounded by record {fixed + plan.price('firehose_gb', records_gb):,.0f}",
    )


def backup(plan: CapacityPlan) -> Cost:
    """Firehose's copies of all points."""
    scenario = plan.scenario
    days_kept = scenario.backup_days / scenario.days
    gb = plan.load.stream_gb_a_month * scenario.backup_ratio * days_kept
    return Cost(part="S3", size=f"{gb:,.0f} GB of backup", usd=plan.price("s3_gb_month", gb))


def _rounded(records: float, size: float) -> float:
    return records * math.ceil(size / FIREHOSE_UNIT_BYTES) * FIREHOSE_UNIT_BYTES / GB


def _point_bytes(plan: CapacityPlan) -> float:
    return record_bytes(2, plan.facts.measured) - record_bytes(1, plan.facts.measured)


def has_long_retention(plan: CapacityPlan) -> bool:
    """Whether streams keep their records longer than the day that their price includes."""
    return plan.scenario.stream_hours > 24


def _on_demand(plan: CapacityPlan) -> float:
    load = plan.load
    billed = math.ceil(load.record_bytes / ON_DEMAND_UNIT_BYTES) * ON_DEMAND_UNIT_BYTES
    gb = load.requests_a_month * billed / GB
    usd = (
        plan.price("kinesis_on_demand_hour", HOURS_A_MONTH)
        + plan.price("kinesis_on_demand_in_gb", gb)
        + plan.price("kinesis_on_demand_out_gb", gb * READERS)
    )
    if has_long_retention(plan):
        kept_days = plan.scenario.stream_hours / 24 - 1
        gb_month = gb / plan.scenario.days * kept_days
        usd += plan.price("kinesis_on_demand_retention_gb_month", gb_month)
    return usd
