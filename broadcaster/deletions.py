"""Deletes handled messages, several per request while many are handled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from broadcaster.threads import Threads
from rtdts.push_queue.fifo_queue import MAX_BATCH
from rtdts.runtime.logs import Logger

M = TypeVar("M")

_REQUESTS_AT_ONCE: Final = 4
WAIT_S: Final = 0.1
"""How long a deletion waits for others while a request is in progress. A request that hangs must
not delay others: the queue delivers nothing more of a message's group until its deletion."""


class Deletions(Generic[M]):
    """Collects deletions while a request is in progress.

    A single deletion is sent at once. While it is in progress others collect, until there are ten
    or the first has waited for `WAIT_S`. So a busy queue gets fewer requests, which SQS bills.

    Args:
        delete: Deletes messages; returns the queue's codes for those that it did not delete.
    """

    def __init__(
        self, delete: Callable[[Sequence[M]], Sequence[str]], threads: Threads, *, log: Logger
    ) -> None:
        self._delete = delete
        self._threads = threads
        self._log = log
        self._waiting: list[tuple[M, asyncio.Future[None]]] = []
        self._requests = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def delete(self, message: M) -> None:
        """Deletes a message; what the queue did not delete is logged, and received again.

        Raises:
            Exception: What the queue's client raises.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, done))
        if not self._requests or len(self._waiting) >= MAX_BATCH:
            self._start()
        elif len(self._waiting) == 1:
            self._start_later()
        await done

    def _start(self) -> None:
        if not self._waiting or self._requests == _REQUESTS_AT_ONCE:
            return
        self._requests += 1
        task = asyncio.create_task(self._run())
        self._tasks.add(task)  # the event loop holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    def _start_later(self) -> None:
        asyncio.get_running_loop().call_later(WAIT_S, self._start)

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if self._waiting:
                self._start_later()
            problem: Exception | None = None
            try:
                codes = await self._threads.run(self._delete, [message for message, _ in batch])
            except Exception as error:
                problem = error
            else:
                if codes:
                    self._log.warning("nudges_not_deleted", codes=list(codes))
            for _, done in batch:
                if not done.done():  # a caller that was cancelled does not wait any more
                    done.set_exception(problem) if problem else done.set_result(None)
        # Counted here and not when the task is done: a deletion between the two would wait forever.
        self._requests -= 1
