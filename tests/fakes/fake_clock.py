"""A clock that moves only when a test advances it, or when code sleeps on it."""

from __future__ import annotations

import asyncio


class FakeClock:
    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self._now_ms = now_ms
        self.slept_s: list[float] = []

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic(self) -> float:
        return self._now_ms / 1000

    def advance(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        """Moves the clock forward, and lets the other tasks run."""
        self.slept_s.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)
