"""When each socket connects, and which delivery it tracks."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.load.plan import LoadOptions, socket_plans, truck_assignments


def test_sockets_connect_at_the_requested_rate() -> None:
    turns = [plan.connects_at_s for plan in socket_plans(LoadOptions(sockets=5, connect_rate=2.0))]

    assert turns == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_the_longest_possible_duration_is_known_beforehand() -> None:
    options = LoadOptions(sockets=101, connect_rate=10.0, duration_s=30.0, wait_s=7.0)

    assert options.longest_s == 10.0 + 7.0 + 30.0


@pytest.mark.parametrize(
    ("sockets", "deliveries"), [(1, 1), (7, 7), (20, 20), (200, 20), (1_000, 100)]
)
def test_every_delivery_has_viewers_and_their_numbers_differ_by_at_most_one(
    sockets: int, deliveries: int
) -> None:
    options = LoadOptions(sockets=sockets, trucks=5, deliveries_per_truck=4)

    viewers = Counter(plan.delivery for plan in socket_plans(options))

    assert options.deliveries == len(viewers) == deliveries
    assert max(viewers.values()) - min(viewers.values()) <= 1


def test_deliveries_are_spread_over_all_trucks_within_their_limit() -> None:
    options = LoadOptions(sockets=13, trucks=5, deliveries_per_truck=4)

    carried = Counter(truck for _, truck in truck_assignments(options))

    assert set(carried) == set(range(5))
    assert max(carried.values()) <= options.deliveries_per_truck


@pytest.mark.parametrize(("near", "trucks"), [(1, 5), (200, 5), (999, 5), (500, 2), (500, 1)])
def test_near_and_far_sockets_have_separate_trucks_and_deliveries(near: int, trucks: int) -> None:
    options = LoadOptions(sockets=1_000, near=near, trucks=trucks)

    one, other = options.groups
    tracked = [plan.delivery for plan in socket_plans(options)]
    carrier = dict(truck_assignments(options))

    assert (one.is_near, other.is_near) == (True, False)
    assert (len(one.sockets), len(other.sockets)) == (near, 1_000 - near)
    assert set(tracked[:near]) == set(one.deliveries)
    assert set(tracked[near:]) == set(other.deliveries)
    assert {carrier[number] for number in one.deliveries} <= set(one.trucks)
    assert {carrier[number] for number in other.deliveries} <= set(other.trucks)
    assert not set(one.trucks) & set(other.trucks)
    assert max(Counter(tracked).values()) <= 20


def test_all_sockets_may_be_near() -> None:
    (group,) = LoadOptions(sockets=100, near=100, trucks=5).groups

    assert group.is_near
    assert len(group.trucks) == 5
