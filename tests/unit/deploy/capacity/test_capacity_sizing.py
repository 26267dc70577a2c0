"""How large each part must be, as calculated by hand."""

from __future__ import annotations

import math

import pytest

from deploy.capacity.facts import GB
from deploy.capacity.load import record_bytes
from tests.support.capacity import MEASURED, round_plan

ALL_CACHED = 10_000_000
"""Enough that every state is cached."""


def test_single_points_fill_shards_by_their_number() -> None:
    # 5,500 records/s of 400 bytes: 2.2 MB/s.
    sizes = round_plan(trucks=5_500, every=1, cached_trucks=ALL_CACHED).sizes

    assert (sizes.shards, sizes.shards_for) == (6, "records")


def test_batches_fill_shards_by_their_bytes() -> None:
    # 12,000 points/s in 24 records/s: 4.8 MB/s, 4.6 MiB/s.
    sizes = round_plan(trucks=12_000, every=1, batch=500, cached_trucks=ALL_CACHED).sizes

    assert (sizes.shards, sizes.shards_for) == (5, "bytes")


def test_a_few_trucks_have_the_minimum_number_of_shards() -> None:
    sizes = round_plan(trucks=5).sizes

    assert (sizes.shards, sizes.shards_for) == (4, "minimum")


def test_the_process_of_each_shard_needs_a_core_to_itself() -> None:
    # 8,000 points/s, each of another truck, at 1,000 µs are 8 cores, on 8 shards by records: with
    # a core at half speed they need 16.
    sizes = round_plan(trucks=8_000, every=1, cached_trucks=1, vcpu=0.5).sizes

    assert (sizes.shards, sizes.shards_for) == (16, "processor")


def test_compressing_states_needs_cores() -> None:
    # 8,000 states per second at 250 µs are 2 cores.
    requested = {"trucks": 8_000, "every": 1, "cached_trucks": ALL_CACHED}
    without = round_plan(**requested).sizes.consumer_cores
    with_it = round_plan({"wide_fleet_wire_cpu": 250}, **requested).sizes.consumer_cores

    assert math.isclose(with_it - without, 2)


def test_every_task_has_a_shard() -> None:
    # 1.2 cores in tasks of a quarter.
    sizes = round_plan(trucks=2_000, every=1, cached_trucks=ALL_CACHED, task_vcpu=0.25).sizes

    assert (sizes.consumers, sizes.shards, sizes.shards_for) == (5, 5, "tasks")


def test_shards_are_filled_only_to_the_given_share() -> None:
    assert round_plan(trucks=5_500, every=1, fill=0.5, cached_trucks=ALL_CACHED).sizes.shards == 11


def test_points_in_a_batch_share_the_work_on_their_trucks_state() -> None:
    one, ten = (
        round_plan(trucks=1_000, every=1, batch=batch, cached_trucks=ALL_CACHED).sizes
        for batch in (1, 10)
    )

    # 500 and 100 µs per visit with its point; of ten points, nine take 100 and 50.
    assert math.isclose(one.consumer_cores, 0.6)
    assert math.isclose(ten.consumer_cores, 0.1 * (0.6 + 9 * 0.15))


def test_states_are_read_when_there_are_more_trucks_than_are_cached() -> None:
    # 4 shards: 250 trucks each.
    enough = round_plan(trucks=1_000, every=1, cached_trucks=250).sizes
    too_few = round_plan(trucks=1_000, every=1, cached_trucks=249).sizes

    assert not enough.reads_states
    assert too_few.reads_states
    assert math.isclose(too_few.consumer_cores, 1.2)


def test_all_points_of_a_truck_between_two_polls_are_in_one_batch() -> None:
    load = round_plan(trucks=10, every=0.1).load

    assert (load.points, load.visits, load.match_reads) == (100, 20, 2)


def test_opensearch_works_twice_for_the_replica_of_each_index() -> None:
    sizes = round_plan(trucks=1_000, every=1, cached_trucks=ALL_CACHED).sizes

    assert math.isclose(sizes.search_cores, 2 * (1.0 + 0.05))


def test_disks_hold_every_index_twice() -> None:
    plan = round_plan(
        trucks=1_000, every=1, positions_days=10, raw_days=2, merging=1, min_volume_gb=10
    )

    points_per_day = 3_600_000
    documents = points_per_day * (10 * 200 + 2 * 100) * 2 + 1_000 * 2_000 * 2
    assert math.isclose(plan.sizes.search_gb, documents / GB)
    assert math.isclose(plan.sizes.volume_gb, documents / GB / 3 + 20)


@pytest.mark.parametrize(
    ("points", "nodes", "vcpus"), [(1_000, 3, 2), (20_000, 21, 2), (60_000, 18, 8)]
)
def test_zones_have_equally_many_nodes_and_nodes_grow_before_they_are_too_many(
    points: int, nodes: int, vcpus: int
) -> None:
    # 2.1 cores per thousand points: 2.1, 42, 126.
    sizes = round_plan(trucks=points, every=1, cached_trucks=ALL_CACHED).sizes

    assert (sizes.nodes, sizes.node_vcpus) == (nodes, vcpus)


def test_a_node_is_large_enough_for_its_disk() -> None:
    # 720 GB per day for 90 days, twice: 77 TB. A large node has 2 TB, less 28 GB.
    sizes = round_plan(trucks=100_000, every=1, batch=500, cached_trucks=ALL_CACHED, hours=10).sizes

    assert sizes.nodes <= 30
    assert sizes.volume_gb <= {2: 2_048, 4: 3_072, 8: 6_144, 16: 12_288}[sizes.node_vcpus]


def test_the_size_of_a_record_is_a_fixed_part_and_one_part_per_point() -> None:
    measured = {**MEASURED, "stream_bytes.1_per_record": 430, "stream_bytes": 403}

    assert math.isclose(record_bytes(1, measured), 430)
    assert math.isclose(record_bytes(10, measured), 4_030)
    assert math.isclose(record_bytes(100, measured), 430 + 99 * 400)


def test_each_viewer_needs_one_post_and_one_check_of_its_right() -> None:
    # 100 µs and 80 µs.
    plan = round_plan(trucks=1, viewers=6_000, deliveries=0, session_minutes=120, round_s=60)

    posts = 100 + 6_000 / 7_200
    assert math.isclose(plan.sizes.broadcaster_cores, posts * 180e-6)
