"""Calls synchronous stores from the event loop, through a bounded pool of threads.

So each store has one implementation, shared with the Lambdas and the consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

STORE_THREADS: Final = 16
"""Threads that call DynamoDB and the queue, for each of rounds, nudges and snapshots. They wait for
responses most of the time; a right must be read within the 1.5 s for which it is valid."""


class Threads:
    """A pool of threads; calls beyond its size wait for a free thread."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the call in a thread and returns its result, or raises its exception."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """Takes no more calls and drops those that have not begun; does not wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class StoreThreads:
    """The threads for one kind of work: rounds and nudges have separate ones.

    If they shared them, each read of a round would wait for all reads of a flood of nudges.

    Attributes:
        tables: For DynamoDB and the queue.
        positions: For OpenSearch: if it shared the threads for tables, an OpenSearch that hangs
            would keep the rights from being read.
    """

    tables: Threads
    positions: Threads

    @classmethod
    def of(cls, name: str, *, tables: int, positions: int) -> StoreThreads:
        """Makes this many threads of each kind, with names for a listing of threads."""
        return cls(Threads(tables, name), Threads(positions, f"{name}-positions"))

    def close(self) -> None:
        """Closes both pools like `Threads.close`."""
        self.tables.close()
        self.positions.close()
