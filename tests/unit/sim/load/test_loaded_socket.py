"""A socket of a load test counts its events, and reconnects as an app does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sim.load.sockets import LoadedSocket
from sim.load.tally import Tally
from sim.token_client import TokenError
from tests.fakes.fake_clock import FakeClock
from tests.fakes.fake_socket import FakeSocketOpener


class Tokens:
    def __init__(self, *, failures: int = 0) -> None:
        self._failures_left = failures

    async def __call__(self, *, fresh: bool) -> str:
        if self._failures_left:
            self._failures_left -= 1
            raise TokenError("unavailable")
        return "fresh" if fresh else "token"


@asynccontextmanager
async def running(
    opener: FakeSocketOpener, tally: Tally, tokens: Tokens | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    clock = FakeClock()
    socket = LoadedSocket(
        tally,
        tokens or Tokens(),
        "D-1",
        open_socket=opener,
        now_ms=clock.now_ms,
        sleep=clock.sleep,
        clock=clock.monotonic,
    )
    task = asyncio.create_task(socket.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_lost_socket_is_counted_and_the_delivery_is_tracked_on_a_new_one() -> None:
    opener, tally = FakeSocketOpener(), Tally()
    async with running(opener, tally):
        first = await opener.opened.get()
        await first.until_sent(1)
        assert tally.open_now == 1
        first.drop()
        second = await opener.opened.get()
        await second.until_sent(1)

        assert first.sent == second.sent == [{"action": "track", "delivery_id": "D-1"}]
        assert tally.errors == {"lost": 1}
        assert tally.open_now == 1
        assert len(tally.connect_s) == 2


async def test_a_permanent_rejection_is_counted_and_ends_the_socket() -> None:
    opener, tally = FakeSocketOpener(403), Tally()
    async with running(opener, tally) as task:
        await task

    assert tally.errors == {"refused_403": 1}
    assert tally.open_now == 0


async def test_temporary_failures_are_counted_and_retried() -> None:
    opener, tally = FakeSocketOpener("lost", 401), Tally()
    async with running(opener, tally, Tokens(failures=1)):
        await opener.opened.get()

    assert tally.errors == {"no_token": 1, "not_opened": 1, "refused_401": 1, "given_up": 1}
    assert opener.tokens == ["token", "token", "fresh"]


async def test_ending_the_task_closes_its_connection() -> None:
    opener, tally = FakeSocketOpener(), Tally()
    async with running(opener, tally):
        connection = await opener.opened.get()
        await connection.until_sent(1)

    assert connection.closed
    assert tally.open_now == 0
