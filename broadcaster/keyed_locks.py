"""One post at a time to an endpoint: an endpoint that hangs occupies one slot, not many.

Also one query at a time per dispatcher (`broadcaster.fleet_followers`).
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

LOCK_WAIT_S: Final = 0.5
"""How long a post waits for another one to the same endpoint. A healthy endpoint returns several
responses in this time, and its viewer may follow many deliveries. It is far below the time limit of
a post, so that slots do not wait long for an endpoint that hangs."""


@dataclasses.dataclass
class _LockQueue:
    lock: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    length: int = 0
    """The holder of the lock and the tasks that wait for it; at 0 the queue is dropped."""


class KeyedLocks:
    """One lock per key.

    Args:
        wait_s: How long to wait for a lock; None for as long as it takes.
    """

    def __init__(self, wait_s: float | None) -> None:
        self._wait_s = wait_s
        self._queues: dict[str, _LockQueue] = {}

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[bool]:
        """Acquires the key's lock, waiting for `wait_s` at most.

        Yields:
            Whether the lock was acquired; it is held to the end of the context.
        """
        queue = self._queues.setdefault(key, _LockQueue())
        queue.length += 1
        try:
            # Usually the lock is free: then no timeout is needed, which would cost 6 µs.
            is_first = queue.length == 1
            is_held = await (
                queue.lock.acquire() if is_first else self._acquire_in_time(queue.lock)
            )
            try:
                yield is_held
            finally:
                if is_held:
                    queue.lock.release()
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[key]

    def length(self, key: str) -> int:
        """How many tasks hold the key's lock or wait for it."""
        queue = self._queues.get(key)
        return 0 if queue is None else queue.length

    async def _acquire_in_time(self, lock: asyncio.Lock) -> bool:
        try:
            async with asyncio.timeout(self._wait_s):
                return await lock.acquire()
        except TimeoutError:
            return False
