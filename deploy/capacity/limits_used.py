"""How much of each limit a plan uses; the most used one breaks first."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.limits_aws import busy, large
from deploy.capacity.limits_shipped import shipped
from deploy.capacity.use import Use


def limits_used(plan: CapacityPlan) -> list[Use]:
    """Every limit, the most used one first."""
    uses = [*shipped(plan), *busy(plan), *large(plan), *_ours(plan)]
    return sorted(uses, key=lambda use: (-use.share, use.name))


def _ours(plan: CapacityPlan) -> Iterator[Use]:
    """Limits that only a code change can raise."""
    yield Use(
        name="statuses per shard",
        kind="ours",
        used=plan.load.transitions / plan.sizes.shards,
        limit=plan.facts.limits["transitions"].value,
        unit="transitions/s",
        remedy="more shards; write a batch's transitions at once",
    )
