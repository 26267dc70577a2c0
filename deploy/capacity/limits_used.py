"""How much of each limit a plan uses; the most used one breaks first."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.limit_usage import LimitUsage
from deploy.capacity.limits_aws import rate_quotas, size_quotas
from deploy.capacity.limits_shipped import shipped_limits


def limits_used(plan: CapacityPlan) -> list[LimitUsage]:
    """Every limit, the most used one first."""
    uses = [*shipped_limits(plan), *rate_quotas(plan), *size_quotas(plan), *_code_limits(plan)]
    return sorted(uses, key=lambda use: (-use.share, use.name))


def _code_limits(plan: CapacityPlan) -> Iterator[LimitUsage]:
    """Limits that only a code change can raise."""
    yield LimitUsage(
        name="statuses per shard",
        kind="ours",
        used=plan.load.transitions / plan.sizes.shards,
        limit=plan.facts.limits["transitions"].value,
        unit="transitions/s",
        remedy="more shards; write a batch's transitions at once",
    )
