"""The cost of OpenSearch, DynamoDB and the queues, as calculated by hand."""

from __future__ import annotations

import math

from deploy.capacity.costs_stores import dynamodb, opensearch, reads_of, sqs
from tests.support.capacity import round_plan

QUIET = {"deliveries": 0.0, "viewers": 0.0}
LEASES = 4 * 1.3 * 730 * 3600 / 1e6


def test_opensearch_is_billed_for_vcpus_disks_and_three_master_nodes() -> None:
    cost = opensearch(round_plan(trucks=5))

    # Three nodes of two vCPUs and 200 GB.
    assert math.isclose(cost.usd, 3 * 2 * 730 + 600 + 3 * 730)


def test_the_consumer_reads_a_trucks_matches_with_each_of_its_records() -> None:
    plan = round_plan(trucks=600, every=6, **QUIET)

    assert reads_of(plan).matches == 100
    assert math.isclose(dynamodb(plan).usd, 100 * 3600 / 1e6 + 128 / 60 * 3600 / 1e6 + LEASES)


def test_the_consumer_caches_a_trucks_matches_for_five_seconds() -> None:
    assert reads_of(round_plan(trucks=600, every=1, **QUIET)).matches == 120


def test_the_matches_of_a_truck_with_many_deliveries_take_several_read_units() -> None:
    # 11 matches of 0.4 KB are 4.4 KB.
    plan = round_plan(trucks=600, every=6, open_deliveries=11, **QUIET)

    assert reads_of(plan).matches == 200


def test_a_round_reads_the_index_of_viewers_and_each_delivery_with_its_matches() -> None:
    requested = {"trucks": 1, "viewers": 6_000, "round_s": 60, "deliveries": 0}
    alone = reads_of(round_plan(**requested)).rights
    shared = reads_of(round_plan(**requested, viewers_per_delivery=3)).rights

    index = 6_000 * 0.25 / 4 / 2 + 128
    assert math.isclose(alone, (2 * 6_000 + index) / 60)
    assert math.isclose(shared, (2 * 2_000 + index) / 60)


def test_a_transition_writes_eight_units_and_a_change_eleven() -> None:
    # 3,600 deliveries per hour, one per second: each has two transitions, is created and declared.
    requested = {"trucks": 3_600, "every": 3_600, "deliveries": 1, "near_minutes": 0}
    plan = round_plan(**requested, transitions=2, viewers=0)
    reads = plan.load.match_reads + 128 / 60 + 2 * 2 + 2 * 2 + 4 * 3
    writes = 2 * 8 + 2 * 11

    assert math.isclose(dynamodb(plan).usd, (reads + writes) * 3600 / 1e6 + LEASES)


def test_a_nudge_is_sent_received_and_deleted() -> None:
    # One delivery per second: two transitions, two changes, and 60 positions near its customer.
    plan = round_plan(
        trucks=3_600, every=10, deliveries=1, transitions=2, near_minutes=10, viewers=0
    )

    assert math.isclose(plan.load.nudges, 64)
    # And a broadcaster polls two queues every 3 s, all day.
    assert math.isclose(sqs(plan).usd, (64 * 3 * 3600 + 730 * 3600 * 2 / 3) / 1e6)
