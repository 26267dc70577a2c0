"""Formats a plan: for people, for programs, and as rows of a document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.limit_usage import LimitUsage
from deploy.capacity.limits_used import limits_used
from deploy.capacity.plan import costs_of
from deploy.capacity.scenario import OPTIONS

SHOWN = 10
"""Limits shown to people."""
SMALLEST = 0.001
KINDS = {"size": "variable", "quota": "AWS quota", "ours": "our code"}


def text_of(plan: CapacityPlan) -> str:
    """The report that the command prints."""
    return "\n".join([*_load(plan), "", *_costs(plan), "", *_limits(plan), "", *_basis(plan)])


def json_of(plan: CapacityPlan) -> dict[str, Any]:
    """The report as values for JSON."""
    costs = costs_of(plan)
    return {
        "scenario": dataclasses.asdict(plan.scenario),
        "load": dataclasses.asdict(plan.load),
        "sizes": dataclasses.asdict(plan.sizes),
        "costs": [dataclasses.asdict(cost) for cost in costs],
        "usd_per_month": sum(cost.usd for cost in costs),
        "limits": [{**dataclasses.asdict(use), "share": use.share} for use in limits_used(plan)],
        "prices_noted_on": plan.facts.prices.noted_on,
        "prices_from_memory": list(plan.facts.prices.from_memory),
    }


def limits_text(use: LimitUsage) -> str:
    """A limit's use in words, such as "3 of 20 shards"."""
    return f"{quantity(use.used)} of {quantity(use.limit)} {use.unit}"


def quantity(value: float) -> str:
    """Three significant digits; never an exponent."""
    if 0 < value < SMALLEST:
        return f"<{SMALLEST:g}"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def _load(plan: CapacityPlan) -> Iterator[str]:
    scenario, load, sizes = plan.scenario, plan.load, plan.sizes
    yield (
        f"{scenario.trucks:,} trucks, a point every {scenario.every:g} s, "
        f"{scenario.batch:g} per request; {scenario.viewers:,} viewers; us-east-1"
    )
    yield (
        f"  {quantity(load.points)} points/s in {quantity(load.requests)} requests/s of "
        f"{quantity(load.record_bytes)} bytes; "
        f"{quantity(load.rounds_posts + load.nudge_posts)} posts/s"
    )
    yield (
        f"  {sizes.shards} shards (for {sizes.shards_for}), {sizes.consumers} tasks of the "
        f"consumer, {sizes.nodes} OpenSearch nodes of {sizes.node_vcpus} vCPUs with "
        f"{quantity(sizes.volume_gb)} GB each"
    )
    if sizes.reads_states:
        yield (
            f"  a child has more trucks than the {scenario.cached_trucks:,} states that it caches "
            "(CACHED_TRUCKS): it reads each state first, which costs two thirds more"
        )


def _costs(plan: CapacityPlan) -> Iterator[str]:
    costs = costs_of(plan)
    total = sum(cost.usd for cost in costs)
    rows = [
        (cost.part, cost.size, f"{cost.usd:,.0f}", f"{cost.usd / total:.0%}", cost.otherwise)
        for cost in costs
    ]
    yield from _table(("part", "size", "USD per month", "share", "otherwise, USD"), rows, {2, 3})
    yield f"total {total:,.0f} USD per month, {total / plan.scenario.trucks:,.2f} per truck"


def _limits(plan: CapacityPlan) -> Iterator[str]:
    uses = limits_used(plan)
    rows = [
        (f"{use.share:.0%}", use.name, limits_text(use), KINDS[use.kind], use.remedy)
        for use in uses[:SHOWN]
    ]
    yield "What breaks first (share of each limit used at the busiest time):"
    yield from _table(("used", "limit", "", "kind", "remedy"), rows, {0})


def _basis(plan: CapacityPlan) -> Iterator[str]:
    yield "Assumptions (each is an option):"
    for name, option in OPTIONS.items():
        yield f"  --{name.replace('_', '-')} {getattr(plan.scenario, name):g}: {option.help}"
    prices = plan.facts.prices
    yield (
        f"Prices: AWS's list of us-east-1, noted on {prices.noted_on}, without tax, free tiers and "
        "discounts (deploy/capacity/prices.toml)."
    )
    yield (
        f"  From memory, to be looked up: {len(prices.from_memory)} of {len(prices.steps)}: "
        f"{', '.join(prices.from_memory)}."
    )
    memory = [name for name, limit in plan.facts.limits.items() if limit.how == "from_memory"]
    yield f"  Limits from memory, to be looked up: {', '.join(memory)}."


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], to_the_right: set[int]
) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, tuple("-" * width for width in widths), *rows):
        yield "  ".join(
            cell.rjust(width) if column in to_the_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
