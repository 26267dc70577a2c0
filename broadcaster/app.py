"""The running broadcaster: runs rounds and nudges side by side, until it is stopped.

An error that it can't recover from ends the process and is logged: a bug in a loop, missing
credentials, stores that are unavailable for minutes. A new process runs a round at once and
handles the nudges that the old one left in the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final

from broadcaster.credentials import CachedCredentials
from broadcaster.fleet_followers import METRICS as FLEET_METRICS
from broadcaster.fleet_followers import FleetFollowers
from broadcaster.nudges import METRICS as NUDGE_METRICS
from broadcaster.nudges import SNAPSHOT_METRICS, NudgeConsumer, as_snapshots
from broadcaster.rate_limiter import METRICS as RATE_METRICS
from broadcaster.rate_limiter import RateLimiter
from broadcaster.round import Round
from broadcaster.round_report import METRICS as ROUND_METRICS
from broadcaster.round_report import RoundReport
from broadcaster.round_source import RoundSource
from broadcaster.shared_rounds import RELEASE_TIMEOUT_S
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import MetricWriter

METRICS: Final = (
    *ROUND_METRICS,
    *NUDGE_METRICS,
    *SNAPSHOT_METRICS,
    *FLEET_METRICS,
    *RATE_METRICS,
)

UNREADABLE_ROUNDS: Final = 5
"""The process ends after this many rounds in a row that could read nothing. That fires an alarm,
and the next process starts with new connections and addresses."""


MEASURED_EVERY_S: Final = 60.0
"""Interval of the metrics that do not belong to a round. A process may run no part of any round for
a while."""


class StoresUnreadableError(Exception):
    """Several rounds in a row could read nothing."""


class Broadcaster:
    """Runs the loops together and stops them in order.

    Args:
        source: Starts rounds when they are due.
        nudges: Pushes what changes between rounds.
        snapshots: Pushes snapshots, the first message to each viewer.
        fleet: Pushes the fleet to dispatchers, once per second.
        credentials: Refreshed while the broadcaster runs.
        rate: How fast posts begin; measured once per minute.
        metrics: Written once per round; those that do not belong to a round once per minute.
    """

    def __init__(
        self,
        source: RoundSource,
        round_: Round,
        nudges: NudgeConsumer,
        snapshots: NudgeConsumer,
        fleet: FleetFollowers,
        credentials: CachedCredentials,
        rate: RateLimiter,
        *,
        metrics: MetricWriter,
        log: Logger,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._round = round_
        self._nudges = nudges
        self._snapshots = snapshots
        self._fleet = fleet
        self._credentials = credentials
        self._rate = rate
        self._metrics = metrics
        self._log = log
        self._sleep = sleep

    async def run(self, stop: asyncio.Event, *, shutdown_budget_s: float) -> None:
        """Runs until `stop` is set, then finishes the work in progress within the budget.

        Raises:
            Exception: The error that ended a loop.
        """
        await self._credentials.refresh()
        rounds = asyncio.create_task(self.run_rounds(), name="rounds")
        nudges = asyncio.create_task(self._nudges.run(), name="nudges")
        snapshots = asyncio.create_task(self._snapshots.run(), name="snapshots")
        fleet = asyncio.create_task(self._fleet.run(), name="fleet")
        renewal = asyncio.create_task(
            self._credentials.keep_refreshing(self._log), name="credentials"
        )
        stopped = asyncio.create_task(stop.wait(), name="stop")
        measuring = asyncio.create_task(self._measure(), name="metrics")
        tasks = (rounds, nudges, snapshots, fleet, renewal, stopped, measuring)
        self._log.info("broadcaster_ready")
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # raises the error that ended a loop
            await self._shut_down(rounds, (nudges, snapshots), Deadline(shutdown_budget_s))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._emit()

    async def run_rounds(self) -> None:
        """Runs the rounds that are due, and logs and measures each, until stopped.

        Raises:
            StoresUnreadableError: Too many rounds in a row could read nothing.
        """
        unread: set[int] = set()  # a round may have several reports
        async with aclosing(self._source.reports(self._round.run)) as reports:
            async for report in reports:
                self._log_report(report)
                if report.read_nothing:
                    unread.add(report.due_at_ms)
                else:
                    unread.clear()
                if len(unread) >= UNREADABLE_ROUNDS:
                    raise StoresUnreadableError(f"{len(unread)} rounds in a row could read nothing")

    async def _shut_down(
        self,
        rounds: asyncio.Task[None],
        consumers: Sequence[asyncio.Task[None]],
        deadline: Deadline,
    ) -> None:
        self._log.info("broadcaster_stopping", budget_s=deadline.remaining_s)
        self._source.stop()
        self._nudges.stop()
        self._snapshots.stop()
        # 1. The round in progress. A round that has not begun is left to another process.
        # 2. The poll in progress: the messages that it returns left the queue and are handled.
        giving_back_s = min(RELEASE_TIMEOUT_S, deadline.remaining_s / 2)
        await asyncio.wait((rounds, *consumers), timeout=deadline.remaining_s - giving_back_s)
        # 3. The posts of nudges in progress. Meanwhile the rest of the round is released.
        rounds.cancel()
        await asyncio.gather(self._nudges.drain(deadline), self._snapshots.drain(deadline))
        await asyncio.wait((rounds,), timeout=deadline.remaining_s)
        self._log.info("broadcaster_stopped", in_time=not deadline.passed)

    def _log_report(self, report: RoundReport) -> None:
        level = self._log.warning if report.not_reached or report.read_nothing else self._log.info
        fields = {name: getattr(report, name) for name in RoundReport.__dataclass_fields__}
        level("round_done", **fields)
        self._metrics.emit(report.metrics())

    async def _measure(self) -> None:
        while True:
            await self._sleep(MEASURED_EVERY_S)
            self._emit()

    def _emit(self) -> None:
        self._metrics.emit(
            self._nudges.collect_metrics()
            | as_snapshots(self._snapshots.collect_metrics())
            | self._fleet.collect_metrics()
            | self._rate.collect_metrics()
        )
