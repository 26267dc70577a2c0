"""How many posts may be under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Reserved:
    """Slots held for one chunk of viewers; each is given back when its post has ended."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back = give_back
        self._held = 0

    @property
    def count(self) -> int:
        """How many are still held."""
        return self._held

    def take_one(self) -> None:
        """Holds one more."""
        self._held += 1

    def release_one(self) -> None:
        """Gives one slot back."""
        if self._held:
            self._held -= 1
            self._give_back()

    def release_rest(self) -> None:
        """Gives back what is still held."""
        while self._held:
            self.release_one()


class Slots:
    """A bound on posts under way.

    A chunk reserves its slots before its rights are read, so that no post waits for one after:
    that is what keeps a right young, however slow the posts before it are. And as each slot is
    given back on its own, a slow post holds up one slot and nobody behind it.

    Args:
        count: Posts at once; a chunk must not be larger.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._semaphore = asyncio.Semaphore(count)
        self._lock = asyncio.Lock()
        self._waiting = 0
        self._behind = asyncio.Lock()
        self._changed = asyncio.Event()

    async def reserve(self, count: int) -> Reserved:
        """Waits for this many free slots and takes them."""
        self._waiting += 1
        try:
            return await self._reserve(count)
        finally:
            self._waiting -= 1
            self._changed.set()

    async def reserve_behind(self, count: int) -> Reserved:
        """The same for what comes after all else: takes what is free while nothing else waits."""
        self._check(count)
        async with self._behind:
            while self._waiting or self._free < count:
                self._changed.clear()
                await self._changed.wait()
            return await self._reserve(count)

    async def reserve_free(self, most: int) -> Reserved:
        """Takes as many slots as are free now, but no more than that."""
        async with self._lock:
            reserved = Reserved(self._give_back)
            while reserved.count < most and self._free:
                await self._take(reserved)  # at once
            return reserved

    async def _reserve(self, count: int) -> Reserved:
        self._check(count)
        # One at a time: two that each hold half of what they need would wait for ever.
        async with self._lock:
            reserved = Reserved(self._give_back)
            try:
                for _ in range(count):
                    await self._take(reserved)
            except asyncio.CancelledError:
                reserved.release_rest()
                raise
            return reserved

    def _check(self, count: int) -> None:
        if count > self._count:
            raise ValueError(f"{count} slots asked for, there are {self._count}")

    async def _take(self, reserved: Reserved) -> None:
        await self._semaphore.acquire()
        self._free -= 1
        reserved.take_one()

    def _give_back(self) -> None:
        self._free += 1
        self._semaphore.release()
        self._changed.set()
