"""Round figures, so that a plan can be checked by hand: every price is 1 USD per unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.facts import Facts, Prices, Steps, read_facts
from deploy.capacity.plan import plan_for
from deploy.capacity.scenario import Scenario

ONE: Steps = ((float("inf"), 1.0),)

MEASURED: Mapping[str, float] = {
    "stream_bytes": 400,  # ten per record: 4,000 bytes
    "stream_bytes.1_per_record": 400,
    "document_bytes": 100,
    "document_bytes.history": 200,
    "document_bytes.latest": 500,
    "document_bytes.state": 1_500,
    "ingest_points.1_per_request": 10_000,
    "ingest_points.500_per_request": 100_000,
    "ingest_log_bytes": 374,  # with what CloudWatch adds: 400
    "ingest_log_bytes.metrics": 474,
    "round_viewers": 10_000,
    "consumer_cpu.processors": 100,
    "consumer_cpu.daemon": 50,
    "consumer_cpu.node": 100,
    "wide_fleet_cpu.cached.processors": 500,
    "wide_fleet_cpu.cached.daemon": 100,
    "wide_fleet_cpu.cached.node": 1_000,
    "wide_fleet_cpu.read_first.processors": 1_000,
    "wide_fleet_cpu.read_first.daemon": 200,
    "wide_fleet_cpu.read_first.node": 1_500,
    "wide_fleet_written.cached": 30_000,
    "wide_fleet_written.read_first": 30_000,
    "wide_fleet_wire": 30_000,
    "wide_fleet_wire_cpu": 0,
}


def round_facts(measured: Mapping[str, float]) -> Facts:
    """The real limits, round measurements except for some, and prices of 1 USD."""
    real = read_facts()
    steps = dict.fromkeys(real.prices.steps, ONE)
    prices = Prices(noted_on="today", steps=steps, from_memory=())
    return dataclasses.replace(real, measured={**MEASURED, **measured}, prices=prices)


def round_plan(measured: Mapping[str, float] | None = None, /, **requested: float) -> CapacityPlan:
    """A plan for a fleet that is busy for one hour per month, on machines like the benchmarks'
    without reserve; the requested options are added."""
    usual = {
        "hours": 1.0,
        "days": 1.0,
        "viewing_hours": 1.0,
        "fill": 1.0,
        "vcpu": 1.0,
        "min_broadcasters": 1,
    }
    scenario = Scenario(**{**usual, **requested})  # type: ignore[arg-type]
    return plan_for(scenario, round_facts(measured or {}))
