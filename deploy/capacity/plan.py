"""Derives the whole plan from a scenario."""

from __future__ import annotations

from typing import Final

from deploy.capacity import costs_edge, costs_running, costs_stores, costs_stream
from deploy.capacity.costs import CapacityPlan, Cost
from deploy.capacity.facts import Facts, read_facts
from deploy.capacity.load import load_of
from deploy.capacity.scenario import Scenario
from deploy.capacity.sizing import sizes_of

PARTS = (
    costs_edge.http_api,
    costs_edge.functions,
    costs_stream.kinesis,
    costs_stream.firehose,
    costs_running.fargate,
    costs_stores.opensearch,
    costs_stores.dynamodb,
    costs_stores.sqs,
    costs_edge.websocket_api,
    costs_running.nat,
    costs_running.between_zones,
    costs_running.cloudwatch,
)
"""What computes the cost of each part, in the order of a point's life."""
OTHER_SHARE: Final = 0.02
"""Share of all parts that are less than 1 % of the bill each; docs/capacity.md lists them."""


def plan_for(scenario: Scenario, facts: Facts | None = None) -> CapacityPlan:
    """Load, sizes and figures of a scenario."""
    facts = facts or read_facts()
    load = load_of(scenario, facts.measured)
    return CapacityPlan(
        scenario=scenario, load=load, sizes=sizes_of(scenario, load, facts), facts=facts
    )


def costs_of(plan: CapacityPlan) -> list[Cost]:
    """What each part costs."""
    costs = [part(plan) for part in PARTS]
    other = OTHER_SHARE * sum(cost.usd for cost in costs)
    return [*costs, Cost(part="Other", size=f"{OTHER_SHARE:.0%} of the above", usd=other)]
