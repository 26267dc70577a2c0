"""Reads of the same truck's stops share one query, as long as its result is fresh enough."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from broadcaster.pushing import RIGHT_MAX_AGE_S
from broadcaster.stops import STOPS_MAX_AGE_S, StopsOfTrucks
from rtdts.tracking.deliveries import Status
from tests.support.broadcaster_world import World
from tests.support.waiting import until

TRUCKS = 5
VIEWERS_PER_DELIVERY = 100


@pytest.fixture
def stops(world: World) -> StopsOfTrucks:
    for name in ("D-1", "D-2"):
        world.delivery(name, status=Status.IN_TRANSIT)
    return StopsOfTrucks(
        world.stops, world.of_rounds.tables, log=world.log, monotonic=world.clock.monotonic
    )


def on_a_truck_of_its_own(world: World, name: str) -> None:
    world.delivery(name, truck_id=f"T-{name}", status=Status.IN_TRANSIT)


async def test_the_stops_of_a_truck_are_read_once_for_all_chunks_of_a_round(world: World) -> None:
    for number in range(TRUCKS):
        on_a_truck_of_its_own(world, f"D-{number}")
        for viewer in range(VIEWERS_PER_DELIVERY):
            world.viewer(f"{number}-{viewer}", f"D-{number}")

    report = await world.run_round()

    assert report.delivered == TRUCKS * VIEWERS_PER_DELIVERY
    reads = [truck_id for read in world.stops.reads for truck_id in read]
    assert len(reads) == len(set(reads)) == TRUCKS


async def test_concurrent_reads_of_a_truck_share_one_query(
    world: World, stops: StopsOfTrucks
) -> None:
    first, second = await asyncio.gather(
        stops.read([world.row("D-1")]), stops.read([world.row("D-2")])
    )

    assert first == second
    assert world.stops.reads == [("T-1",)]


async def test_a_result_is_reused_for_less_than_half_of_a_rights_maximum_age(
    world: World, stops: StopsOfTrucks
) -> None:
    assert STOPS_MAX_AGE_S < RIGHT_MAX_AGE_S / 2
    await stops.read([world.row("D-1")])
    world.change("D-2", status=Status.DELIVERED)

    world.clock.advance(STOPS_MAX_AGE_S)
    before = await stops.read([world.row("D-1")])
    world.clock.advance(0.01)
    after = await stops.read([world.row("D-1")])

    assert before["T-1"].delivery_ids == {"D-1", "D-2"}
    assert after["T-1"].delivery_ids == {"D-1"}


async def test_no_position_is_posted_if_the_stops_are_older_than_a_rights_maximum_age(
    world: World,
) -> None:
    world.truck("T-1")
    world.delivery("D-1")
    world.viewer("viewer", "D-1")
    await world.run_round()
    world.delivery("D-2")
    world.change("D-2", stop_sequence=1)  # comes first now
    world.clock.advance(STOPS_MAX_AGE_S)

    def slowly(_: str) -> None:
        world.gateway.while_connecting = lambda _: None
        world.clock.advance(RIGHT_MAX_AGE_S - STOPS_MAX_AGE_S + 0.1)

    world.gateway.while_connecting = slowly
    await world.run_round()

    messages = world.gateway.messages("viewer")
    assert [one["position"] is not None for one in messages] == [True, False]


async def test_a_change_does_not_reuse_stops_that_were_read_before_it(
    world: World, stops: StopsOfTrucks
) -> None:
    await stops.read([world.row("D-1")])
    world.change("D-2", status=Status.DELIVERED)

    read = await stops.read([world.row("D-1")], is_change=True)

    assert read["T-1"].delivery_ids == {"D-1"}


async def test_a_delivery_missing_from_the_last_result_is_read_at_once(
    world: World, stops: StopsOfTrucks
) -> None:
    await stops.read([world.row("D-1")])
    world.delivery("D-3", status=Status.IN_TRANSIT)

    read = await stops.read([world.row("D-3")])

    assert read["T-1"].delivery_ids == {"D-1", "D-2", "D-3"}


async def test_a_failed_read_is_not_reused(world: World, stops: StopsOfTrucks) -> None:
    def fail() -> None:
        raise ConnectionError

    world.stops.before_read = fail
    assert await stops.read([world.row("D-1")]) == {}
    world.stops.before_read = lambda: None

    assert set(await stops.read([world.row("D-1")])) == {"T-1"}


async def test_callers_that_waited_for_a_failed_read_read_again(
    world: World, stops: StopsOfTrucks
) -> None:
    def fail_once() -> None:
        world.stops.before_read = lambda: None
        raise ConnectionError

    world.stops.before_read = fail_once
    read = await asyncio.gather(*(stops.read([world.row("D-1")]) for _ in range(3)))

    assert [set(one) for one in read] == [set(), {"T-1"}, {"T-1"}]


async def test_a_failed_read_hides_only_the_stops_of_its_own_trucks(
    world: World, stops: StopsOfTrucks
) -> None:
    on_a_truck_of_its_own(world, "D-3")
    await stops.read([world.row("D-1")])

    def fail() -> None:
        raise ConnectionError

    world.stops.before_read = fail

    assert set(await stops.read([world.row("D-1"), world.row("D-3")])) == {"T-1"}


async def test_stops_that_lack_a_new_delivery_are_not_used_if_reading_them_again_fails(
    world: World, stops: StopsOfTrucks
) -> None:
    await stops.read([world.row("D-1")])
    world.delivery("D-3", status=Status.IN_TRANSIT)  # may come before D-1

    def fail() -> None:
        raise ConnectionError

    world.stops.before_read = fail

    assert await stops.read([world.row("D-1"), world.row("D-3")]) == {}


async def test_a_failed_read_of_a_cancelled_caller_is_not_logged_by_asyncio(
    world: World, stops: StopsOfTrucks
) -> None:
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    failed = threading.Event()

    def fail() -> None:
        failed.set()
        raise ConnectionError

    world.stops.before_read = fail
    cancelled = asyncio.create_task(stops.read([world.row("D-1")]))
    await asyncio.sleep(0)
    cancelled.cancel()
    await until(failed.is_set)
    world.stops.before_read = lambda: None
    world.clock.advance(2 * STOPS_MAX_AGE_S)
    await stops.read([world.row("D-1")])  # drops the failed one
    del cancelled
    gc.collect()

    assert logged == []


async def test_a_cancelled_caller_does_not_cancel_the_query_for_the_others(
    world: World, stops: StopsOfTrucks
) -> None:
    cancelled = asyncio.create_task(stops.read([world.row("D-1")]))
    other = asyncio.create_task(stops.read([world.row("D-1")]))
    await asyncio.sleep(0)

    cancelled.cancel()

    assert set(await other) == {"T-1"}
    assert len(world.stops.reads) == 1


async def test_old_results_are_dropped(world: World, stops: StopsOfTrucks) -> None:
    for number in range(TRUCKS):
        on_a_truck_of_its_own(world, f"D-1{number}")
        await stops.read([world.row(f"D-1{number}")])
        world.clock.advance(2 * STOPS_MAX_AGE_S)
    await stops.read([world.row("D-1")])

    assert len(stops._readings) == 1
