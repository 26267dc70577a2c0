"""The monthly cost of each part: all parts together."""

from __future__ import annotations

import dataclasses

from deploy.capacity.facts import Facts
from deploy.capacity.limit_usage import RAISE_QUOTA, LimitUsage
from deploy.capacity.load import Load
from deploy.capacity.scenario import Scenario
from deploy.capacity.sizing import Sizes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """One part's cost.

    Attributes:
        part: Its name.
        size: How much of the part, in words.
        usd: USD per month.
        otherwise: What an alternative would cost, in words.
    """

    part: str
    size: str
    usd: float
    otherwise: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CapacityPlan:
    """A scenario with what follows from it."""

    scenario: Scenario
    load: Load
    sizes: Sizes
    facts: Facts

    def price(self, name: str, units: float) -> float:
        """USD for a number of units in a month."""
        return self.facts.prices.cost(name, units)

    def quota(self, name: str, used: float, limit: str, *, remedy: str = RAISE_QUOTA) -> LimitUsage:
        """How much of one of AWS's limits is used, in that limit's unit."""
        of = self.facts.limits[limit]
        return LimitUsage(
            name=name, kind="quota", used=used, limit=of.value, unit=of.unit, remedy=remedy
        )
