"""The cost of the stream and of Firehose, as calculated by hand."""

from __future__ import annotations

import math

from deploy.capacity.costs_stream import firehose, kinesis
from deploy.capacity.facts import GB
from tests.support.capacity import round_plan


def test_a_shard_costs_twice_as_much_when_it_keeps_more_than_a_day() -> None:
    month = 4 * 730
    a_week = kinesis(round_plan(trucks=1, stream_hours=168)).usd
    a_day = kinesis(round_plan(trucks=1, stream_hours=24)).usd

    assert (a_week, a_day) == (2 * month, month)


def test_firehose_rounds_a_single_point_up_to_5_kb_by_point_or_by_record() -> None:
    plan = round_plan(trucks=1_000, every=1)
    cost = firehose(plan)

    gb = 3_600_000 * 5120 / GB
    vpc = 3 * 730
    assert math.isclose(cost.usd, vpc + gb)
    assert cost.otherwise == f"rounded by record {vpc + gb:,.0f}"


def test_firehose_rounds_each_of_ten_points_or_their_record_once() -> None:
    # 4,000 bytes per record: one unit of 5 KB instead of ten.
    cost = firehose(round_plan(trucks=100_000, every=1, batch=10))

    points_gb = 360_000_000 * 5120 / GB
    vpc = 3 * 730
    assert math.isclose(cost.usd, vpc + points_gb)
    assert cost.otherwise == f"rounded by record {vpc + points_gb / 10:,.0f}"


def test_a_record_above_5_kb_is_two_units() -> None:
    cost = firehose(round_plan(trucks=100_000, every=1, batch=13))  # 5,200 bytes

    records_gb = 360_000_000 / 13 * 2 * 5120 / GB
    vpc = 3 * 730
    assert cost.otherwise == f"rounded by record {vpc + records_gb:,.0f}"
