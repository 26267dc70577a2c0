"""Retries transient failures within one budget for the whole batch."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from typing import TypeVar

from consumer.errors import RetriesExhausted
from rtdts.delivery_store.errors import StoreBusy
from rtdts.position_store.errors import StoreUnavailable
from rtdts.runtime import aws_errors
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger

FIRST_WAIT_S = 0.1
MAX_WAIT_S = 5.0

MAX_ATTEMPT_S = 40.0
"""The longest that a client waits for one response: three attempts of the AWS SDK, 13 s each."""

T = TypeVar("T")


def is_temporary(error: Exception) -> bool:
    """Returns whether the same call may succeed later."""
    return isinstance(error, StoreUnavailable | StoreBusy) or aws_errors.is_temporary(error)


class RetryPolicy:
    """Waits between attempts; creates one `Budget` per batch.

    Args:
        budget_s: Maximum time that one batch waits for unavailable stores.
        sleep: Waits; an injected one may end the process when its daemon has died.
    """

    def __init__(
        self,
        budget_s: float,
        *,
        log: Logger,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._budget_s = budget_s
        self._log = log
        self._clock = clock
        self._sleep = sleep

    def start(self, budget_s: float | None = None) -> Budget:
        """Returns a new budget, for a batch or for one step that gets less time."""
        own_s = self._budget_s if budget_s is None else budget_s
        return Budget(own_s, self._log, self._clock, self._sleep)


class Budget:
    """The rest of a batch's retry budget.

    Only waiting uses it up: the pauses between attempts, and the time that each failed attempt
    waited for a response. Work does not: a batch that took minutes may still be throttled once.
    """

    def __init__(
        self,
        budget_s: float,
        log: Logger,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._budget_s = budget_s
        self._left_s = budget_s
        self._log = log
        self._clock = clock
        self._sleep = sleep

    def call(self, operation: str, function: Callable[[], T]) -> T:
        """Calls until it succeeds.

        Raises:
            RetriesExhausted: The budget is used up.
            Exception: A failure that is not transient, unchanged.
        """
        waits_s = backoff_s(first_s=FIRST_WAIT_S, max_s=MAX_WAIT_S)
        while True:
            begun_s = self._clock()
            try:
                return function()
            except Exception as error:
                if not is_temporary(error):
                    raise
                _release_frames(error)
                # One call may make many requests, of which the last failed.
                self._left_s -= min(self._clock() - begun_s, MAX_ATTEMPT_S)
                self.wait(operation, next(waits_s), repr(error), error)

    def wait(
        self, operation: str, wait_s: float, reason: str, cause: Exception | None = None
    ) -> None:
        """Waits before another attempt.

        Raises:
            RetriesExhausted: The budget is used up.
        """
        if self._left_s <= 0:
            raise RetriesExhausted(operation, self._budget_s) from cause
        self._log.warning(
            "store_unavailable",
            operation=operation,
            reason=reason[:300],
            remaining_s=round(self._left_s, 1),
        )
        pause_s, begun_s = min(wait_s, self._left_s), self._clock()
        self._sleep(pause_s)
        self._left_s -= max(pause_s, self._clock() - begun_s)


def _release_frames(error: BaseException | None) -> None:
    """Frees what a failure's traceback still holds: the whole encoded request.

    An exception of urllib3 refers to itself, so only the garbage collector would free it, and that
    rarely runs in a child of the daemon: an outage would pile up a copy of the batch per attempt.
    """
    seen: set[int] = set()
    # `raise A from B` where B came from A makes a reference cycle, which Python doesn't undo.
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
