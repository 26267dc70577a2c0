"""Limits how many posts may be in progress at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Reservation:
    """Slots held for one chunk of viewers; each is released when its post has ended."""

    def __init__(self, release: Callable[[], None]) -> None:
        self._release_slot = release
        self._held = 0

    @property
    def count(self) -> int:
        """How many slots are still held."""
        return self._held

    def add_one(self) -> None:
        """Holds one more slot."""
        self._held += 1

    def release_one(self) -> None:
        """Releases one slot."""
        if self._held:
            self._held -= 1
            self._release_slot()

    def release_all(self) -> None:
        """Releases the slots that are still held."""
        while self._held:
            self.release_one()


class Slots:
    """A limit on the posts in progress.

    A chunk reserves its slots before its rights are read, so that no post waits for a slot after
    that: this keeps rights fresh, however slow the posts before are. Each slot is released
    separately, so a slow post occupies one slot and delays no other viewer.

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

    async def reserve(self, count: int) -> Reservation:
        """Waits for this many free slots and takes them."""
        self._waiting += 1
        try:
            return await self._reserve(count)
        finally:
            self._waiting -= 1
            self._changed.set()

    async def reserve_behind(self, count: int) -> Reservation:
        """Like `reserve`, but with the lowest priority: waits until no other call is waiting."""
        self._check(count)
        async with self._behind:
            while self._waiting or self._free < count:
                self._changed.clear()
                await self._changed.wait()
            return await self._reserve(count)

    async def reserve_free(self, max_count: int) -> Reservation:
        """Takes the slots that are free now, at most `max_count`; does not wait for more."""
        async with self._lock:
            reserved = Reservation(self._release_slot)
            while reserved.count < max_count and self._free:
                await self._acquire_one(reserved)  # does not wait
            return reserved

    async def _reserve(self, count: int) -> Reservation:
        self._check(count)
        # One at a time: two calls that each hold half of what they need would wait forever.
        async with self._lock:
            reserved = Reservation(self._release_slot)
            try:
                for _ in range(count):
                    await self._acquire_one(reserved)
            except asyncio.CancelledError:
                reserved.release_all()
                raise
            return reserved

    def _check(self, count: int) -> None:
        if count > self._count:
            raise ValueError(f"{count} slots requested, there are {self._count}")

    async def _acquire_one(self, reserved: Reservation) -> None:
        await self._semaphore.acquire()
        self._free -= 1
        reserved.add_one()

    def _release_slot(self) -> None:
        self._free += 1
        self._semaphore.release()
        self._changed.set()
