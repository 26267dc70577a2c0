"""Deletes handled messages, several per request while many are handled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from broadcaster.threads import Threads
from rtdts.push_queue.fifo_queue import MAX_BATCH

M = TypeVar("M")

_REQUESTS_AT_ONCE: Final = 4


class Deletions(Generic[M]):
    """Collects deletions while others are in progress.

    A single deletion is sent at once. While it is in progress others collect, and a full batch
    does not wait for it. So a queue that is busy needs a tenth of the requests.

    Args:
        delete: Deletes messages; returns the queue's codes for those that it did not delete.
        threads: Where it may block.
    """

    def __init__(self, delete: Callable[[Sequence[M]], Sequence[str]], threads: Threads) -> None:
        self._delete = delete
        self._threads = threads
        self._waiting: list[tuple[M, asyncio.Future[Sequence[str]]]] = []
        self._requests = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def delete(self, message: M) -> Sequence[str]:
        """Deletes a message.

        Returns:
            The queue's codes for messages of the same request that it did not delete.

        Raises:
            Exception: What the queue's client raises.
        """
        done: asyncio.Future[Sequence[str]] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, done))
        is_full = len(self._waiting) >= MAX_BATCH and self._requests < _REQUESTS_AT_ONCE
        if is_full or not self._requests:
            self._requests += 1
            task = asyncio.create_task(self._run())
            self._tasks.add(task)  # the event loop holds tasks weakly
            task.add_done_callback(self._tasks.discard)
        return await done

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            try:
                codes = await self._threads.run(self._delete, [message for message, _ in batch])
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in batch:
                    if not done.done():
                        done.set_result(codes)
        # Counted here and not when the task is done: a deletion between the two would wait forever.
        self._requests -= 1
