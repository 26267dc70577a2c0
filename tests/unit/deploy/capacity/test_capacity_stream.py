"""The stream's and Firehose's cost, by hand."""

from __future__ import annotations

import math

from deploy.capacity.costs_stream import backup, firehose, kinesis
from deploy.capacity.facts import GB
from tests.support.capacity import round_plan


def test_a_shard_is_paid_all_month_twice_when_it_keeps_more_than_a_day() -> None:
    # 3,600 records are nothing beside a million.
    month = 4 * 730
    a_week = kinesis(round_plan(trucks=1, every=1, stream_hours=168)).usd
    a_day = kinesis(round_plan(trucks=1, every=1, stream_hours=24)).usd

    assert math.isclose(a_week, 2 * month + 0.0036)
    assert math.isclose(a_day, month + 0.0036)


def test_a_record_of_more_than_25_kb_is_two_payload_units() -> None:
    # 64 points of 400 bytes are 25,600 bytes, to the byte 25 KB; one more is above.
    one = kinesis(round_plan(trucks=1, every=1, batch=64, stream_hours=24)).usd
    two = kinesis(round_plan(trucks=1, every=1, batch=65, stream_hours=24)).usd

    assert math.isclose(one, 2920 + 3600 / 64 / 1e6)
    assert math.isclose(two, 2920 + 2 * 3600 / 65 / 1e6)


def test_firehose_rounds_a_point_of_its_own_up_to_5_kb_either_way() -> None:
    plan = round_plan(trucks=1_000, every=1)
    cost = firehose(plan)

    gb = 3_600_000 * 5120 / GB
    vpc = 3 * 730 + 3_600_000 * 400 / GB
    assert math.isclose(cost.usd, vpc + gb)
    assert cost.otherwise == f"rounded by record {vpc + gb:,.0f}"


def test_firehose_rounds_ten_points_ten_times_or_their_record_once() -> None:
    # 4,000 bytes a record: one unit of 5 KB instead of ten.
    cost = firehose(round_plan(trucks=100_000, every=1, batch=10))

    points_gb = 360_000_000 * 5120 / GB
    vpc = 3 * 730 + 360_000_000 * 400 / GB
    assert math.isclose(cost.usd, vpc + points_gb)
    assert cost.otherwise == f"rounded by record {vpc + points_gb / 10:,.0f}"


def test_a_record_above_5_kb_is_two_units() -> None:
    cost = firehose(round_plan(trucks=100_000, every=1, batch=13))  # 5,200 bytes

    records_gb = 360_000_000 / 13 * 2 * 5120 / GB
    vpc = 3 * 730 + 360_000_000 * 400 / GB
    assert cost.otherwise == f"rounded by record {vpc + records_gb:,.0f}"


def test_the_backup_holds_as_many_months_as_it_is_kept() -> None:
    plan = round_plan(trucks=1_000_000, every=1, days=30, backup_days=90, backup_ratio=0.5)

    month_gb = 1_000_000 * 3600 * 30 * 400 / GB
    assert math.isclose(backup(plan).usd, month_gb * 3 / 2)
