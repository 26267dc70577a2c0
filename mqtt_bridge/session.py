"""Handles the messages of one connection, from their arrival to their acknowledgement.

A message is acknowledged when the stream has all of its valid points and, if it has invalid ones,
the parking lot has the message. Packet ids mean nothing on another connection. So a session ends
with its connection, and the broker delivers the messages again that were not acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, Protocol

from mqtt_bridge.gathering import Gathering
from mqtt_bridge.judging import Judgement, Message
from mqtt_bridge.results import fault_document, is_result_due, result_document
from mqtt_bridge.tally import Tally
from rtdts.ingest.intake import NOTHING_PUT, IngestResult, JudgedBody, batch_of, results_of
from rtdts.ingest.messages import REJECTED_POINTS, Fault
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.telemetry_stream.putter import MAX_CALL_RECORDS, Batch, PutOutcome

PARKINGS_AT_ONCE: Final = 4


class Result(Protocol):
    """See `mqtt_bridge.broker_client.BrokerConnection`."""

    def acknowledge(self, packet_id: int) -> None:
        """Acknowledge a message of this connection."""
        ...

    async def publish(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        """Publish a result; after a failure the truck misses this result, but no point is lost."""
        ...


Judge = Callable[[Message], Judgement]
Put = Callable[[Sequence[Batch]], Awaitable[Sequence[PutOutcome]]]
"""One attempt to put each truck's payloads."""
Park = Callable[[Message, str | None, str, str], Awaitable[None]]
"""Parks a message with its truck, reason and detail. Raises when the bucket did not store it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ports:
    """What a session calls.

    Attributes:
        judge: Decides what a message is.
        put: Puts points into the stream.
        park: Puts a message into the parking lot.
        clock: Monotonic clock in seconds.
        waits_s: Makes the waits between failed attempts.
    """

    judge: Judge
    put: Put
    park: Park
    clock: Callable[[], float]
    waits_s: Callable[[], Iterator[float]]


@dataclasses.dataclass(frozen=True)
class _Held:
    message: Message
    judgement: Judgement
    judged: JudgedBody


class Session:
    """Takes messages in and processes each until it is acknowledged.

    Args:
        connection: Where messages come from, and acknowledgements and results go.
        ports: What it calls.
        gather_s: How long a truck's first message waits for more that share its record.
        puts_at_once: The number of concurrent puts.
        tally: Counts for the metrics.
        log: The process's log.
        trace: Logs every point of some trucks.
    """

    def __init__(
        self,
        connection: Result,
        ports: Ports,
        *,
        gather_s: float,
        puts_at_once: int,
        tally: Tally,
        log: Logger,
        trace: PointTrace,
    ) -> None:
        self._connection = connection
        self._ports = ports
        self._gathering: Gathering[_Held] = Gathering(gather_s=gather_s, waits_s=ports.waits_s)
        self._tally = tally
        self._log = log
        self._trace = trace
        self._held: dict[int, float] = {}
        """Arrival time of each message that is not acknowledged, by packet id, in order."""
        self._changed = asyncio.Event()
        self._none_held = asyncio.Event()
        self._none_held.set()
        self._puts = asyncio.Semaphore(puts_at_once)
        self._parkings = asyncio.Semaphore(PARKINGS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_open = True

    @property
    def held(self) -> int:
        """Messages received and not acknowledged."""
        return len(self._held)

    @property
    def oldest_held_s(self) -> float:
        """Seconds since the arrival of the oldest of them."""
        oldest = next(iter(self._held.values()), None)
        return 0.0 if oldest is None else self._ports.clock() - oldest

    def take(self, message: Message) -> None:
        """Take a message in; after `drain` has begun, messages are left to the next bridge."""
        if not self._is_open:
            return
        now_s = self._ports.clock()
        self._held[message.packet_id] = now_s
        self._none_held.clear()
        judgement = self._ports.judge(message)
        match judgement.verdict:
            case JudgedBody() as judged if judged.payloads:
                held = _Held(message, judgement, judged)
                self._gathering.add(judged.truck_id, held, now_s=now_s)
                self._changed.set()
            case JudgedBody() as judged:
                self._start(self._finish(message, judgement, judged.result(NOTHING_PUT)))
            case Fault():
                self._start(self._finish(message, judgement, None))
            case None:
                self._acknowledge(message, None)

    async def run(self) -> None:
        """Put the messages that are due, until cancelled.

        Raises:
            Exception: A bug, which a retry does not fix.
        """
        try:
            while True:
                await self._until_due()
                await self._puts.acquire()
                trucks = self._gathering.take_due(self._ports.clock(), most_trucks=MAX_CALL_RECORDS)
                if trucks:
                    self._start(self._put(trucks))
                else:
                    self._puts.release()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drain(self, deadline: Deadline) -> bool:
        """Take no more messages, and finish those received.

        Returns:
            Whether nothing was left at the deadline; messages that are left stay unacknowledged.
        """
        self._is_open = False
        self._gathering.hasten()
        self._changed.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline.remaining_s):
                await self._none_held.wait()
        return not self._held

    async def _until_due(self) -> None:
        """Wait until a truck is due, or raise the error with which a task failed."""
        while True:
            if self._failed.done():
                self._failed.result()
            due_s = self._gathering.next_due_s()
            wait_s = None if due_s is None else due_s - self._ports.clock()
            if wait_s is not None and wait_s <= 0:
                return
            self._changed.clear()
            # Before Python 3.12 asyncio.wait_for loses a cancellation that coincides with its
            # result.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._failed.done():
            self._failed.set_exception(error)
        self._changed.set()

    async def _put(self, trucks: dict[str, list[_Held]]) -> None:
        """Make one attempt to put the messages of these trucks."""
        try:
            batches = [batch_of([held.judged for held in messages]) for messages in trucks.values()]
            outcomes = await self._ports.put(batches)
        finally:
            self._puts.release()
        self._tally.count("StreamAttempts")
        finished: list[tuple[_Held, IngestResult]] = []
        failures: Counter[str] = Counter()
        for (truck_id, messages), outcome in zip(trucks.items(), outcomes, strict=True):
            failed = []
            results = results_of([held.judged for held in messages], outcome)
            for held, result in zip(messages, results, strict=True):
                if result.not_taken:
                    failed.append(held)
                    self._tally.count("PointsFailed", len(result.not_taken))
                else:
                    finished.append((held, result))
            self._gathering.done(truck_id, failed, now_s=self._ports.clock())
            if failed:
                failures[outcome.failure or "unknown"] += len(failed)
        if failures:
            self._log.warning("not_taken", messages=failures.total(), failures=dict(failures))
        for held, result in finished:
            wants = held.judgement.result_topic and is_result_due(held.message.correlation, result)
            if result.rejected or wants:
                self._start(self._finish(held.message, held.judgement, result))
            else:
                self._acknowledge(held.message, result)

    async def _finish(
        self, message: Message, judgement: Judgement, result: IngestResult | None
    ) -> None:
        """Park a message at fault, publish the result to the truck, acknowledge the message."""
        verdict, truck_id = judgement.verdict, judgement.truck_id
        if isinstance(verdict, Fault):
            self._tally.count("MessagesUnusable")
            if verdict.is_parked:
                self._log.warning(
                    "unusable", truck_id=truck_id, reason=verdict.reason, detail=verdict.detail
                )
                await self._park(message, truck_id, verdict.reason, verdict.detail)
            document = fault_document(verdict)
        else:
            assert result is not None  # noqa: S101 - for the type checker: it has points
            if result.rejected:
                reasons = Counter(f"{each.field}:{each.reason}" for each in result.rejected)
                self._log.warning("rejected", truck_id=truck_id, reasons=dict(reasons))
                await self._park(message, truck_id, REJECTED_POINTS, str(dict(reasons)))
            document = result_document(result)
        if judgement.result_topic is not None:
            await self._connection.publish(judgement.result_topic, document, message.correlation)
        self._acknowledge(message, result)

    async def _park(self, message: Message, truck_id: str | None, reason: str, detail: str) -> None:
        """Park a message, retrying for as long as it takes: the broker keeps it until then."""
        waits_s = self._ports.waits_s()
        for attempt in itertools.count(1):
            try:
                async with self._parkings:
                    await self._ports.park(message, truck_id, reason, detail)
            except Exception as error:
                self._log.warning("not_parked", attempt=attempt, error=repr(error))
                await asyncio.sleep(next(waits_s))
            else:
                return

    def _acknowledge(self, message: Message, result: IngestResult | None) -> None:
        self._connection.acknowledge(message.packet_id)
        del self._held[message.packet_id]
        if not self._held:
            self._none_held.set()
        if result is None:
            return
        self._tally.count_result(result)
        if self._trace.is_on and self._trace.follows(result.truck_id):
            for step in result.steps():
                self._trace.log(**step)
