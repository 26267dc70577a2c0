"""AWS's quotas, as an account has them before it requests an increase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.costs_stores import reads_of
from deploy.capacity.costs_stream import READERS
from deploy.capacity.sizing import BROADCASTER_CORES, viewer_cpu_s
from deploy.capacity.use import RAISE_QUOTA, Use


def busy(plan: CapacityPlan) -> Iterator[Use]:
    """The limits on rates."""
    scenario, load, sizes, of = plan.scenario, plan.load, plan.sizes, plan.facts.limits
    posting = posts_while_a_round_lasts(plan)
    yield Use(
        name="API Gateway requests, while a round lasts",
        kind="quota",
        used=load.requests + posting,
        limit=of["api_gateway_requests"].value,
        unit="requests/s",
        remedy="batch points; request a higher quota from AWS; ROUND_SPREAD",
    )
    yield Use(
        name="new sockets",
        kind="quota",
        used=load.connects,
        limit=of["websocket_connects"].value,
        unit="connections/s",
        remedy=RAISE_QUOTA,
    )
    yield Use(
        name="concurrent Lambda executions",
        kind="quota",
        used=load.requests * sizes.ingest_s,
        limit=of["lambda_concurrency"].value,
        unit="invocations",
        remedy="request a higher quota from AWS; batch points",
    )
    reads = reads_of(plan)
    yield Use(
        name="reads of truck-matches",
        kind="quota",
        used=reads.matches,
        limit=of["dynamodb_table_reads"].value,
        unit="units/s",
        remedy="batch points; cache matches longer (MatchCache); request a higher quota from AWS",
    )
    yield Use(
        name="reads of deliveries, while a round lasts",
        kind="quota",
        used=posting / scenario.viewers_a_delivery,
        limit=of["dynamodb_table_reads"].value,
        unit="units/s",
        remedy=RAISE_QUOTA,
    )
    yield Use(
        name="SQS calls",
        kind="quota",
        used=load.nudges,
        limit=of["sqs_fifo_calls"].value,
        unit="calls/s of each kind",
        remedy="a region with a higher quota",
    )


def large(plan: CapacityPlan) -> Iterator[Use]:
    """The limits on amounts."""
    sizes, of = plan.sizes, plan.facts.limits
    yield Use(
        name="shards of an account",
        kind="quota",
        used=sizes.shards,
        limit=of["kinesis_shards"].value,
        unit="shards",
        remedy=RAISE_QUOTA,
    )
    yield Use(
        name="vCPUs of Fargate",
        kind="quota",
        used=sizes.consumers * plan.scenario.task_vcpu
        + sizes.broadcasters * plan.scenario.broadcaster_vcpu,
        limit=of["fargate_vcpus"].value,
        unit="vCPUs",
        remedy=RAISE_QUOTA,
    )
    yield Use(
        name="nodes of a domain",
        kind="quota",
        used=sizes.nodes,
        limit=of["opensearch_nodes"].value,
        unit="nodes",
        remedy="larger nodes",
    )
    yield Use(
        name="reading the stream",
        kind="quota",
        used=READERS * plan.load.stream_bytes / sizes.shards / 1e6,
        limit=of["kinesis_shard_read_bytes"].value / 1e6,
        unit="MB/s per shard",
        remedy="enhanced fan-out (KCL_RETRIEVAL_MODE), or more shards",
    )


def posts_while_a_round_lasts(plan: CapacityPlan) -> float:
    """Posts per second: a round is spread over part of its minute, or posted as fast as possible.

    A round that fits into the gateway's burst is not counted: it ends before the rate matters.
    """
    scenario, load, limits = plan.scenario, plan.load, plan.facts.limits
    if scenario.viewers <= limits["api_gateway_burst"].value:
        return load.rounds_posts + load.nudge_posts
    # The posts of nudges are within the setting.
    return min(_posts_of_a_round(plan) + load.nudge_posts, _posts_allowed(plan))


class RoundAlone(NamedTuple):
    """A round without the posts between rounds.

    Attributes:
        needed: Posts per second that keep each bucket at its place; without a spread, as many as
            the broadcasters are capable of.
        posted: Posts per second that the broadcasters and their setting allow.
        lasts_s: Seconds from its first post to its last, at that rate.
    """

    needed: float
    posted: float
    lasts_s: float


def round_alone(plan: CapacityPlan) -> RoundAlone:
    """What a round needs of API Gateway's quota, and what it gets."""
    scenario, evenly = plan.scenario, plan.load.rounds_posts
    posted = min(_posts_of_a_round(plan), _posts_allowed(plan))
    return RoundAlone(
        needed=evenly / scenario.round_spread if scenario.round_spread else _capable(plan),
        posted=posted,
        lasts_s=evenly * scenario.round_s / posted,
    )


def _posts_of_a_round(plan: CapacityPlan) -> float:
    spread = plan.scenario.round_spread
    return min(_capable(plan), plan.load.rounds_posts / spread) if spread else _capable(plan)


def _capable(plan: CapacityPlan) -> float:
    scenario, tasks = plan.scenario, plan.sizes.broadcasters
    by_core = tasks * BROADCASTER_CORES * scenario.vcpu / viewer_cpu_s(plan.facts)
    by_slots = tasks * scenario.round_slots / (scenario.post_ms / 1e3)
    return min(by_core, by_slots)


def _posts_allowed(plan: CapacityPlan) -> float:
    """Each broadcaster has its part of the rate, whether the others run or not."""
    scenario, tasks = plan.scenario, plan.sizes.broadcasters
    return tasks / max(tasks, scenario.most_broadcasters) * scenario.posts_per_second
