"""A clock that moves only when the test advances it; code that sleeps on it waits for that."""

from __future__ import annotations

import asyncio

from tests.fakes.fake_clock import FakeClock


class SteppedClock(FakeClock):
    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        super().__init__(now_ms)
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        """Waits until `advance` has moved the clock far enough."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now_ms() + round(seconds * 1000), woken))
        await woken

    @property
    def sleeping(self) -> int:
        """How many tasks are sleeping on the clock."""
        return sum(not woken.done() for _, woken in self._sleepers)

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        due = [one for one in self._sleepers if one[0] <= self.now_ms()]
        self._sleepers = [one for one in self._sleepers if one not in due]
        for _, woken in due:
            if not woken.done():
                woken.set_result(None)
