"""What the code does not do yet."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.capacity.costs import Plan
from deploy.capacity.limits_aws import BROADCASTER_CORES
from deploy.capacity.use import Use


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
        name="statuses a shard",
        kind="ours",
        used=load.transitions / sizes.shards,
        limit=of["transitions"].value,
        unit="transitions/s",
        remedy="more shards; write a batch's transitions at once",
    )
