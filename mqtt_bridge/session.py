"""Handles the messages of one connection, from their arrival to their acknowledgement.

A message is acknowledged when the stream has all of its valid points and, if it has invalid ones,
the parking lot has the message. Packet ids mean nothing on another connection. So a session ends
with its connection, and the broker delivers the messages again that were not acknowledged.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from mqtt_bridge.batching import TruckBatcher
from mqtt_bridge.classifying import Classification, Message
from mqtt_bridge.parking_queue import Park, ParkingQueue
from mqtt_bridge.quota import BridgeQuota
from mqtt_bridge.results import fault_document, is_result_due, result_document
from mqtt_bridge.tally import Tally
from rtdts.ingest.intake import NOTHING_PUT, IngestResult, ValidatedBody, batch_of, results_of
from rtdts.ingest.messages import REJECTED_POINTS, Fault
from rtdts.runtime.deadline import Deadline
from rtdts.runtime.logs import Logger
from rtdts.runtime.point_trace import PointTrace
from rtdts.runtime.rejection_log import RejectionLogLimiter
from rtdts.telemetry_stream.parking import UnusableMessage
from rtdts.telemetry_stream.putter import MAX_CALL_RECORDS, Batch, PutOutcome

MAX_SET_ASIDES_AT_ONCE: Final = 2


class OpenConnection(Protocol):
    """See `mqtt_bridge.broker_client.BrokerConnection`."""

    def acknowledge(self, packet_id: int) -> None:
        """Acknowledge a message of this connection."""

    async def publish(self, topic: str, payload: bytes, correlation: bytes | None) -> None:
        """Publish a result; after a failure the truck misses this result, but no point is lost."""


Classify = Callable[[Message], Classification]
Put = Callable[[Sequence[Batch]], Awaitable[Sequence[PutOutcome]]]
"""One attempt to put each truck's payloads."""
SetAside = Callable[[Batch], Awaitable[None]]
"""Stores payloads of a truck over its quota. Raises when the bucket did not store them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ports:
    """What a session calls.

    Attributes:
        classify: Decides what a message is.
        put: Puts points into the stream.
        set_aside: Puts the points of a truck over its quota into the parking lot.
        quota: Which trucks are over their quota of points.
        park: Puts a truck's messages into the parking lot.
        clock: Monotonic clock in seconds.
        waits_s: Makes the waits between failed attempts.
    """

    classify: Classify
    put: Put
    set_aside: SetAside
    quota: BridgeQuota
    park: Park
    clock: Callable[[], float]
    waits_s: Callable[[], Iterator[float]]


@dataclasses.dataclass(frozen=True)
class _InFlight:
    message: Message
    classification: Classification
    body: ValidatedBody


class Session:
    """Takes messages in and processes each until it is acknowledged.

    Args:
        connection: Where messages come from, and acknowledgements and results go.
        gather_s: How long a truck's first message waits for more that share its record.
        puts_at_once: The number of concurrent puts.
        trace: Logs every point of some trucks.
    """

    def __init__(
        self,
        connection: OpenConnection,
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
        self._batcher: TruckBatcher[_InFlight] = TruckBatcher(
            lambda one: len(one.body.payloads), gather_s=gather_s, waits_s=ports.waits_s
        )
        self._tally = tally
        self._log = log
        self._lines = RejectionLogLimiter()
        self._trace = trace
        self._in_flight: dict[int, float] = {}
        """Arrival time of each message that is not acknowledged, by packet id, in order."""
        self._changed = asyncio.Event()
        self._none_in_flight = asyncio.Event()
        self._none_in_flight.set()
        self._puts = asyncio.Semaphore(puts_at_once)
        self._set_asides = asyncio.Semaphore(MAX_SET_ASIDES_AT_ONCE)
        self._parking = ParkingQueue(ports.park, waits_s=ports.waits_s, log=log)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_open = True

    @property
    def in_flight(self) -> int:
        """Messages received and not acknowledged."""
        return len(self._in_flight)

    @property
    def oldest_in_flight_s(self) -> float:
        """Seconds since the arrival of the oldest message in flight; 0 if there is none."""
        oldest = next(iter(self._in_flight.values()), None)
        return 0.0 if oldest is None else self._ports.clock() - oldest

    def receive(self, message: Message) -> None:
        """Receive a message; after `drain` has begun, messages are left to the next bridge."""
        if not self._is_open:
            return
        now_s = self._ports.clock()
        self._in_flight[message.packet_id] = now_s
        self._none_in_flight.clear()
        classification = self._ports.classify(message)
        match classification.verdict:
            case ValidatedBody() as body if body.payloads:
                one = _InFlight(message, classification, body)
                self._batcher.add(body.truck_id, one, now_s=now_s)
                self._changed.set()
            case ValidatedBody() as body:
                self._start(self._finish(message, classification, body.result(NOTHING_PUT)))
            case Fault():
                self._start(self._finish(message, classification, None))
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
                trucks = self._batcher.begin_due(self._ports.clock(), max_trucks=MAX_CALL_RECORDS)
                for truck_id in [one for one in trucks if self._ports.quota.is_over(one)]:
                    # In a separate task: the other trucks must not wait for the bucket.
                    self._start(self._set_aside(truck_id, trucks.pop(truck_id)))
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
        self._batcher.hasten()
        self._changed.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline.remaining_s):
                await self._none_in_flight.wait()
        return not self._in_flight

    async def _until_due(self) -> None:
        """Wait until a truck is due, or raise the error with which a task failed."""
        while True:
            if self._failed.done():
                self._failed.result()
            due_s = self._batcher.next_due_s()
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

    async def _put(self, trucks: dict[str, list[_InFlight]]) -> None:
        """Make one attempt to put the messages of these trucks."""
        try:
            batches = [batch_of([one.body for one in messages]) for messages in trucks.values()]
            outcomes = await self._ports.put(batches)
        finally:
            self._puts.release()
        self._tally.count("StreamAttempts")
        for batch, outcome in zip(batches, outcomes, strict=True):
            accepted = len(batch.payloads) - len(outcome.failed)
            self._ports.quota.count(batch.truck_id, accepted)
        self._end_puts(trucks, outcomes)

    async def _set_aside(self, truck_id: str, messages: list[_InFlight]) -> None:
        """Make one attempt to set aside the messages of a truck over its quota."""
        batch = batch_of([one.body for one in messages])
        failure = None
        try:
            async with self._set_asides:
                await self._ports.set_aside(batch)
        except Exception as error:
            failure = type(error).__name__
        else:
            self._tally.count("PointsSetAside", len(batch.payloads))
            self._warn("over_quota", truck_id, points=len(batch.payloads))
        failed = tuple(range(len(batch.payloads))) if failure else ()
        outcome = PutOutcome(failed=failed, attempts=1, failure=failure)
        self._end_puts({truck_id: messages}, [outcome])

    def _end_puts(
        self, trucks: Mapping[str, list[_InFlight]], outcomes: Sequence[PutOutcome]
    ) -> None:
        """Acknowledge the messages that were put; the others are put again."""
        finished: list[tuple[_InFlight, IngestResult]] = []
        failures: Counter[str] = Counter()
        for (truck_id, messages), outcome in zip(trucks.items(), outcomes, strict=True):
            failed = []
            results = results_of([one.body for one in messages], outcome)
            for one, result in zip(messages, results, strict=True):
                if result.failed:
                    failed.append(one)
                    self._tally.count("PointsFailed", len(result.failed))
                else:
                    finished.append((one, result))
            self._batcher.done(truck_id, failed, now_s=self._ports.clock())
            if failed:
                failures[outcome.failure or "unknown"] += len(failed)
        if failures:
            self._log.warning("put_failed", messages=failures.total(), failures=dict(failures))
        for one, result in finished:
            result_due = one.classification.result_topic and is_result_due(
                one.message.correlation, result
            )
            if result.rejected or result_due:
                self._start(self._finish(one.message, one.classification, result))
            else:
                self._acknowledge(one.message, result)

    async def _finish(
        self, message: Message, classification: Classification, result: IngestResult | None
    ) -> None:
        """Park an unusable message, publish the result to the truck, acknowledge the message."""
        verdict, truck_id = classification.verdict, classification.truck_id
        if isinstance(verdict, Fault):
            self._tally.count("MessagesUnusable")
            if verdict.is_parked:
                self._warn("unusable", truck_id, reason=verdict.reason, detail=verdict.detail)
                unusable = UnusableMessage(message.payload, verdict.reason, verdict.detail)
                await self._parking.park(truck_id, unusable)
            document = fault_document(verdict)
        else:
            assert result is not None  # noqa: S101 - for the type checker: it has points
            if result.rejected:
                reasons = Counter(f"{each.field}:{each.reason}" for each in result.rejected)
                self._warn("rejected", truck_id, reasons=dict(reasons))
                unusable = UnusableMessage(message.payload, REJECTED_POINTS, str(dict(reasons)))
                await self._parking.park(truck_id, unusable)
            document = result_document(result)
        if classification.result_topic is not None:
            await self._connection.publish(
                classification.result_topic, document, message.correlation
            )
        self._acknowledge(message, result)

    def _warn(self, event: str, truck_id: str | None, **fields: object) -> None:
        """Logs what is wrong with a message; only now and then per truck, as it may send many."""
        if self._lines.allows(f"{event}:{truck_id}", round(self._ports.clock() * 1_000)):
            self._log.warning(event, truck_id=truck_id, **fields)

    def _acknowledge(self, message: Message, result: IngestResult | None) -> None:
        self._connection.acknowledge(message.packet_id)
        del self._in_flight[message.packet_id]
        if not self._in_flight:
            self._none_in_flight.set()
        if result is None:
            return
        self._tally.count_result(result)
        if self._trace.is_on and self._trace.follows(result.truck_id):
            for step in result.steps():
                self._trace.log(**step)
