"""The limits that production ships with, before any variable is set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.limit_usage import LimitUsage
from deploy.capacity.load import SECONDS_PER_HOUR
from deploy.capacity.sizing import BROADCASTER_CORES, COPIES, NODE_VCPUS

DAEMON_GB, CHILD_GB, MEMORY_GB = 0.8, 0.1, 0.0001
"""GB of a JVM with a heap of 512 MB, of a Python process, of a truck's state (docs/settings.md)."""

LUCENE_DOCUMENTS_PER_POINT: Final = 1
"""A point is one document, which includes its deliveries."""
SINGLE_INDEXES: Final = 2
"""Indexes that exist once: truck-latest and truck-state."""


def shipped_limits(plan: CapacityPlan) -> Iterator[LimitUsage]:
    """The limits that Terraform variables raise, used by this load."""
    scenario, load, sizes, of = plan.scenario, plan.load, plan.sizes, plan.facts.limits
    shards = scenario.min_shards
    yield LimitUsage(
        name="stream as shipped, records",
        used=load.requests,
        limit=shards * of["kinesis_shard_records"].value,
        unit="records/s",
        remedy=f"shard_count = {sizes.shards}",
    )
    yield LimitUsage(
        name="stream as shipped, bytes",
        used=load.stream_bytes / 1e6,
        limit=shards * of["kinesis_shard_bytes"].value / 1e6,
        unit="MB/s",
        remedy=f"shard_count = {sizes.shards}",
    )
    yield LimitUsage(
        name="consumer as shipped",
        used=sizes.consumer_cores,
        limit=scenario.max_consumers * scenario.task_vcpu * scenario.vcpu,
        unit="cores",
        remedy=f"consumer.max_tasks = {sizes.consumers}, and at least as many shards",
    )
    yield LimitUsage(
        name="broadcaster as shipped",
        used=sizes.broadcaster_cores,
        limit=scenario.max_broadcasters * BROADCASTER_CORES * scenario.vcpu,
        unit="cores",
        remedy=f"broadcaster.max_tasks = {sizes.broadcasters}",
    )
    yield LimitUsage(
        name="posts as shipped",
        used=load.rounds_posts + load.nudge_posts,
        limit=scenario.posts_per_second,
        unit="posts/s",
        remedy="gateway_requests_per_second, within the account's quota",
    )
    yield LimitUsage(
        name="a consumer's memory",
        used=_task_gb(plan),
        limit=scenario.task_gb,
        unit="GB per task",
        remedy="consumer.memory_mb",
    )
    yield LimitUsage(
        name="OpenSearch as shipped, processor",
        used=sizes.search_cores,
        limit=scenario.search_nodes * NODE_VCPUS[0] * scenario.vcpu,
        unit="cores",
        remedy=f"search_nodes: {sizes.nodes} of {sizes.node_vcpus} vCPUs",
    )
    yield LimitUsage(
        name="OpenSearch as shipped, disk",
        used=sizes.search_gb,
        limit=scenario.search_nodes * scenario.min_volume_gb,
        unit="GB",
        remedy=f"search_nodes.volume_gb = {sizes.volume_gb:,.0f}, or fewer positions_days",
    )
    yield from _indexes(plan)
    yield LimitUsage(
        name="HTTP API's own throttle",
        used=load.requests,
        limit=of["http_throttle"].value,
        unit="requests/s",
        remedy="http_throttle, within the account's quota",
    )


def _indexes(plan: CapacityPlan) -> Iterator[LimitUsage]:
    """The size of an index's shards, and the work of the nodes that hold one of them."""
    scenario, load, sizes, of = plan.scenario, plan.load, plan.sizes, plan.facts.limits
    shards = scenario.search_shards
    yield LimitUsage(
        name="OpenSearch's work, on nodes with a shard as shipped",
        used=sizes.search_cores,
        limit=min(shards * COPIES, sizes.nodes) * sizes.node_vcpus * scenario.vcpu,
        unit="cores",
        remedy=f"search_nodes.shards = {math.ceil(sizes.nodes / COPIES)}",
    )
    kind = "read_first" if sizes.reads_states else "cached"
    delivery_states = load.visits * plan.facts.measured[f"wide_fleet_written.{kind}"]
    yield LimitUsage(
        name="OpenSearch's disks, on nodes with a shard as shipped",
        used=delivery_states * COPIES / 1e6,
        limit=min(shards * COPIES, sizes.nodes) * of["opensearch_volume_throughput"].value / 1e6,
        unit="MB/s",
        remedy=f"search_nodes.shards = {math.ceil(sizes.nodes / COPIES)}; faster volumes",
    )
    points_per_day = load.points * scenario.hours * SECONDS_PER_HOUR
    history_gb = points_per_day * plan.facts.measured["document_bytes.history"] / 1e9
    gb = of["opensearch_shard_bytes"].value / 1e9
    documents = of["opensearch_shard_documents"].value / 1e6
    for name, used, a_shard, unit in (
        ("a day's history, bytes", history_gb, gb, "GB"),
        (
            "a day's history, documents",
            points_per_day * LUCENE_DOCUMENTS_PER_POINT / 1e6,
            documents,
            "M documents",
        ),
        ("a day's raw log, documents", points_per_day / 1e6, documents, "M documents"),
    ):
        yield LimitUsage(
            name=f"{name}: shards as shipped",
            used=used,
            limit=a_shard * shards,
            unit=unit,
            remedy=f"search_nodes.shards = {math.ceil(used / a_shard / scenario.fill)}",
        )
    indexes = scenario.positions_days + scenario.raw_days + SINGLE_INDEXES
    yield LimitUsage(
        name="shards of a node",
        used=shards * indexes * COPIES / sizes.nodes,
        limit=of["opensearch_node_shards"].value,
        unit="shards",
        remedy="fewer shards, fewer positions_days, or more nodes",
    )


def _task_gb(plan: CapacityPlan) -> float:
    """GB per task: the daemon, and one child per shard with the truck states in its cache."""
    sizes = plan.sizes
    cached_trucks = min(plan.scenario.cached_trucks, plan.scenario.trucks / sizes.shards)
    children = math.ceil(sizes.shards / sizes.consumers)
    return DAEMON_GB + children * (CHILD_GB + cached_trucks * MEMORY_GB)
