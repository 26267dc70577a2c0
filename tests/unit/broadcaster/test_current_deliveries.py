"""What a person changed is shown in the fleet although no truck sends anything."""

from __future__ import annotations

import asyncio

import msgspec

from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Status, TimeWindow
from rtdts.tracking.fleet_messages import FleetTruck
from tests.support.broadcaster_world import World
from tests.support.waiting import COMES_WITHIN_S


def truck(world: World, truck_id: str = "T-1") -> None:
    now_ms = world.clock.now_ms()
    world.fleet.drives(
        FleetTruck(truck_id=truck_id, lat=35.1, lon=129.1, at_ms=now_ms, heard_at_ms=now_ms)
    )


async def change(world: World, delivery_id: str = "D-1", *, by_person: bool = True) -> None:
    nudge = TransitionNudge(delivery_id=delivery_id, version=4, by_person=by_person)
    async with asyncio.timeout(COMES_WITHIN_S):
        await world.nudge_handler().begin(nudge)
        await world.current_deliveries.settled()


async def test_an_assigned_delivery_is_shown_with_its_truck(world: World) -> None:
    truck(world)
    world.delivery("D-1", status=Status.ASSIGNED)
    end_ms = world.clock.now_ms() + 60_000
    world.change("D-1", window=TimeWindow(start_ms=end_ms - 1, end_ms=end_ms))

    await change(world)

    found = world.fleet.find("T-1")
    assert (found.delivery_id, found.status, found.late_from_ms) == ("D-1", "assigned", end_ms)


async def test_a_closed_delivery_gives_way_to_the_next(world: World) -> None:
    truck(world)
    world.delivery("D-1")
    world.delivery("D-2", status=Status.ASSIGNED)
    await change(world)
    assert world.fleet.find("T-1").delivery_id == "D-1"

    world.change("D-1", status=Status.DELIVERED)
    await change(world)

    assert world.fleet.find("T-1").delivery_id == "D-2"


async def test_a_truck_that_lost_its_delivery_to_another_shows_it_no_more(world: World) -> None:
    truck(world, "T-1")
    truck(world, "T-2")
    world.delivery("D-1", truck_id="T-1")
    await change(world)
    world.transfer("D-1", "T-2")
    await change(world)

    assert world.fleet.find("T-1").delivery_id is None
    assert world.fleet.find("T-2").delivery_id == "D-1"


async def test_what_a_point_brought_meanwhile_is_put_right_a_little_later(world: World) -> None:
    truck(world)
    world.delivery("D-1")
    # A batch that rests on older matches is written right after the first time.
    sleep = world.clock.sleep

    async def stale_batch(seconds: float) -> None:
        old = world.fleet.find("T-1")
        world.fleet.drives(msgspec.structs.replace(old, delivery_id=None, status=None))
        await sleep(seconds)

    world.current_deliveries._sleep = stale_batch
    await change(world)

    assert world.fleet.written == ["T-1", "T-1"]
    assert world.fleet.find("T-1").delivery_id == "D-1"


async def test_what_a_truck_caused_is_its_points_business(world: World) -> None:
    truck(world)
    world.delivery("D-1")
    await change(world, by_person=False)

    assert world.fleet.written == []


async def test_a_truck_that_is_not_shown_is_not_written(world: World) -> None:
    world.delivery("D-1")
    await change(world)
    await change(world, "D-unknown")

    assert world.fleet.written == []


async def test_stops_that_cannot_be_read_change_nothing_and_hold_up_nothing(world: World) -> None:
    truck(world)
    world.delivery("D-1")

    def broken() -> None:
        raise OSError("throttled")

    world.stops.before_read = broken
    await change(world)

    assert world.fleet.written == []
    assert "current_delivery_not_written" in world.logged
