"""What the code does not do yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deploy.capacity.costs import Plan
from deploy.capacity.limits_aws import BROADCASTER_CORES
from deploy.capacity.load import SECONDS_A_HOUR
from deploy.capacity.use import Use

LUCENE_A_POINT: Final = 2
"""A point with a delivery is two documents: the delivery is a nested one."""
MORE_SHARDS: Final = "more shards in the template (rtdts/position_store/index_definitions.py)"


def ours(plan: Plan) -> Iterator[Use]:
    """Limits that only a change of the code moves."""
    scenario, load, sizes, of = plan.scenario, plan.load, plan.sizes, plan.facts.limits
    tasks = of["broadcaster_tasks"].value
    yield Use(
        name="the one broadcaster",
        kind="ours",
        used=sizes.broadcaster_cores,
        limit=tasks * BROADCASTER_CORES * scenario.vcpu,
        unit="cores",
        remedy="divide rounds among several (broadcaster/round_source.py)",
    )
    yield Use(
        name="trucks' memories, written to one node",
        kind="ours",
        used=load.visits * plan.facts.measured[f"wide_fleet_written.{_kind(plan)}"] / 1e6,
        limit=of["opensearch_volume_throughput"].value / 1e6,
        unit="MB/s",
        remedy="batch points; a smaller WINDOW_POINTS; more shards of truck-state",
    )
    points_a_day = load.points * scenario.hours * SECONDS_A_HOUR
    yield Use(
        name="a day's history in one shard, bytes",
        kind="ours",
        used=points_a_day * plan.facts.measured["document_bytes.history"] / 1e9,
        limit=of["opensearch_shard_bytes"].value / 1e9,
        unit="GB",
        remedy=MORE_SHARDS,
    )
    yield Use(
        name="a day's history in one shard, documents",
        kind="ours",
        used=points_a_day * LUCENE_A_POINT / 1e6,
        limit=of["opensearch_shard_documents"].value / 1e6,
        unit="M documents",
        remedy=MORE_SHARDS,
    )
    yield Use(
        name="a day's raw log in one shard, documents",
        kind="ours",
        used=points_a_day / 1e6,
        limit=of["opensearch_shard_documents"].value / 1e6,
        unit="M documents",
        remedy=MORE_SHARDS,
    )
    yield Use(
        name="statuses a shard",
        kind="ours",
        used=load.transitions / sizes.shards,
        limit=of["transitions"].value,
        unit="transitions/s",
        remedy="more shards; write a batch's transitions at once",
    )


def _kind(plan: Plan) -> str:
    return "read_first" if plan.sizes.reads_memories else "at_hand"
