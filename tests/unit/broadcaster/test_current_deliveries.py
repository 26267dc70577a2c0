"""What a person changed is shown in the fleet even if no truck sends a point."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from broadcaster.current_deliveries import GATHER_S, CurrentDeliveryWriter
from broadcaster.threads import P, R, StoreThreads
from rtdts.push_queue.nudges import TransitionNudge
from rtdts.tracking.deliveries import Status, TimeWindow
from rtdts.tracking.fleet_messages import FleetTruck
from tests.support.broadcaster_world import World
from tests.support.virtual_time import LoopClock, NoThreads, in_virtual_time
from tests.support.waiting import SHORT_DEADLINE_S, other_tasks


def truck(world: World, truck_id: str = "T-1") -> None:
    now_ms = world.clock.now_ms()
    world.fleet.drives(
        FleetTruck(truck_id=truck_id, lat=35.1, lon=129.1, at_ms=now_ms, received_at_ms=now_ms)
    )


async def change(world: World, delivery_id: str = "D-1", *, by_person: bool = True) -> None:
    nudge = TransitionNudge(delivery_id=delivery_id, version=4, by_person=by_person)
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await world.nudge_handler().begin(nudge)
        await other_tasks()


async def test_an_assigned_delivery_is_shown_with_its_truck(world: World) -> None:
    truck(world)
    world.delivery("D-1", status=Status.ASSIGNED)
    end_ms = world.clock.now_ms() + 60_000
    world.change("D-1", window=TimeWindow(start_ms=end_ms - 1, end_ms=end_ms))

    await change(world)

    found = world.fleet.find("T-1")
    assert (found.delivery_id, found.status, found.late_from_ms) == ("D-1", "assigned", end_ms)


async def test_a_closed_delivery_is_replaced_by_its_trucks_next_delivery(world: World) -> None:
    truck(world)
    world.delivery("D-1")
    world.delivery("D-2", status=Status.ASSIGNED)
    await change(world)
    assert world.fleet.find("T-1").delivery_id == "D-1"

    world.change("D-1", status=Status.DELIVERED)
    await change(world)

    assert world.fleet.find("T-1").delivery_id == "D-2"


async def test_a_transferred_delivery_is_shown_with_its_new_truck_only(world: World) -> None:
    truck(world, "T-1")
    truck(world, "T-2")
    world.delivery("D-1", truck_id="T-1")
    await change(world)
    world.transfer("D-1", "T-2")
    await change(world)

    assert world.fleet.find("T-1").delivery_id is None
    assert world.fleet.find("T-2").delivery_id == "D-1"


async def test_a_status_overwritten_by_a_batch_with_older_matches_is_written_again(
    world: World,
) -> None:
    truck(world)
    world.delivery("D-1")
    # A batch that is based on older matches is written right after the first write.
    sleep = world.clock.sleep

    async def stale_batch(seconds: float) -> None:
        old = world.fleet.find("T-1")
        world.fleet.drives(msgspec.structs.replace(old, delivery_id=None, status=None))
        await sleep(seconds)

    world.current_deliveries._sleep = stale_batch
    await change(world)

    assert world.fleet.written == ["T-1", "T-1"]
    assert world.fleet.find("T-1").delivery_id == "D-1"


class SlowStores(NoThreads):
    """Each call takes 0.1 s, in which other deliveries change."""

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        await asyncio.sleep(0.1)
        return await super().run(call, *args, **kwargs)


def test_many_deliveries_of_one_truck_are_read_together() -> None:
    """A dispatcher assigns a truck its 100 deliveries of a day within 5 s."""
    count = 100

    async def main() -> World:
        world = World(clock=LoopClock())
        threads = StoreThreads(SlowStores(), SlowStores())
        writer = CurrentDeliveryWriter(
            world.deliveries,
            world.stops,
            world.fleet,
            threads,
            log=world.log,
            now_ms=world.clock.now_ms,
            sleep=world.clock.sleep,
        )
        truck(world)
        for number in range(count):
            world.delivery(f"D-{number:02}", status=Status.ASSIGNED)
            writer.changed(f"D-{number:02}")
            await world.clock.sleep(0.05)
        world.change("D-42", status=Status.IN_TRANSIT)
        writer.changed("D-42")
        await world.clock.sleep(2 * GATHER_S)
        assert world.fleet.find("T-1").delivery_id == "D-42"
        await other_tasks()
        return world

    world = in_virtual_time(main)

    rows = sum(len(ids) for ids in world.deliveries.reads)
    assert rows < 12 * count, "reads that are not shared would be about a hundred per delivery"
    assert len(world.stops.reads) < 10


async def test_deliveries_that_cannot_be_read_do_not_prevent_later_writes(world: World) -> None:
    truck(world)
    world.delivery("D-1")

    def broken() -> None:
        raise OSError("throttled")

    world.deliveries.before_read = broken
    world.current_deliveries.changed("D-1")
    await other_tasks()
    world.deliveries.before_read = lambda: None
    world.current_deliveries.changed("D-1")
    await other_tasks()

    assert "changed_deliveries_unread" in world.logged
    assert world.fleet.find("T-1").delivery_id == "D-1"


async def test_a_transition_caused_by_a_point_writes_nothing_to_the_fleet(world: World) -> None:
    """The consumer writes it, together with the points."""
    truck(world)
    world.delivery("D-1")
    await change(world, by_person=False)

    assert world.fleet.written == []


async def test_a_truck_that_is_not_shown_is_not_written(world: World) -> None:
    world.delivery("D-1")
    await change(world)
    await change(world, "D-unknown")

    assert world.fleet.written == []


async def test_stops_that_cannot_be_read_change_nothing_and_block_nothing(world: World) -> None:
    truck(world)
    world.delivery("D-1")

    def broken() -> None:
        raise OSError("throttled")

    world.stops.before_read = broken
    await change(world)

    assert world.fleet.written == []
    assert "current_delivery_not_written" in world.logged
