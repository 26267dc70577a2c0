"""What the code does not do yet."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.capacity.costs import Plan
from deploy.capacity.use import Use


def ours(plan: Plan) -> Iterator[Use]:
    """Limits that only a change of the code moves."""
    load, sizes, of = plan.load, plan.sizes, plan.facts.limits
    yield Use(
        name="statuses a shard",
        kind="ours",
        used=load.transitions / sizes.shards,
        limit=of["transitions"].value,
        unit="transitions/s",
        remedy="more shards; write a batch's transitions at once",
    )
