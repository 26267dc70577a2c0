"""Changes of a plan by the back office, and the statuses that the rules then derive."""

from __future__ import annotations

import pytest

from delivery_lambda.decisions import (
    Change,
    Declaration,
    DeliverySpec,
    decide_declaration,
    decide_plan,
)
from rtdts.tracking.deliveries import DeclaredType, Place, Status
from sim.geodesy import place_at
from tests.support.consumer_world import (
    DESTINATION,
    DRIVE_M,
    ORIGIN,
    START_MS,
    STATUSES,
    World,
    drive,
    point,
)


def east(east_m: float) -> Place:
    lat, lon = place_at(ORIGIN.lat, ORIGIN.lon, 90.0, east_m)
    return Place(lat=lat, lon=lon)


def changed(world: World, *, second: int, **places: Place) -> None:
    planned(
        world,
        DeliverySpec(
            truck_id="T-1",
            customer_id="C-1",
            origin=places.get("origin", ORIGIN),
            destination=places.get("destination", DESTINATION),
        ),
        second=second,
    )
    world.clock.advance(6)  # the matches are read again


def given_on(world: World, truck_id: str, *, second: int) -> None:
    plan = DeliverySpec(
        truck_id=truck_id, customer_id="C-1", origin=ORIGIN, destination=DESTINATION
    )
    planned(world, plan, second=second)


def planned(world: World, plan: DeliverySpec, *, second: int) -> None:
    row = world.deliveries.get("D-1")
    assert row is not None
    change = decide_plan(
        row,
        "D-1",
        plan,
        expected_version=None,
        actor="dispatcher:A",
        now_ms=START_MS + second * 1_000,
    )
    assert isinstance(change, Change)
    world.deliveries.append(row, change.after, change.events, matches=True)


def declare_delivered(world: World, *, second: int) -> None:
    row = world.deliveries.get("D-1")
    assert row is not None
    at_ms = START_MS + second * 1_000
    declaration = Declaration(
        type=DeclaredType.DELIVERED,
        at_ms=at_ms,
        note=None,
        proof=None,
        idempotency_key="k",
        request_hash="h",
    )
    change = decide_declaration(
        row,
        world.deliveries.events("D-1"),
        declaration,
        actor="dispatcher:A",
        now_ms=at_ms,
    )
    assert isinstance(change, Change)
    world.deliveries.append(row, change.after, change.events, matches=True)


@pytest.mark.parametrize(
    ("moved_to_m", "then"),
    [
        (9_000.0, [Status.IN_TRANSIT]),
        (4_050.0, [Status.IN_TRANSIT, Status.NEARBY, Status.ARRIVED]),
    ],
    ids=["far away", "next door"],
)
def test_after_a_change_of_destination_the_status_follows_the_trucks_points(
    world: World, moved_to_m: float, then: list[Status]
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    pipeline.process(world.shard.records(*[[one] for one in drive()]))
    second = 10 * len(DRIVE_M)
    changed(world, second=second, destination=east(moved_to_m))
    standing = [point(second + 10 * n, 4_010.0, speed_mps=0.0) for n in range(1, 9)]
    pipeline.process(world.shard.records(*[[one] for one in standing]))

    assert world.statuses("D-1") == [*STATUSES, *then]
    row = world.deliveries.get("D-1")
    assert row is not None
    assert row.status is then[-1]


def test_a_truck_that_leaves_a_former_origin_has_not_picked_up_the_cargo(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    loading = [one for one in drive() if one.event_at_ms < START_MS + 120_000]
    pipeline.process(world.shard.records(*[[one] for one in loading]))
    assert world.statuses("D-1")[-1] is Status.AT_PICKUP
    changed(world, second=120, origin=east(2_000.0))
    pipeline.process(world.shard.records([point(130, 60.0)], [point(140, 90.0)]))

    assert world.statuses("D-1")[-1] is Status.EN_ROUTE_TO_PICKUP


def test_points_of_a_truck_that_no_longer_carries_a_delivery_add_no_event(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    points = drive()
    pipeline.process(world.shard.records(*[[one] for one in points[:14]]))
    given_on(world, "T-2", second=135)
    log = world.deliveries.events("D-1")

    # The match of T-1 is still cached, and its points continue as if it carried the cargo.
    report = pipeline.process(world.shard.records(*[[one] for one in points[14:]]))

    assert report.transitions == 0
    assert world.deliveries.events("D-1") == log
    row = world.deliveries.get("D-1")
    assert row is not None
    assert (row.truck_id, row.version) == ("T-2", log[-1].version)


def test_an_outdated_match_of_a_delivery_now_on_another_truck_adds_no_event(
    world: World,
) -> None:
    world.assign("D-1")
    read_before = dict(world.deliveries.matches["T-1"])
    given_on(world, "T-2", second=0)
    world.deliveries.matches["T-1"] = read_before
    log = world.deliveries.events("D-1")

    world.pipeline().process(world.shard.records(*[[one] for one in drive()]))

    assert world.deliveries.events("D-1") == log


def test_a_closed_delivery_is_dropped_and_gets_no_event(world: World) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    points = drive()
    pipeline.process(world.shard.records(*[[one] for one in points[:14]]))
    declare_delivered(world, second=135)
    log = world.deliveries.events("D-1")

    pipeline.process(world.shard.records(*[[one] for one in points[14:]]))

    assert world.deliveries.events("D-1") == log
    state = world.positions.load(["T-1"])["T-1"].state
    assert state is not None
    assert state.deliveries == ()


def test_a_customer_is_shown_the_truck_from_when_it_moved_off_for_the_delivery(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    standing = [point(second, -900.0, speed_mps=0.0) for second in range(-60, 0, 10)]
    pipeline.process(world.shard.records(*[[one] for one in standing]))
    before = world.deliveries.get("D-1")
    pipeline.process(world.shard.records(*[[one] for one in drive()]))
    after, moved_off = world.deliveries.get("D-1"), world.deliveries.events("D-1")[1]

    assert before is not None
    assert after is not None
    assert before.shown_from_ms is None
    assert moved_off.status is Status.EN_ROUTE_TO_PICKUP
    assert after.shown_from_ms == moved_off.effective_at_ms


def test_a_new_customer_is_shown_the_truck_only_from_the_change_of_customer_on(
    world: World,
) -> None:
    world.assign("D-1")
    pipeline = world.pipeline()
    points = drive()
    pipeline.process(world.shard.records(*[[one] for one in points[:14]]))
    plan = DeliverySpec(truck_id="T-1", customer_id="C-2", origin=ORIGIN, destination=DESTINATION)
    planned(world, plan, second=135)
    world.clock.advance(6)
    pipeline.process(world.shard.records(*[[one] for one in points[14:]]))
    row = world.deliveries.get("D-1")

    assert row is not None
    assert row.status is Status.ARRIVED
    assert row.shown_from_ms == row.customer_since_ms == START_MS + 135_000
