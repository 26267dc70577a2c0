from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st

from broadcaster.rate_limiter import Debts, Priority, RateLimiter
from tests.support.virtual_time import in_virtual_time


def limiter(per_s: float) -> RateLimiter:
    loop = asyncio.get_running_loop()
    return RateLimiter(per_s, monotonic=loop.time)


def test_a_chunk_begins_as_a_whole_and_the_next_waits_for_its_time_at_the_rate() -> None:
    async def begin() -> list[float]:
        rate = limiter(50.0)
        begun_at_s = []
        for _ in range(3):
            await rate.acquire(Priority.ROUND, 100)
            begun_at_s.append(round(asyncio.get_running_loop().time(), 2))
        return begun_at_s

    assert in_virtual_time(begin) == [0.0, 2.0, 4.0]


def test_a_change_does_not_wait_for_a_round_and_delays_the_rounds_next_chunk() -> None:
    async def begin() -> tuple[float, float]:
        rate = limiter(50.0)
        now_s = asyncio.get_running_loop().time
        await rate.acquire(Priority.ROUND, 100)
        following = asyncio.create_task(rate.acquire(Priority.ROUND, 100))
        await asyncio.sleep(1)
        await rate.acquire(Priority.CHANGE, 50)
        change_at_s = now_s()
        await following
        return change_at_s, round(now_s(), 2)

    assert in_virtual_time(begin) == (1.0, 3.0)


def test_a_post_past_its_deadline_is_given_up_and_takes_no_rate_from_others() -> None:
    async def begin() -> tuple[bool, float]:
        rate = limiter(50.0)
        await rate.acquire(Priority.ROUND, 100)
        acquired = await rate.acquire(Priority.RETRY, 100, by_s=1.0)
        await rate.acquire(Priority.RETRY, 1)
        return acquired, round(asyncio.get_running_loop().time(), 2)

    assert in_virtual_time(begin) == (False, 2.0)


def test_a_post_that_waited_too_long_takes_no_rate_from_others() -> None:
    async def begin() -> tuple[bool, bool, float]:
        rate = limiter(50.0)
        await rate.acquire(Priority.ROUND, 100)
        first = asyncio.create_task(rate.acquire(Priority.ROUND, 100))
        late = asyncio.create_task(rate.acquire(Priority.ROUND, 100, by_s=1.0))
        acquired = await first, await late
        return *acquired, round(asyncio.get_running_loop().time(), 2)

    assert in_virtual_time(begin) == (True, False, 2.0)


def test_snapshots_of_the_fleet_delay_no_round() -> None:
    async def begin() -> float:
        rate = limiter(50.0)
        for _ in range(3):
            await rate.acquire(Priority.FLEET, 1)
        await rate.acquire(Priority.ROUND, 100)
        return asyncio.get_running_loop().time()

    assert in_virtual_time(begin) < 0.1


def began_at_s(*flooding: Priority, chunks: int) -> list[float]:
    """When a round's chunks begin, while each of the priorities requests the whole rate."""

    async def begin() -> list[float]:
        rate = limiter(100.0)
        now_s = asyncio.get_running_loop().time

        async def flood(priority: Priority) -> None:
            while True:
                await rate.acquire(priority, 10)

        floods = [asyncio.create_task(flood(priority)) for priority in flooding]
        await asyncio.sleep(1)
        begun_at_s = []
        async with asyncio.timeout(60):
            for _ in range(chunks):
                await rate.acquire(Priority.ROUND, 100)
                begun_at_s.append(now_s())
        for one in floods:
            one.cancel()
        return begun_at_s

    return in_virtual_time(begin)


def test_a_round_gets_its_share_however_many_positions_come() -> None:
    begun_at_s = began_at_s(Priority.POSITION, chunks=6)

    steps_s = [later - earlier for earlier, later in itertools.pairwise(begun_at_s)]
    assert all(1.9 <= step_s <= 2.1 for step_s in steps_s), "half of 100 posts/s"


def test_a_round_that_used_the_whole_rate_keeps_its_share_when_positions_come() -> None:
    async def begin() -> float:
        rate = limiter(100.0)
        for _ in range(50):
            await rate.acquire(Priority.ROUND, 100)
        flooded_at_s = asyncio.get_running_loop().time()

        async def flood() -> None:
            while True:
                await rate.acquire(Priority.POSITION, 10)

        flooding = asyncio.create_task(flood())
        async with asyncio.timeout(60):
            await rate.acquire(Priority.ROUND, 100)
        flooding.cancel()
        return asyncio.get_running_loop().time() - flooded_at_s

    assert in_virtual_time(begin) < 2.1


def test_changes_have_priority_over_a_rounds_share() -> None:
    async def begin() -> float:
        rate = limiter(100.0)
        await rate.acquire(Priority.ROUND, 100)
        for _ in range(5):
            await rate.acquire(Priority.CHANGE, 100)
        changes_until_s = asyncio.get_running_loop().time() + 1
        await rate.acquire(Priority.ROUND, 100)
        return asyncio.get_running_loop().time() - changes_until_s

    assert in_virtual_time(begin) > -0.01


def test_cutting_the_rate_prolongs_the_wait_of_a_waiting_chunk() -> None:
    async def begin() -> float:
        rate = limiter(100.0)
        await rate.acquire(Priority.ROUND, 100)
        following = asyncio.create_task(rate.acquire(Priority.ROUND, 100))
        await asyncio.sleep(0.5)
        for _ in range(2):
            rate.throttled(asyncio.get_running_loop().time())
            await asyncio.sleep(0.001)
        await following
        assert rate.collect_metrics() == {"PostRate": rate.per_s, "PostsOverQuota": 2}
        return asyncio.get_running_loop().time()

    assert 1.4 < in_virtual_time(begin) < 1.6, "the half that was left, at half the rate"


@given(
    st.lists(
        st.tuples(st.sampled_from(Priority), st.integers(1, 100), st.floats(0, 0.5)), max_size=100
    ),
    st.floats(20, 1_000),
)
def test_posts_in_any_span_of_time_exceed_the_rate_by_at_most_a_few_chunks(
    expected: list[tuple[Priority, int, float]], per_s: float
) -> None:
    debts = Debts()
    now_s = 0.0
    begun: list[tuple[float, int]] = []
    for priority, count, later_s in expected:
        now_s += later_s
        while (wait_s := debts.wait_s(priority, now_s, per_s)) > 0:
            now_s += wait_s
        debts.begin(priority, count, per_s)
        begun.append((now_s, count))

    for first, last in itertools.combinations(range(len(begun)), 2):
        span_s = begun[last][0] - begun[first][0]
        posts = sum(count for _, count in begun[first : last + 1])
        assert posts <= span_s * per_s + (len(Priority) + 1) * (100 + per_s * 0.001) + 1
