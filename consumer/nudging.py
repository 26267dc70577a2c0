"""Nudges the broadcasters to push at once. It is best effort and must never delay the positions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from consumer.errors import RetriesExhausted
from consumer.ports import NudgePort
from consumer.retrying import RetryPolicy
from rtdts.push_queue.fifo_queue import MessagesNotSent
from rtdts.push_queue.nudges import Nudge
from rtdts.runtime.logs import Logger

BUDGET_S = 10.0
"""How long one sending may take. A nudge only makes a push earlier: its data is durable, and every
round sends it. So an unavailable queue must not stop the positions."""
PAUSE_S = 30.0
"""No nudge is sent for this long after a failure, or every batch would wait for the same queue."""


class Nudger:
    """Sends nudges while the queue accepts them, and skips them while it doesn't.

    Args:
        retry_policy: Creates the budget of one sending.
        log: Where nudges that could not be sent are logged.
    """

    def __init__(
        self,
        queue: NudgePort,
        *,
        retry_policy: RetryPolicy,
        log: Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._retry_policy = retry_policy
        self._log = log
        self._clock = clock
        self._again_at_s: float | None = None

    def send(self, nudges: Sequence[Nudge]) -> None:
        """Sends all nudges, or logs why not; the batch continues in either case."""
        if not nudges or self._is_pausing:
            return
        budget = self._retry_policy.start(BUDGET_S)
        try:
            budget.call("nudge", lambda: self._queue.send_many(nudges))
        except MessagesNotSent as error:  # the queue is available, and accepted the others
            self._log.exception("nudges_not_sent", error)
        except (RetriesExhausted, ClientError, BotoCoreError) as error:
            self._again_at_s = self._clock() + PAUSE_S
            self._log.exception("nudges_not_sent", error, pause_s=PAUSE_S)

    @property
    def _is_pausing(self) -> bool:
        return self._again_at_s is not None and self._clock() < self._again_at_s
