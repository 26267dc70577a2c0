"""The running bridge: opens one connection after the other, until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from mqtt_bridge.classifying import Message
from mqtt_bridge.errors import BrokerError
from mqtt_bridge.session import OpenConnection, Session
from mqtt_bridge.tally import Tally
from mqtt_bridge.topics import SUBSCRIPTIONS
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.metrics import MetricWriter

METRICS_EVERY_S: Final = 60.0
"""Interval at which the metrics are emitted."""


class Connection(OpenConnection, Protocol):
    """See `mqtt_bridge.broker_client.BrokerConnection`."""

    def opened(
        self, subscriptions: Sequence[str], on_message: Callable[[Message], None]
    ) -> AbstractAsyncContextManager[None]:
        """Connect and subscribe."""

    async def lost(self) -> None:
        """Wait until the connection is lost; raises `BrokerError`."""


class Bridge:
    """Maintains a connection to the broker, and runs a session on each connection.

    Args:
        connection: Makes a connection that is not open yet.
        session: Makes the session for a connection.
        waits_s: Makes the waits between attempts to connect.
        metrics: Written once per minute.
    """

    def __init__(
        self,
        connection: Callable[[], Connection],
        session: Callable[[Connection], Session],
        *,
        waits_s: Callable[[], Iterator[float]],
        tally: Tally,
        metrics: MetricWriter,
        log: Logger,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._connection = connection
        self._make_session = session
        self._session: Session | None = None
        self._waits_s = waits_s
        self._waits = waits_s()
        self._tally = tally
        self._metrics = metrics
        self._log = log
        self._sleep = sleep

    async def run(self, stop: asyncio.Event, *, shutdown_budget_s: float) -> None:
        """Runs until `stop` is set, then finishes the work in progress within the budget.

        Raises:
            Exception: A bug, which a new connection does not fix.
        """
        emitting = asyncio.create_task(self._emit_metrics_forever(), name="metrics")
        stopped = asyncio.create_task(stop.wait(), name="stop")
        try:
            while not stop.is_set():
                try:
                    await self._run_connection(stopped, shutdown_budget_s)
                except BrokerError as error:
                    self._tally.count("ConnectionsLost")
                    self._log.warning("not_connected", error=str(error))
                    pause = asyncio.ensure_future(self._sleep(next(self._waits)))
                    await asyncio.wait({pause, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    pause.cancel()
        finally:
            for task in (emitting, stopped):
                task.cancel()
            await asyncio.gather(emitting, stopped, return_exceptions=True)
            self._emit_metrics()

    async def _run_connection(self, stopped: asyncio.Task[bool], budget_s: float) -> None:
        """Runs one connection and its session until the connection is lost or the bridge stops.

        Raises:
            BrokerError: The connection could not be made, or was lost.
            Exception: A bug.
        """
        connection = self._connection()
        session = self._session = self._make_session(connection)
        running = asyncio.create_task(session.run(), name="session")
        try:
            async with connection.opened(SUBSCRIPTIONS, session.receive):
                self._log.info("bridge_ready")
                self._waits = self._waits_s()
                lost = asyncio.create_task(connection.lost(), name="connection")
                try:
                    tasks: set[asyncio.Task[object]] = {stopped, lost, running}
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    for task in (running, lost):
                        if task.done():
                            task.result()  # raises the error that ended it
                    self._log.info(
                        "bridge_stopping", in_flight=session.in_flight, budget_s=budget_s
                    )
                    in_time = await session.drain(Deadline(budget_s))
                    self._log.info("bridge_stopped", in_time=in_time, left=session.in_flight)
                finally:
                    lost.cancel()
                    await asyncio.gather(lost, return_exceptions=True)
        finally:
            self._session = None
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _emit_metrics(self) -> None:
        session = self._session
        self._metrics.emit(
            self._tally.collect(
                in_flight=session.in_flight if session else 0,
                oldest_in_flight_s=session.oldest_in_flight_s if session else 0.0,
            )
        )

    async def _emit_metrics_forever(self) -> None:
        while True:
            await self._sleep(METRICS_EVERY_S)
            self._emit_metrics()
