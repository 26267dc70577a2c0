"""The gateways', the Lambdas', the containers', the network's and the logs' cost, by hand."""

from __future__ import annotations

import math

from deploy.capacity import costs_edge, costs_running
from deploy.capacity.facts import GB
from deploy.capacity.plan import costs_of
from tests.support.capacity import round_plan
from tests.support.source_tree import ROOT

NO_DELIVERIES = {"deliveries": 0.0}
WATCHED = {"trucks": 1, "every": 3600, "viewers": 1_200, "session_minutes": 20, "round_s": 60}


def test_each_request_of_a_truck_is_one_of_the_gateway() -> None:
    plan = round_plan(trucks=1_000, every=10, **NO_DELIVERIES)

    assert math.isclose(costs_edge.http_api(plan).usd, 0.36)


def test_each_socket_is_a_ticket_too() -> None:
    # One new socket a second.
    plan = round_plan(**WATCHED, **NO_DELIVERIES)

    assert math.isclose(costs_edge.http_api(plan).usd, 3_601 / 1e6)


def test_a_viewer_is_a_message_a_round_and_a_minute_a_minute() -> None:
    plan = round_plan(**WATCHED, **NO_DELIVERIES)

    # 20 posts of the round a second, the new sockets' pictures, and what they asked for.
    messages, minutes = (20 + 1 + 1) * 3600, 1_200 * 60
    assert math.isclose(costs_edge.websocket_api(plan).usd, (messages + minutes) / 1e6)


def test_the_slow_part_of_an_invocation_is_the_wait_for_the_stream() -> None:
    # 1/10,000 s of a core, of which a Lambda of 884.5 MB has half; 10 ms of waiting.
    plan = round_plan(trucks=3_600, every=1, put_ms=10, lambda_gb=884.5 / 1024, **NO_DELIVERIES)

    assert math.isclose(plan.sizes.ingest_s, 0.0102)
    requests = 3_600 * 3_600
    gb_s = requests * 0.0102 * 884.5 / 1024
    assert math.isclose(costs_edge.functions(plan).usd, requests / 1e6 + gb_s)


def test_containers_are_paid_all_day() -> None:
    # Two consumers and the broadcaster, of 2 vCPUs and 4 GB.
    assert math.isclose(costs_running.fargate(round_plan(trucks=1)).usd, 3 * 730 * 6)


def test_nat_is_a_gateway_and_an_address_a_zone_and_the_stream_goes_through() -> None:
    plan = round_plan(trucks=1_000_000, every=1, **NO_DELIVERIES)

    gb = 3_600_000_000 * 400 / GB
    assert math.isclose(costs_running.nat(plan).usd, 3 * 730 * 2 + gb)


def test_two_of_three_zones_are_other_ones_and_a_memory_that_is_read_goes_twice() -> None:
    asked = {"trucks": 1_000, "every": 1, "wire_ratio": 0.5, **NO_DELIVERIES}
    once = costs_running.between_zones(round_plan(**asked, at_hand=1_000)).usd
    twice = costs_running.between_zones(round_plan(**asked, at_hand=1)).usd

    each = 3_600_000 / GB * 2 / 3
    assert math.isclose(once, each * (30_000 + (1_100 + 600) / 2))
    assert math.isclose(twice - once, each * 30_000)


def test_every_request_is_logged_in_six_lines() -> None:
    asked = {"every": 1, "lambda_log_bytes": 300, "access_log_bytes": 400, **NO_DELIVERIES}
    few, many = (costs_running.cloudwatch(round_plan(trucks=n, **asked, days=30)) for n in (1, 2))

    gb = 3_600 * 30 * (700 + 300 + 400 + 6 * 26) / GB
    assert math.isclose(many.usd - few.usd, gb * 1.15, rel_tol=1e-6)


def test_the_alarms_the_metrics_of_ours_and_the_dashboard_are_paid_for() -> None:
    alarms = (ROOT / "deploy/terraform/modules/alarms/definitions.tf").read_text(encoding="utf-8")
    code = "".join(
        path.read_text(encoding="utf-8")
        for part in ("ingest_lambda", "consumer", "broadcaster", "rtdts")
        for path in (ROOT / part).rglob("*.py")
    )

    assert alarms.count(" meaning ") <= costs_running.ALARMS
    assert code.count('Metric("') <= costs_running.METRICS
    # One dashboard; and a truck that hardly reports logs hardly anything.
    quiet = costs_running.cloudwatch(round_plan(trucks=1, every=3600, **NO_DELIVERIES)).usd
    assert math.isclose(quiet, 60 + 40 + 1, rel_tol=0.01)


def test_without_viewers_nothing_is_told_to_anybody() -> None:
    plan = round_plan(trucks=1_000, viewers=0)

    assert costs_edge.messages_a_month(plan) == 0
    assert costs_edge.websocket_api(plan).usd == 0
    assert costs_edge.internet(plan).usd == 0
    assert plan.sizes.broadcaster_cores == 0


def test_every_part_has_a_cost_of_its_own() -> None:
    parts = [cost.part for cost in costs_of(round_plan(trucks=1_000, viewers=500))]

    assert len(parts) == len(set(parts)) == 14
