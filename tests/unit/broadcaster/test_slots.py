from __future__ import annotations

import asyncio

import pytest

from broadcaster.slots import Slots
from tests.support.waiting import SHORT_DEADLINE_S


async def test_a_reservation_waits_for_as_many_slots_as_it_requests() -> None:
    slots = Slots(3)
    first = await slots.reserve(2)
    second = asyncio.create_task(slots.reserve(2))
    await asyncio.sleep(0)
    assert not second.done()

    first.release_one()
    await second

    first.release_one()
    first.release_one()  # more than it holds: of no effect
    (await second).release_all()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await slots.reserve(3)
    assert (await _reservable(slots, 1)) is False


async def test_concurrent_reservations_of_all_slots_do_not_deadlock() -> None:
    slots = Slots(4)

    async def use() -> None:
        reserved = await slots.reserve(4)
        await asyncio.sleep(0)
        reserved.release_all()

    async with asyncio.timeout(SHORT_DEADLINE_S):
        await asyncio.gather(*(use() for _ in range(10)))


async def test_reserve_behind_takes_slots_that_no_other_caller_waits_for() -> None:
    slots = Slots(4)
    held = await slots.reserve(3)
    behind = asyncio.create_task(slots.reserve_behind(2))
    before = asyncio.create_task(slots.reserve(2))
    await asyncio.sleep(0)
    held.release_one()
    first = await before
    await asyncio.sleep(0)
    assert not behind.done(), "though it came first"

    first.release_all()
    (await behind).release_all()
    held.release_all()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        assert (await slots.reserve(4)).count == 4


async def test_a_cancelled_reservation_holds_no_slots() -> None:
    slots = Slots(2)
    held = await slots.reserve(1)
    waiting = asyncio.create_task(slots.reserve(2))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    held.release_all()

    assert await _reservable(slots, 2)


async def test_a_reservation_of_more_slots_than_there_are_is_rejected() -> None:
    with pytest.raises(ValueError, match="5 slots"):
        await Slots(4).reserve(5)
    with pytest.raises(ValueError, match="5 slots"):
        await Slots(4).reserve_behind(5)


async def _reservable(slots: Slots, count: int) -> bool:
    try:
        async with asyncio.timeout(0.01):
            await slots.reserve(count)
    except TimeoutError:
        return False
    return True
