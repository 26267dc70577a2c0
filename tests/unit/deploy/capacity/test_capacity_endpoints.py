"""What each endpoint costs and which of its limits is used most."""

from __future__ import annotations

import pytest

from deploy.capacity.costs import CapacityPlan
from deploy.capacity.endpoints import ENDPOINTS, http, iot_core, own_broker, reconnecting_s
from deploy.capacity.plan import plan_for
from deploy.capacity.scenario import Scenario


def plan_of(trucks: int, **requested: float) -> CapacityPlan:
    return plan_for(Scenario(trucks=trucks, **requested))  # type: ignore[arg-type]


def test_the_cost_of_iot_core_follows_from_its_price_list() -> None:
    plan = plan_of(1_000)
    minutes, messages = 1_000 * 60 * 10 * 30.4 / 1e6, 100 * 36_000 * 30.4 / 1e6
    shard = 730 * (0.015 + 0.020)  # which keeps its records for a week

    known = minutes * 0.08 + messages * 0.30 + shard
    assert iot_core(plan).usd == pytest.approx(known, rel=0.2)  # and a Lambda
    assert iot_core(plan).usd > known


def test_a_stream_that_keeps_only_a_day_has_no_retention_cost() -> None:
    a_week, a_day = (iot_core(plan_of(1_000, stream_hours=hours)).usd for hours in (168, 24))

    assert a_week - a_day == pytest.approx(730 * 0.020)


def test_a_message_above_5_kb_counts_as_several() -> None:
    small, large = plan_of(1_000, batch=10), plan_of(1_000, batch=60)

    assert large.load.record_bytes > 5 * 1024 > small.load.record_bytes
    ratio = iot_core(large).usd / iot_core(small).usd
    assert ratio > large.load.requests / small.load.requests


def test_a_large_fleet_reaches_the_limits_of_http_before_those_of_iot_core() -> None:
    plan = plan_of(150_000)

    assert http(plan).first.share > 1
    assert iot_core(plan).first.share < 1
    assert iot_core(plan).usd < http(plan).usd / 3


def test_even_the_smallest_fleet_has_two_brokers_and_two_bridges() -> None:
    assert own_broker(plan_of(1)).usd == pytest.approx(own_broker(plan_of(100)).usd, rel=0.05)
    assert own_broker(plan_of(1)).usd > 2 * 730 * 0.03238


def test_a_disconnected_fleet_reconnects_at_the_rate_of_the_quota() -> None:
    assert reconnecting_s(plan_of(100_000)) == 200


def test_the_cost_of_every_endpoint_grows_with_the_fleet() -> None:
    for batch, endpoint in ENDPOINTS.values():
        assert (
            endpoint(plan_of(100_000, batch=batch)).usd > endpoint(plan_of(1_000, batch=batch)).usd
        )
