"""Long polls of a queue, from a thread, retried while the queue is unavailable."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from broadcaster.threads import Threads
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger

M_co = TypeVar("M_co", covariant=True)

_GIVES_UP_AFTER_S: Final = 300.0


class Receive(Protocol[M_co]):
    """The receive call of a queue."""

    def __call__(self, *, wait_s: int) -> Sequence[M_co]:
        """Waits for messages; returns an empty sequence when none came."""


class QueueUnreachableError(Exception):
    """A queue could not be read for minutes: its messages reach no viewer."""


class LongPoll(Generic[M_co]):
    """Polls a queue.

    Args:
        threads: A separate thread for the wait.
        wait_s: Length of a poll; also how long a shutdown may have to wait for it.
        failed: The log event for a poll that failed.
    """

    def __init__(
        self,
        receive: Receive[M_co],
        threads: Threads,
        *,
        wait_s: int,
        failed: str,
        log: Logger,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receive = receive
        self._threads = threads
        self._wait_s = wait_s
        self._failed = failed
        self._log = log
        self._sleep = sleep
        self._monotonic = monotonic

    async def messages(self, is_stopping: Callable[[], bool]) -> Sequence[M_co]:
        """Returns one poll's messages; retries until a poll succeeds, or until `is_stopping`.

        Raises:
            QueueUnreachableError: The polls failed for minutes.
        """
        waits_s = backoff_s(first_s=0.2, max_s=10.0)
        deadline = Deadline(_GIVES_UP_AFTER_S, self._monotonic)
        while True:
            try:
                return await self._threads.run(self._receive, wait_s=self._wait_s)
            except Exception as error:
                self._log.exception(self._failed, error)
                if deadline.passed:
                    raise QueueUnreachableError(f"{self._failed}, for minutes") from error
                if is_stopping():
                    return ()
            await self._sleep(next(waits_s))
