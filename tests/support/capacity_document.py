"""The tables of docs/capacity.md, as `python -m deploy.capacity` calculates them.

``python -m tests.support.capacity_document`` writes them into the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.costs_stream import firehose
from deploy.capacity.endpoints import ENDPOINTS, reconnecting_s
from deploy.capacity.limits_aws import round_alone
from deploy.capacity.limits_used import limits_used
from deploy.capacity.plan import costs_of, plan_for
from deploy.capacity.report import KINDS, quantity
from deploy.capacity.scenario import Scenario
from tests.support.source_tree import ROOT

DOCUMENT = ROOT / "docs" / "capacity.md"

FLEETS = ((5, 5), (1_000, 500), (100_000, 50_000), (1_000_000, 500_000))
"""Numbers of trucks and viewers."""

LEVERS: Mapping[str, Mapping[str, float]] = {
    "as above": {},
    "one request per minute: `--batch 6`": {"batch": 6},
    "one point every 30 s: `--every 30`": {"every": 30},
    "`CACHED_TRUCKS` for all trucks of a shard: `--cached-trucks 7000`": {"cached_trucks": 7_000},
    "a history of 30 days: `--positions-days 30`": {"positions_days": 30},
    "a stream retention of one day: `--stream-hours 24`": {"stream_hours": 24},
    "half as many viewers": {"viewers": 25_000},
    "a full log line for each request, as before: `--log-one-of 1 --metrics-every 0.01 "
    "--lambda-log-bytes 380 --access-log-bytes 230`": {
        "log_one_of": 1,
        "metrics_every": 0.01,
        "lambda_log_bytes": 380,
        "access_log_bytes": 230,
    },
    "1 GB for `ingest_lambda`, as before: `--lambda-gb 1`": {"lambda_gb": 1},
}
"""Changes to the fleet of 100,000 trucks."""


def write_tables(text: str) -> str:
    """Returns the document with each table replaced by the calculated one.

    Raises:
        ValueError: It has no place for a table.
    """
    for name, table in TABLES.items():
        place = re.compile(rf"(<!-- {name} -->\n\n)(?:\|.*\n)*\n?(<!-- end -->)")
        if not place.search(text):
            raise ValueError(f"docs/capacity.md has no place for the table {name}")
        rows = "".join(f"| {' | '.join(row)} |\n" for row in table()) + "\n"
        text = place.sub(partial(_with_rows, rows), text)
    return text


def _with_rows(rows: str, place: re.Match[str]) -> str:
    return place[1] + rows + place[2]


def _plan(trucks: int, viewers: int, **requested: float) -> CapacityPlan:
    return plan_for(Scenario(**{"trucks": trucks, "viewers": viewers, **requested}))  # type: ignore[arg-type]


def _fleets() -> Iterator[Sequence[str]]:
    plans = [_plan(trucks, viewers) for trucks, viewers in FLEETS]
    yield ("trucks", *(f"{plan.scenario.trucks:,}" for plan in plans))
    yield ("---", *("---:" for _ in plans))
    sizes: Mapping[str, Callable[[CapacityPlan], str]] = {
        "viewers": lambda plan: f"{plan.scenario.viewers:,}",
        "points/s, requests/s": lambda plan: quantity(plan.load.points),
        "posts/s, evenly spread": lambda p: quantity(p.load.rounds_posts + p.load.nudge_posts),
        "shards": lambda plan: f"{plan.sizes.shards}",
        "consumer tasks of 2 vCPUs": lambda plan: f"{plan.sizes.consumers}",
        "cores for the broadcaster": lambda plan: quantity(plan.sizes.broadcaster_cores),
        "OpenSearch data nodes": lambda p: f"{p.sizes.nodes} of {p.sizes.node_vcpus} vCPUs",
        "OpenSearch disks in total, GB": lambda p: quantity(p.sizes.nodes * p.sizes.volume_gb),
        "use of API Gateway's quota": lambda plan: _used(plan, "API Gateway requests"),
    }
    for name, of in sizes.items():
        yield (name, *map(of, plans))
    costs = [costs_of(plan) for plan in plans]
    for part in zip(*costs, strict=True):
        yield (f"{part[0].part}, USD per month", *(f"{cost.usd:,.0f}" for cost in part))
    totals = [sum(cost.usd for cost in of) for of in costs]
    yield ("**total, USD per month**", *(f"**{total:,.0f}**" for total in totals))
    yield (
        "per truck, USD per month",
        *(
            f"{total / plan.scenario.trucks:,.2f}"
            for total, plan in zip(totals, plans, strict=True)
        ),
    )


def _used(plan: CapacityPlan, name: str) -> str:
    return next(f"{use.share:.0%}" for use in limits_used(plan) if use.name.startswith(name))


def _breaks() -> Iterator[Sequence[str]]:
    yield ("trucks", "used", "limit", "kind", "remedy")
    yield ("---:", "---:", "---", "---", "---")
    for trucks, viewers in FLEETS:
        uses = limits_used(_plan(trucks, viewers))
        broken = [use for use in uses if use.share > 1]
        for use in broken or uses[:1]:
            kind = KINDS[use.kind]
            yield (f"{trucks:,}", f"{use.share:.0%}", use.name, kind, use.remedy)


SPREAD_VIEWERS = (100_000, 1_000_000)
"""Numbers of viewers, each with twice as many trucks."""


def _spread() -> Iterator[Sequence[str]]:
    yield (
        "viewers",
        "`ROUND_SPREAD`",
        "posts/s that the spread needs",
        "share of the quota",
        "posts/s as shipped",
        "share of the quota",
        "duration as shipped, s",
    )
    yield tuple("---:" for _ in range(7))
    for viewers in SPREAD_VIEWERS:
        for spread in (0.0, 0.25, 0.5, 0.75):
            plan = _plan(2 * viewers, viewers, round_spread=spread)
            alone, quota = round_alone(plan), plan.facts.limits["api_gateway_requests"].value
            yield (
                f"{viewers:,}",
                f"{spread:g}",
                quantity(alone.needed) if spread else f"(at full speed: {alone.needed:,.0f})",
                f"{alone.needed / quota:.0%}",
                quantity(alone.posted),
                f"{alone.posted / quota:.0%}",
                quantity(alone.lasts_s),
            )


def _levers() -> Iterator[Sequence[str]]:
    yield (
        "100,000 trucks",
        "USD per month",
        "Firehose, rounded per point",
        "rounded per record",
        "use of API Gateway's quota",
        "use of disks on nodes with a shard",
    )
    yield ("---", "---:", "---:", "---:", "---:", "---:")
    for name, changed in LEVERS.items():
        plan = _plan(**{"trucks": 100_000, "viewers": 50_000, **changed})  # type: ignore[arg-type]
        raw_log = firehose(plan)
        yield (
            name,
            f"{sum(cost.usd for cost in costs_of(plan)):,.0f}",
            f"{raw_log.usd:,.0f}",
            raw_log.otherwise.removeprefix("rounded by record "),
            _used(plan, "API Gateway requests"),
            _used(plan, "OpenSearch's disks"),
        )


ENDPOINT_FLEETS = (100, 1_000, 10_000, 100_000)
"""Numbers of trucks, each with half as many viewers."""


def _endpoints() -> Iterator[Sequence[str]]:
    yield ("trucks", *(f"{trucks:,}" for trucks in ENDPOINT_FLEETS))
    yield ("---", *("---:" for _ in ENDPOINT_FLEETS))
    found = {
        name: [endpoint(_plan(trucks, trucks // 2, batch=batch)) for trucks in ENDPOINT_FLEETS]
        for name, (batch, endpoint) in ENDPOINTS.items()
    }
    for name, endpoints in found.items():
        yield (f"{name}, USD per month", *(f"{endpoint.usd:,.0f}" for endpoint in endpoints))
    for name, endpoints in found.items():
        yield (
            f"{name}: first limit",
            *(f"{endpoint.first.share:.0%} of {endpoint.first.name}" for endpoint in endpoints),
        )
    yield (
        "IoT Core: time for all trucks to reconnect, s",
        *(quantity(reconnecting_s(_plan(trucks, 0))) for trucks in ENDPOINT_FLEETS),
    )


TABLES = {
    "fleets": _fleets,
    "endpoints": _endpoints,
    "breaks": _breaks,
    "spread": _spread,
    "levers": _levers,
}

if __name__ == "__main__":
    DOCUMENT.write_text(write_tables(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
