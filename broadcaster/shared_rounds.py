"""Several broadcasters: a queue divides each round among them; there is no leader.

At each tick every broadcaster sends all buckets of the round; the queue keeps one message per
bucket and round, from the first broadcaster that sent it. Each broadcaster then receives batches of
up to ten buckets:

1. a broadcaster takes a batch when the ones before it have begun: their viewers are read and have
   their slots. So it takes batches as fast as it posts, and a slow broadcaster takes fewer;
2. while a batch runs, its visibility timeout is extended (`EXTEND_EVERY_S`), but not past the next
   round: a batch that hangs must not delay its buckets for longer;
3. a batch is deleted when the last response has come. When a broadcaster dies, the others receive
   its batches after the queue's visibility timeout;
4. a broadcaster that could read nothing of a batch gives it back, and takes no more for some
   seconds: another may be able to read it, and without viewers to post to, the first would take
   batches faster than any other;
5. a batch that is an interval old is deleted unread: its viewers' next round is due.

A broadcaster that waits for a slow viewer's response takes the next batch meanwhile: only slots
are occupied.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from broadcaster.polling import LongPoll
from broadcaster.round_clock import first_tick
from broadcaster.round_report import RoundReport, sum_of
from broadcaster.round_source import RoundBatch, RunBatch
from broadcaster.sending_order import SendingOrder
from broadcaster.threads import Threads
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.fifo_queue import MAX_BATCH
from rtdts.push_queue.round_queue import ReceivedBucket
from rtdts.runtime import wall_clock
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger
from rtdts.tracking.delivery_buckets import BUCKETS

EXTEND_EVERY_S: Final = 3.0
"""Time from the end of one extension to the next. The queue's visibility timeout is 10 s, so
another broadcaster does not get the batch when two calls fail immediately. It may get it when a
call has no response: the client's two attempts take 3 s and more (`broadcaster.bootstrap`). Then
both broadcasters may run the batch."""

BEGINNING_AT_ONCE: Final = 3
"""Batches whose viewers are being read or wait for slots. More would not read faster and would
leave nothing for the other broadcasters; fewer would leave slots empty while a batch is read."""

RELEASE_TIMEOUT_S: Final = 2.0
"""Time limit for releasing batches at shutdown. The others come back after the visibility
timeout."""

_FIRST_PAUSE_S: Final = 2.0
_MAX_PAUSE_S: Final = 10.0
"""Longest pause between batches of which nothing can be read. Several pauses fit into a round, so
that a single broadcaster runs the rest of it when its stores are available again."""


class Queue(Protocol):
    """The queue of rounds; see `rtdts.push_queue.round_queue.RoundQueue`."""

    def send_many(self, due: Sequence[DueBucket], /) -> None:
        """Sends buckets; the queue drops duplicates."""

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> Sequence[ReceivedBucket]:
        """Waits for buckets; returns those that came."""

    def extend(self, received: Sequence[ReceivedBucket], /) -> Sequence[str]:
        """Extends the visibility timeout of buckets; returns the codes of failures."""

    def release(self, received: Sequence[ReceivedBucket], /) -> Sequence[str]:
        """Makes buckets visible to other broadcasters; returns the codes of failures."""

    def delete(self, received: Sequence[ReceivedBucket], /) -> Sequence[str]:
        """Deletes buckets that are done; returns the codes of failures."""


class _Part:
    """This process's part of one round."""

    def __init__(self, due_at_ms: int) -> None:
        self._due_at_ms = due_at_ms
        self.began_at_ms: int | None = None
        self.ended_at_ms = 0
        self.in_flight = 0
        self._ran: list[RoundReport] = []
        self._unread: list[RoundReport] = []

    def begin_batch(self, received: Sequence[ReceivedBucket]) -> None:
        sent_at_ms = min(one.sent_at_ms for one in received)
        known = self.began_at_ms
        self.began_at_ms = sent_at_ms if known is None else min(known, sent_at_ms)
        self.in_flight += 1

    def add(self, report: RoundReport, at_ms: int) -> None:
        """Adds the report of a batch that ran."""
        self._ran.append(report)
        self.ended_at_ms = at_ms

    def add_unread(self, report: RoundReport, at_ms: int) -> None:
        """Keeps the report of an unread batch; only one, since the same batch may come again."""
        self._unread = [dataclasses.replace(report, buckets=0)]
        self.ended_at_ms = at_ms

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to report."""
        return not (self._ran or self._unread)

    def report(self, skipped: int) -> RoundReport:
        """The totals; the part began when the queue received the first of its buckets.

        Batches that were released are reported only if no batch ran: other broadcasters report
        them, too.
        """
        began_at_ms = self.began_at_ms or 0
        return sum_of(
            self._ran or self._unread,
            due_at_ms=self._due_at_ms,
            started_at_ms=began_at_ms,
            # The queue's clock and ours differ: a quick round may seem to end before it began.
            duration_ms=max(0, self.ended_at_ms - began_at_ms),
            skipped=skipped,
        )


class SharedRounds:
    """This process's part of each round.

    Args:
        interval_s: Time between rounds; the same for all broadcasters.
        spread: The share of the interval over which a round is sent, ten buckets at a time; also
            the same for all broadcasters.
        polling: A separate thread for the long poll.
        threads: Where the queue's other calls may block. Not the threads of the stores, since
            batches must be extended while stores hang.
        wait_s: Length of a poll; also how long a shutdown may have to wait for it.
        release_timeout_s: How long the release at shutdown may take.
    """

    def __init__(
        self,
        round_queue: Queue,
        interval_s: float,
        polling: Threads,
        threads: Threads,
        *,
        log: Logger,
        wait_s: int,
        spread: float = 0.0,
        release_timeout_s: float = RELEASE_TIMEOUT_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._round_queue = round_queue
        self._interval_ms = round(interval_s * 1000)
        self._spread_ms = round(interval_s * spread * 1000)
        self._threads = threads
        self._log = log
        self._release_timeout_s = release_timeout_s
        self._sleep = sleep
        self._now_ms = now_ms
        self._poll = LongPoll[ReceivedBucket](
            round_queue.receive,
            polling,
            wait_s=wait_s,
            failed="buckets_not_received",
            log=log,
            sleep=sleep,
            monotonic=monotonic,
        )
        self._stop = asyncio.Event()
        self._slots = asyncio.Semaphore(BEGINNING_AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()
        self._in_flight: dict[str, ReceivedBucket] = {}
        """Buckets that were received and are not done, by their receipt handles."""
        self._parts: dict[int, _Part] = {}
        self._left_out: set[int] = set()
        """The due times of rounds of which something was deleted unread."""
        self._order = SendingOrder()
        self._backoff_s: Iterator[float] | None = None
        """While nothing can be read: how long to leave the next batches to other broadcasters."""
        self._must_back_off = False

    async def reports(self, run_batch: RunBatch) -> AsyncGenerator[RoundReport, None]:
        """Sends, takes and runs batches until `stop`.

        Yields:
            One report per round of which this process ran a batch, or could read nothing of those
            that it received, when the queue has no more of the round. Batches that come back later,
            from a broadcaster that died, get a separate report.

        Raises:
            broadcaster.polling.QueueUnreachableError: The queue could not be read for minutes.
        """
        sending = asyncio.create_task(self._send_rounds(), name="round sending")
        try:
            while not self._stop.is_set():
                async with self._slots:  # wait before receiving: a received batch begins at once
                    pass
                await self._pause()
                if self._stop.is_set():
                    break
                received = await self._poll.messages(self._stop.is_set)
                await self._start_batches(received, run_batch)
                self._raise_failure(sending)
                if not received:
                    self._order.nothing_is_left()
                for report in self._finished(nothing_is_left=not received):
                    yield report
            if self._running:
                await asyncio.wait(self._running)
            self._raise_failure(sending)
            for report in self._finished(nothing_is_left=True):
                yield report
        finally:
            await self._end([sending, *self._running])

    def stop(self) -> None:
        """Stops taking batches; the buckets that the poll in progress returns are released."""
        self._stop.set()

    # --- sending -----------------------------------------------------------------------------

    async def _send_rounds(self) -> None:
        """Sends each round when it is due, or at once if a slow queue delayed it past that."""
        sent_due_at_ms = None
        while not self._stop.is_set():
            due_at_ms = first_tick(self._now_ms(), self._interval_ms).due_at_ms
            if due_at_ms == sent_due_at_ms:
                left_ms = due_at_ms + self._interval_ms - self._now_ms()
                await self._sleep(max(left_ms, 1) / 1000)
            else:
                await self._send_round(due_at_ms)
                sent_due_at_ms = due_at_ms

    async def _send_round(self, due_at_ms: int) -> None:
        order = self._order.next_round()
        at_once = MAX_BATCH if self._spread_ms else BUCKETS
        for place in range(0, BUCKETS, at_once):
            later_ms = self._spread_ms * place // BUCKETS
            if (left_ms := due_at_ms + later_ms - self._now_ms()) > 0:
                await self._sleep(left_ms / 1000)
            await self._send(
                [
                    DueBucket(bucket=bucket, due_at_ms=due_at_ms, later_ms=later_ms)
                    for bucket in order[place : place + at_once]
                ]
            )

    async def _send(self, due: Sequence[DueBucket]) -> None:
        waits_s = backoff_s(first_s=0.2, max_s=5.0)
        due_at_ms = due[0].due_at_ms
        while not self._is_old(due[0].own_due_at_ms):
            try:
                await self._threads.run(self._round_queue.send_many, due)
            except Exception as error:  # another broadcaster may have sent it; tried again anyway
                self._log.exception("round_not_sent", error, due_at_ms=due_at_ms)
                await self._sleep(next(waits_s))
            else:
                return

    def _is_old(self, due_at_ms: int) -> bool:
        """Whether a bucket that was due then is due again by now."""
        return self._now_ms() - due_at_ms >= self._interval_ms

    def _is_sent(self, due_at_ms: int) -> bool:
        return self._stop.is_set() or self._now_ms() - due_at_ms >= self._spread_ms

    # --- receiving and running ---------------------------------------------------------------

    async def _start_batches(self, received: Sequence[ReceivedBucket], run_batch: RunBatch) -> None:
        if self._stop.is_set():
            await self._release(received)
            return
        by_due: dict[tuple[int, int], list[ReceivedBucket]] = {}
        for one in received:
            due = (one.message.due_at_ms, one.message.own_due_at_ms)
            by_due.setdefault(due, []).append(one)
        for (due_at_ms, own_due_at_ms), claimed in by_due.items():
            if self._is_old(own_due_at_ms):
                await self._leave_out(due_at_ms, claimed)
                continue
            # Kept from now on, even if the batch has to wait for its slot: otherwise another
            # broadcaster would receive it.
            self._in_flight |= {one.receipt_handle: one for one in claimed}
            self._parts.setdefault(due_at_ms, _Part(due_at_ms)).begin_batch(claimed)
            slot = _Slot(self._slots)
            if not self._slots.locked():
                await slot.acquire()  # does not wait: taken before the next receive checks it
            running = self._run(due_at_ms, own_due_at_ms, claimed, run_batch, slot)
            self._running.add(asyncio.create_task(running))

    async def _leave_out(self, due_at_ms: int, claimed: Sequence[ReceivedBucket]) -> None:
        self._left_out.add(due_at_ms)
        self._order.left_out(one.message.bucket for one in claimed)
        self._log.warning("buckets_left_out", due_at_ms=due_at_ms, buckets=len(claimed))
        await self._delete(claimed)

    async def _run(
        self,
        due_at_ms: int,
        own_due_at_ms: int,
        claimed: Sequence[ReceivedBucket],
        run_batch: RunBatch,
        slot: _Slot,
    ) -> None:
        part = self._parts[due_at_ms]
        try:
            async with self._kept_invisible(own_due_at_ms, claimed):
                report = await self._run_in(slot, due_at_ms, own_due_at_ms, claimed, run_batch)
            # No extension is in progress any more that could undo the next call to the queue.
            if report is None and not self._is_old(own_due_at_ms):
                await self._release(claimed)
            elif report is None:
                await self._leave_out(due_at_ms, claimed)
            elif self._must_release(report):
                self._log.warning("batches_unread", due_at_ms=due_at_ms, buckets=len(claimed))
                part.add_unread(report, self._now_ms())
                await self._release(claimed)
            else:
                if left_out := claimed[report.buckets :]:
                    self._left_out.add(due_at_ms)
                    self._order.left_out(one.message.bucket for one in left_out)
                part.add(report, self._now_ms())
                await self._delete(claimed)
            for one in claimed:
                del self._in_flight[one.receipt_handle]
        finally:
            part.in_flight -= 1
            slot.release()

    async def _run_in(
        self,
        slot: _Slot,
        due_at_ms: int,
        own_due_at_ms: int,
        claimed: Sequence[ReceivedBucket],
        run_batch: RunBatch,
    ) -> RoundReport | None:
        """Runs the batch and returns its report; None if it is too late when it has its slot."""
        await slot.acquire()
        if self._stop.is_set() or self._is_old(own_due_at_ms):
            return None
        buckets = [one.message.bucket for one in claimed]
        batch = RoundBatch(due_at_ms, buckets, until_ms=own_due_at_ms + self._interval_ms)
        # While the stores may be unavailable, no other batch is received before this one has ended.
        on_begun = slot.release if self._backoff_s is None else _no_op
        return await run_batch(batch, on_begun=on_begun)

    def _must_release(self, report: RoundReport) -> bool:
        """Whether nothing could be read and another broadcaster still has the time to try."""
        if report.read_nothing:
            self._backoff_s = self._backoff_s or backoff_s(
                first_s=_FIRST_PAUSE_S, max_s=_MAX_PAUSE_S, uniform=max
            )
            self._must_back_off = True
        elif report.due:  # a batch without viewers proves little: there was hardly anything to read
            self._backoff_s = None
        return report.read_nothing and not self._is_old(report.due_at_ms)

    async def _pause(self) -> None:
        """Pauses after a batch of which nothing could be read, so that others take the next."""
        if self._backoff_s is None or not self._must_back_off:
            return
        self._must_back_off = False
        waits = (
            asyncio.ensure_future(self._sleep(next(self._backoff_s))),
            asyncio.ensure_future(self._stop.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @asynccontextmanager
    async def _kept_invisible(
        self, due_at_ms: int, claimed: Sequence[ReceivedBucket]
    ) -> AsyncIterator[None]:
        keeping = asyncio.create_task(self._extend(due_at_ms, claimed))
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _extend(self, due_at_ms: int, claimed: Sequence[ReceivedBucket]) -> None:
        while True:
            await self._sleep(EXTEND_EVERY_S)
            if self._is_old(due_at_ms):  # its buckets' next round must not wait for it
                return
            call = self._call_queue(
                self._round_queue.extend, claimed, failed="buckets_not_extended"
            )
            calling = asyncio.ensure_future(call)
            try:
                await asyncio.shield(calling)
            except asyncio.CancelledError:
                # A thread can't be cancelled, and the next call to the queue must come after it.
                await calling
                raise

    async def _delete(self, claimed: Sequence[ReceivedBucket]) -> None:
        await self._call_queue(self._round_queue.delete, claimed, failed="buckets_not_deleted")

    async def _release(self, claimed: Sequence[ReceivedBucket]) -> None:
        await self._call_queue(self._round_queue.release, claimed, failed="buckets_not_released")

    async def _end(self, left: Sequence[asyncio.Task[None]]) -> None:
        """Cancels the tasks and releases the buckets in progress, within a time limit."""
        try:
            async with asyncio.timeout(self._release_timeout_s):
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)
                in_flight = [*self._in_flight.values()]
                # Separate calls: those that have not begun when the time is up can be dropped.
                calls = (
                    self._release(in_flight[first : first + MAX_BATCH])
                    for first in range(0, len(in_flight), MAX_BATCH)
                )
                await asyncio.gather(*calls)
        except TimeoutError:
            self._log.warning("buckets_not_released", buckets=len(self._in_flight))

    async def _call_queue(
        self,
        call: Callable[[Sequence[ReceivedBucket]], Sequence[str]],
        claimed: Sequence[ReceivedBucket],
        *,
        failed: str,
    ) -> None:
        """Calls the queue; after a failure a bucket may run twice, or later."""
        try:
            codes = await self._threads.run(call, claimed)
        except Exception as error:
            self._log.exception(failed, error, buckets=len(claimed))
        else:
            if codes:
                self._log.warning(failed, buckets=len(codes), codes=sorted(set(codes)))

    # --- reporting ---------------------------------------------------------------------------

    def _raise_failure(self, sending: asyncio.Task[None]) -> None:
        done = {task for task in self._running if task.done()}
        self._running -= done
        failures = [error for task in done if (error := task.exception()) is not None]
        if failures:
            raise failures[0]
        if sending.done():
            sending.result()

    def _finished(self, *, nothing_is_left: bool) -> list[RoundReport]:
        """The reports of rounds that have no batch in progress and will get no more."""
        ended = [
            due_at_ms
            for due_at_ms, part in self._parts.items()
            if not part.in_flight
            # The queue may be empty for a moment before all buckets of a spread round are sent.
            and ((nothing_is_left and self._is_sent(due_at_ms)) or self._is_old(due_at_ms))
        ]
        reports = []
        for due_at_ms in ended:
            part = self._parts.pop(due_at_ms)
            if not part.is_empty:
                skipped, self._left_out = len(self._left_out), set()
                reports.append(part.report(skipped))
        return reports


class _Slot:
    """One of the slots for batches that are beginning."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._is_held = False

    async def acquire(self) -> None:
        """Waits for the slot, unless it is held already."""
        if not self._is_held:
            await self._slots.acquire()
            self._is_held = True

    def release(self) -> None:
        """Releases the slot, if it is held."""
        if self._is_held:
            self._is_held = False
            self._slots.release()


def _no_op() -> None:
    pass
