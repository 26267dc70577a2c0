from __future__ import annotations

import asyncio

from broadcaster.keyed_locks import KeyedLocks


async def test_a_lock_is_held_by_one_task_at_a_time() -> None:
    locks = KeyedLocks(wait_s=5)
    under_way: list[int] = []
    most = 0

    async def post(number: int) -> None:
        nonlocal most
        async with locks.hold("a") as is_held:
            assert is_held
            under_way.append(number)
            most = max(most, len(under_way))
            await asyncio.sleep(0)
            under_way.remove(number)

    await asyncio.gather(*map(post, range(5)))

    assert most == 1
    assert not locks._queues


async def test_waiting_for_a_lock_times_out_and_locks_of_other_keys_are_free() -> None:
    locks = KeyedLocks(wait_s=0.01)

    async with locks.hold("hung") as first, locks.hold("hung") as second, locks.hold("b") as other:
        assert (first, second, other) == (True, False, True)
    async with locks.hold("hung") as again:
        assert again

    assert not locks._queues
