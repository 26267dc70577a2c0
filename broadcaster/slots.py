"""How many posts may be under way at once."""

from __future__ import annotations

import asyncio


class Reserved:
    """Slots held for one chunk of viewers; each is given back when its post has ended."""

    def __init__(self, semaphore: asyncio.Semaphore, count: int) -> None:
        self._semaphore = semaphore
        self._held = count

    @property
    def count(self) -> int:
        """How many are still held."""
        return self._held

    def release_one(self) -> None:
        """Gives one slot back."""
        if self._held:
            self._held -= 1
            self._semaphore.release()

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
        self._semaphore = asyncio.Semaphore(count)
        self._turn = asyncio.Lock()

    async def reserve(self, count: int) -> Reserved:
        """Waits for this many free slots and takes them."""
        if count > self._count:
            raise ValueError(f"{count} slots asked for, there are {self._count}")
        # One at a time: two that each hold half of what they need would wait for ever.
        async with self._turn:
            reserved = Reserved(self._semaphore, 0)
            try:
                for _ in range(count):
                    await self._semaphore.acquire()
                    reserved._held += 1
            except asyncio.CancelledError:
                reserved.release_rest()
                raise
            return reserved

    async def reserve_free(self, most: int) -> Reserved:
        """Takes as many slots as are free now, but no more than that."""
        async with self._turn:
            reserved = Reserved(self._semaphore, 0)
            while reserved.count < most and not self._semaphore.locked():
                await self._semaphore.acquire()  # at once
                reserved._held += 1
            return reserved
