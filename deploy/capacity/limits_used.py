"""How much of each limit a plan uses: the first of them is what breaks first."""

from __future__ import annotations

from deploy.capacity.costs import Plan
from deploy.capacity.limits_aws import busy, large
from deploy.capacity.limits_ours import ours
from deploy.capacity.limits_shipped import shipped
from deploy.capacity.use import Use


def limits_used(plan: Plan) -> list[Use]:
    """Every limit, the one that is used most first."""
    uses = [*shipped(plan), *busy(plan), *large(plan), *ours(plan)]
    return sorted(uses, key=lambda use: (-use.share, use.name))
