"""The cost of gateways, Lambdas, containers, network and logs, as calculated by hand."""

from __future__ import annotations

import dataclasses
import json
import math
import re

from deploy.capacity import costs_edge, costs_running
from deploy.capacity.facts import GB
from deploy.capacity.plan import costs_of
from deploy.capacity.scenario import Scenario
from ingest_lambda.settings import Settings
from tests.support.capacity import round_plan
from tests.support.source_tree import ROOT

NO_DELIVERIES = {"deliveries": 0.0}
WATCHED = {"trucks": 1, "every": 3600, "viewers": 1_200, "session_minutes": 20, "round_s": 60}


def test_each_request_of_a_truck_is_one_http_api_request() -> None:
    plan = round_plan(trucks=1_000, every=10, **NO_DELIVERIES)

    assert math.isclose(costs_edge.http_api(plan).usd, 0.36)


def test_each_new_socket_requests_one_ticket() -> None:
    # One new socket per second.
    plan = round_plan(**WATCHED, **NO_DELIVERIES)

    assert math.isclose(costs_edge.http_api(plan).usd, 3_601 / 1e6)


def test_a_viewer_is_billed_one_message_per_round_and_every_connected_minute() -> None:
    plan = round_plan(**WATCHED, **NO_DELIVERIES)

    # 20 posts of the round per second, the new sockets' snapshots, and their requests.
    messages, minutes = (20 + 1 + 1) * 3600, 1_200 * 60
    assert math.isclose(costs_edge.websocket_api(plan).usd, (messages + minutes) / 1e6)


def test_an_invocation_is_billed_for_its_wait_for_the_stream() -> None:
    # 1/10,000 s of a core, of which a Lambda of 884.5 MB has half; 10 ms of waiting.
    plan = round_plan(trucks=3_600, every=1, put_ms=10, lambda_gb=884.5 / 1024, **NO_DELIVERIES)

    assert math.isclose(plan.sizes.ingest_s, 0.0102)
    requests = 3_600 * 3_600
    gb_s = requests * 0.0102 * 884.5 / 1024
    assert math.isclose(costs_edge.functions(plan).usd, requests / 1e6 + gb_s)


def test_containers_are_billed_around_the_clock() -> None:
    # Two consumers of 2 vCPUs and 4 GB, two broadcasters of 1 and 2.
    plan = round_plan(trucks=1, min_broadcasters=2)

    assert math.isclose(costs_running.fargate(plan).usd, 2 * 730 * (6 + 3))


def test_nat_is_billed_per_zone_and_for_the_streams_traffic() -> None:
    plan = round_plan(trucks=1_000_000, every=1, **NO_DELIVERIES)

    gb = 3_600_000_000 * 400 / GB
    assert math.isclose(costs_running.nat(plan).usd, 3 * 730 + gb)


def test_two_thirds_of_the_traffic_crosses_zones_and_states_read_back_cross_twice() -> None:
    requested = {"trucks": 1_000, "every": 1, "wire_ratio": 0.5, **NO_DELIVERIES}
    once = costs_running.between_zones(round_plan(**requested, cached_trucks=1_000)).usd
    twice = costs_running.between_zones(round_plan(**requested, cached_trucks=1)).usd

    each = 3_600_000 / GB * 2 / 3
    assert math.isclose(once, each * (30_000 + (1_100 + 600) / 2))
    assert math.isclose(twice - once, each * 30_000)


def logs_usd_of_a_truck(**more: float) -> float:
    """Returns what one more truck adds to the cost of logs."""
    requested = {"every": 1, "access_log_bytes": 374, "failed_share": 0, **NO_DELIVERIES, **more}
    few, many = (
        costs_running.cloudwatch(round_plan(trucks=n, **requested, days=30)) for n in (1, 2)
    )
    return many.usd - few.usd


def test_each_request_has_a_gateway_log_line_and_sampled_ones_a_lambda_line() -> None:
    requests = 3_600 * 30

    assert math.isclose(
        logs_usd_of_a_truck(log_one_of=10), requests * (400 + 40) / GB, rel_tol=1e-6
    )
    assert math.isclose(
        logs_usd_of_a_truck(log_one_of=10, failed_share=0.5),
        requests * (400 + 200 + 20) / GB,
        rel_tol=1e-6,
    )
    assert math.isclose(
        logs_usd_of_a_truck(log_one_of=1, lambda_log_bytes=380),
        requests * (400 + 400 + 380) / GB,
        rel_tol=1e-6,
    )


def test_each_lambda_container_logs_a_metrics_line_every_ten_seconds() -> None:
    requested = {"every": 1, "put_ms": 1_000, "access_log_bytes": 0, "log_one_of": 1e9, "days": 30}
    few, many = (
        costs_running.cloudwatch(round_plan(trucks=n, failed_share=0, **requested, **NO_DELIVERIES))
        for n in (100, 1_100)
    )
    containers = 1_000 * round_plan(trucks=1, every=1, put_ms=1_000).sizes.ingest_s

    lines = containers / 10 * 3_600 * 30
    gateway = 1_000 * 3_600 * 30 * 26
    assert math.isclose(many.usd - few.usd, (lines * 500 + gateway) / GB, rel_tol=1e-3)


def test_a_gateway_log_line_is_about_as_long_as_assumed() -> None:
    text = (ROOT / "deploy/terraform/modules/http_api/main.tf").read_text(encoding="utf-8")
    usual = {
        "requestId": "UZq1ChJYIE0EPuA=",
        "routeKey": "POST /telemetry",
        "status": "202",
        "responseLatency": "25",
        "authorizer.claims.sub": "T-000012",
    }
    fields = re.findall(r"^ +(\w+) += \"\$context\.([\w.]+)\"$", text, re.M)
    line = {name: usual.get(variable, "-") for name, variable in fields}

    assert usual.keys() <= {variable for _, variable in fields}
    assert math.isclose(
        len(json.dumps(line, separators=(",", ":"))), Scenario().access_log_bytes, rel_tol=0.1
    )


def test_lambdas_system_log_level_and_memory_are_as_assumed() -> None:
    function = (ROOT / "deploy/terraform/modules/function/main.tf").read_text(encoding="utf-8")
    functions = (ROOT / "deploy/terraform/modules/system/functions.tf").read_text(encoding="utf-8")
    ingest = functions.split("ingest = {")[1].split("}")[0]
    memory = re.search(r"memory_mb += (\d+)", ingest)

    assert re.search(r'system_log_level += "WARN"', function)
    assert Scenario().lambda_log_bytes == 0
    assert memory is not None
    assert int(memory[1]) == Scenario().lambda_gb * 1_024


def test_the_lambdas_default_log_settings_are_as_assumed() -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(Settings)}

    assert defaults["log_one_of"] == Scenario().log_one_of
    assert defaults["metrics_every_s"] == Scenario().metrics_every


def test_the_cost_covers_all_our_metrics() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for part in ("ingest_lambda", "socket_lambda", "consumer", "broadcaster", "rtdts")
        for path in (ROOT / part).rglob("*.py")
    )

    assert code.count('Metric("') <= costs_running.METRICS
    # A truck that hardly reports logs hardly anything.
    quiet = costs_running.cloudwatch(round_plan(trucks=1, every=3600, **NO_DELIVERIES)).usd
    assert math.isclose(quiet, 60, rel_tol=0.01)


def test_without_viewers_nothing_is_pushed() -> None:
    plan = round_plan(trucks=1_000, viewers=0)

    assert costs_edge.messages_per_month(plan) == 0
    assert costs_edge.websocket_api(plan).usd == 0
    assert plan.sizes.broadcaster_cores == 0


def test_every_part_has_its_own_cost() -> None:
    *parts, other = costs_of(round_plan(trucks=1_000, viewers=500))

    assert len({cost.part for cost in (*parts, other)}) == 13
    assert math.isclose(other.usd, 0.02 * sum(cost.usd for cost in parts))
