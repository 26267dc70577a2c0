"""Synchronous stores called from the event loop, through a bounded pool of threads.

So that each store has one implementation, shared with the Lambdas and the consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Threads:
    """A pool of threads; calls beyond its size wait their turn."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the call in a thread and returns, or raises, what it did."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: call(*args, **kwargs))

    def close(self) -> None:
        """Takes no more calls and drops those that have not begun; does not wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class StoreThreads:
    """The threads of one kind of work: rounds have theirs and nudges theirs.

    Were they the same, each of a round's readings would wait behind all that a flood of nudges
    has to read.

    Attributes:
        tables: For DynamoDB and the queue.
        positions: For OpenSearch: were it read in the others, one that hangs would keep the rights
            from being read.
    """

    tables: Threads
    positions: Threads

    @classmethod
    def of(cls, name: str, *, tables: int, positions: int) -> StoreThreads:
        """So many threads of each, named for whoever lists the process's threads."""
        return cls(Threads(tables, name), Threads(positions, f"{name}-positions"))

    def close(self) -> None:
        """As `Threads.close`."""
        self.tables.close()
        self.positions.close()
