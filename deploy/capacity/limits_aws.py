"""AWS's quotas, as an account has them before it requests an increase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.costs_stores import reads_of
from deploy.capacity.costs_stream import READERS
from deploy.capacity.limit_usage import LimitUsage
from deploy.capacity.sizing import BROADCASTER_CORES, viewer_cpu_s


def rate_quotas(plan: CapacityPlan) -> Iterator[LimitUsage]:
    """The limits on rates."""
    load = plan.load
    posting = posts_during_round(plan)
    yield plan.quota(
        "API Gateway requests, while a round lasts",
        load.requests + posting,
        "api_gateway_requests",
        remedy="batch points; request a higher quota from AWS; ROUND_SPREAD",
    )
    yield plan.quota("new sockets", load.connects, "websocket_connects")
    yield plan.quota(
        "concurrent Lambda executions",
        load.requests * plan.sizes.ingest_s,
        "lambda_concurrency",
        remedy="request a higher quota from AWS; batch points",
    )
    yield plan.quota(
        "reads of truck-matches",
        reads_of(plan).matches,
        "dynamodb_table_reads",
        remedy="batch points; cache matches longer (MatchCache); request a higher quota from AWS",
    )
    deliveries = posting / plan.scenario.viewers_per_delivery
    yield plan.quota("reads of deliveries, while a round lasts", deliveries, "dynamodb_table_reads")
    yield plan.quota(
        "SQS calls",
        load.nudges,
        "sqs_fifo_calls",
        remedy="a region with a higher quota",
    )


def size_quotas(plan: CapacityPlan) -> Iterator[LimitUsage]:
    """The limits on amounts."""
    scenario, sizes = plan.scenario, plan.sizes
    vcpus = sizes.consumers * scenario.task_vcpu + sizes.broadcasters * scenario.broadcaster_vcpu
    yield plan.quota("shards of an account", sizes.shards, "kinesis_shards")
    yield plan.quota("vCPUs of Fargate", vcpus, "fargate_vcpus")
    yield plan.quota("nodes of a domain", sizes.nodes, "opensearch_nodes", remedy="larger nodes")
    yield plan.quota(
        "reading the stream",
        READERS * plan.load.stream_bytes / sizes.shards,
        "kinesis_shard_read_bytes",
        remedy="enhanced fan-out (KCL_RETRIEVAL_MODE), or more shards",
    )


def posts_during_round(plan: CapacityPlan) -> float:
    """Posts per second: a round is spread over part of its minute, or posted as fast as possible.

    A round that fits into the gateway's burst is not counted: it ends before the rate matters.
    """
    scenario, load, limits = plan.scenario, plan.load, plan.facts.limits
    if scenario.viewers <= limits["api_gateway_burst"].value:
        return load.rounds_posts + load.nudge_posts
    # The setting also bounds the posts of nudges.
    return min(_round_posts(plan) + load.nudge_posts, _posts_allowed(plan))


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
    posted = min(_round_posts(plan), _posts_allowed(plan))
    return RoundAlone(
        needed=evenly / scenario.round_spread if scenario.round_spread else _capable(plan),
        posted=posted,
        lasts_s=evenly * scenario.round_s / posted,
    )


def _round_posts(plan: CapacityPlan) -> float:
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
    return tasks / max(tasks, scenario.max_broadcasters) * scenario.posts_per_second
