"""The figures behind a plan: measured, limits, prices, and what production ships with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from bench.__main__ import MODULES
from deploy.capacity.facts import FOLDER, measured_figures, read_facts
from deploy.capacity.scenario import Scenario
from tests.support.source_tree import ROOT

PERFORMANCE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
BENCHMARKS = "".join(
    (ROOT / "bench" / f"{module}.py").read_text(encoding="utf-8") for module in MODULES
)
PROD = (ROOT / "deploy/terraform/environments/prod/variables.tf").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", measured_figures())
def test_a_measured_figure_is_the_one_in_the_document(name: str) -> None:
    figure = measured_figures()[name]

    assert figure.written in PERFORMANCE, "docs/performance.md or measured.toml is out of date"
    assert f"{figure.value:,}" in figure.written


@pytest.mark.parametrize("name", measured_figures())
def test_a_measured_figure_comes_from_a_benchmark(name: str) -> None:
    base, *rest = name.split(".")

    assert re.search(rf'"{base}["._]', BENCHMARKS), f"no benchmark of `make bench` yields {name}"
    assert len(rest) <= 2


@pytest.mark.parametrize("name", measured_figures())
def test_a_measured_figure_is_used(name: str) -> None:
    assert f'"{name}"' in SOURCES or name.startswith(("consumer_cpu.", "wide_fleet_"))


@pytest.mark.parametrize(("name", "limit"), read_facts().limits.items())
def test_a_limit_has_a_source_and_is_used(name: str, limit: Any) -> None:
    assert f'"{name}"' in SOURCES
    assert limit.how in {"checked", "from_memory", "ours"}
    if limit.how == "ours":
        assert (ROOT / re.split("[,:]", limit.source)[0]).exists()
    else:
        assert limit.source.startswith("https://")


def test_every_price_is_used_and_every_step_is_cheaper() -> None:
    for name, steps in read_facts().prices.steps.items():
        ends, prices = zip(*steps, strict=True)

        assert list(ends) == sorted(set(ends)), name
        assert ends[-1] == float("inf"), name
        assert list(prices) == sorted(set(prices), reverse=True), name
        assert f'"{name}"' in SOURCES, name


def test_prices_from_memory_are_listed() -> None:
    assert "fargate_vcpu_hour" in read_facts().prices.from_memory
    assert "nat_gb" not in read_facts().prices.from_memory


def test_the_first_units_are_more_expensive_than_those_above_them() -> None:
    prices = read_facts().prices

    assert prices.cost("http_api_million", 0) == 0
    assert prices.cost("http_api_million", 300) == 300
    assert prices.cost("http_api_million", 301) == pytest.approx(300.9)
    assert prices.cost("logs_lambda_gb", 31_720) == pytest.approx(
        10_240 * 0.50 + 20_480 * 0.25 + 1_000 * 0.10
    )


def _default_of(variable: str) -> str:
    block = re.search(rf'^variable "{variable}" {{\n(.*?)^}}', PROD, re.M | re.S)
    assert block is not None, variable
    return block.group(1).split("default", 1)[1]


@pytest.mark.parametrize(
    ("variable", "key", "option", "times"),
    [
        ("shard_count", "", "min_shards", 1),
        ("stream_retention_hours", "", "stream_hours", 1),
        ("nat_gateways", "", "zones", 1),
        ("search_nodes", "count", "search_nodes", 1),
        ("search_nodes", "shards", "search_shards", 1),
        ("search_nodes", "volume_gb", "min_volume_gb", 1),
        ("retention", "raw_days", "raw_days", 1),
        ("retention", "positions_days", "positions_days", 1),
        ("consumer", "cpu", "task_vcpu", 1024),
        ("consumer", "memory_mb", "task_gb", 1024),
        ("consumer", "min_tasks", "min_consumers", 1),
        ("consumer", "max_tasks", "max_consumers", 1),
        ("broadcaster", "cpu", "broadcaster_vcpu", 1024),
        ("broadcaster", "memory_mb", "broadcaster_gb", 1024),
        ("broadcaster", "min_tasks", "min_broadcasters", 1),
        ("broadcaster", "max_tasks", "max_broadcasters", 1),
    ],
)
def test_the_scenario_assumes_productions_defaults(
    variable: str, key: str, option: str, times: int
) -> None:
    found = re.search(rf"{key}\s*= (\d+)", _default_of(variable))

    assert found is not None
    assert int(found.group(1)) == getattr(Scenario(), option) * times


def test_the_http_throttle_and_the_node_types_are_those_of_production() -> None:
    limits: Mapping[str, Any] = read_facts().limits

    assert f"requests_per_second = {limits['http_throttle'].value}\n" in _default_of(
        "http_throttle"
    )
    assert '"r7g.large.search"' in _default_of("search_nodes")
    assert '"m7g.medium.search"' in _default_of("search_nodes")
