"""Several broadcasters: each round is divided among them by a queue, and nobody leads.

At each tick every broadcaster sends all buckets of the round; the queue keeps one message a bucket
and round, whoever sent it first. Each then takes what it gets, ten buckets a share:

1. a share is taken when those before have been begun: their viewers are read, and all that is left
   of them has its slots. So a broadcaster takes as fast as it posts, and who is slow takes less;
2. while it is held it is kept from the others (`EXTEND_EVERY_S`), but not past the next round: what
   hangs must not hold up its buckets for longer;
3. it is deleted when its last viewer has answered. A broadcaster that dies so leaves it to the
   others, who are given it when the queue's visibility has run out;
4. who could read nothing of it gives it back, and takes no more for some seconds: another may see,
   and without viewers to post to it would take faster than any other;
5. what is an interval old is deleted unread: its viewers' next round is due.

Who waits for a slow viewer's answer takes the next share meanwhile: only slots are held up.
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
from broadcaster.round_source import Hold, Share
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
"""From the end of one call to the next; the queue's visibility is 10 s. So two calls that fail at
once may go before another is given the share. A call that is not answered may not: the client's two
attempts take 3 s and more (`broadcaster.bootstrap`), and another may hold the share as well."""

BEGINNING_AT_ONCE: Final = 3
"""Shares whose viewers are being read or wait for slots. More would read no faster, and leave the
others nothing to take; fewer would leave slots empty while a share is read."""

GIVES_BACK_WITHIN_S: Final = 2.0
"""At the end. What the queue does not take by then comes back when its visibility has run out."""

_FIRST_REST_S: Final = 2.0
_LONGEST_REST_S: Final = 10.0
"""Between shares of which nothing can be read. Several fit into a round, so that who is alone holds
what is left of it when its stores are back."""


class Queue(Protocol):
    """The queue of rounds; see `rtdts.push_queue.round_queue.RoundQueue`."""

    def send_buckets(self, due: Sequence[DueBucket], /) -> None:
        """Sends buckets; of the same twice one is kept."""

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> Sequence[ReceivedBucket]:
        """Waits for some."""

    def extend(self, received: Sequence[ReceivedBucket], /) -> Sequence[str]:
        """Keeps them from others a while longer; the codes of failures."""

    def give_back(self, received: Sequence[ReceivedBucket], /) -> Sequence[str]:
        """Lets others take them; the codes of failures."""

    def delete(self, received: Sequence[ReceivedBucket], /) -> Sequence[str]:
        """Says that they are done with; the codes of failures."""


class _Part:
    """What this process holds of one round."""

    def __init__(self, due_at_ms: int) -> None:
        self._due_at_ms = due_at_ms
        self.began_at_ms: int | None = None
        self.ended_at_ms = 0
        self.in_flight = 0
        self._held: list[RoundReport] = []
        self._blind: list[RoundReport] = []

    def take(self, received: Sequence[ReceivedBucket]) -> None:
        sent_at_ms = min(one.sent_at_ms for one in received)
        known = self.began_at_ms
        self.began_at_ms = sent_at_ms if known is None else min(known, sent_at_ms)
        self.in_flight += 1

    def add(self, report: RoundReport, at_ms: int) -> None:
        """Adds what was held."""
        self._held.append(report)
        self.ended_at_ms = at_ms

    def gave_back(self, report: RoundReport, at_ms: int) -> None:
        """Remembers what could not be read; one share only, since the same may come again."""
        self._blind = [dataclasses.replace(report, buckets=0)]
        self.ended_at_ms = at_ms

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self._held or self._blind)

    def report(self, skipped: int) -> RoundReport:
        """Its sum; it began when the queue took the first of its buckets, whoever sent that.

        What was given back is told only if nothing was held: others tell of it too.
        """
        began_at_ms = self.began_at_ms or 0
        return sum_of(
            self._held or self._blind,
            due_at_ms=self._due_at_ms,
            started_at_ms=began_at_ms,
            # The queue's clock and ours: a round that was quick may end before it began.
            duration_ms=max(0, self.ended_at_ms - began_at_ms),
            skipped=skipped,
        )


class SharedRounds:
    """This process's share of each round.

    Args:
        queue: By which rounds are divided.
        interval_s: Time between rounds; the same for all broadcasters.
        spread: Over which share of it a round is sent, ten buckets at a time; the same, too.
        polling: A thread of its own for the long poll.
        threads: Where the queue's other calls may block: not those of the stores, since a share
            must be kept while stores hang.
        log: Told of failures.
        wait_s: Length of a poll; also how long a shutdown may have to wait for it.
        gives_back_within_s: How long the end may take.
        sleep: Waits some seconds.
        now_ms: Wall clock.
        monotonic: Clock in seconds.
    """

    def __init__(
        self,
        queue: Queue,
        interval_s: float,
        polling: Threads,
        threads: Threads,
        *,
        log: Logger,
        wait_s: int,
        spread: float = 0.0,
        gives_back_within_s: float = GIVES_BACK_WITHIN_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._interval_ms = round(interval_s * 1000)
        self._spread_ms = round(interval_s * spread * 1000)
        self._threads = threads
        self._log = log
        self._gives_back_within_s = gives_back_within_s
        self._sleep = sleep
        self._now_ms = now_ms
        self._poll = LongPoll[ReceivedBucket](
            queue.receive,
            polling,
            wait_s=wait_s,
            failed="shares_not_received",
            log=log,
            sleep=sleep,
            monotonic=monotonic,
        )
        self._stop = asyncio.Event()
        self._places = asyncio.Semaphore(BEGINNING_AT_ONCE)
        self._holding: set[asyncio.Task[None]] = set()
        self._in_flight: dict[str, ReceivedBucket] = {}
        """What was received and is not done with, by its receipt."""
        self._parts: dict[int, _Part] = {}
        self._left_out: set[int] = set()
        """Rounds, by when they were due, of which something was deleted unread."""
        self._order = SendingOrder()
        self._backoff_s: Iterator[float] | None = None
        """While nothing can be read: how long to leave the next shares to others."""
        self._must_back_off = False

    async def reports(self, hold: Hold) -> AsyncGenerator[RoundReport, None]:
        """Sends, takes and has held until `stop`.

        Yields:
            One report a round of which this process held something, or could read nothing of what
            it was given, when it finds no more of it in the queue. What it then takes over from
            another that died has a report of its own.

        Raises:
            broadcaster.polling.QueueUnreachableError: The queue could not be read for minutes.
        """
        sending = asyncio.create_task(self._send_rounds(), name="round sending")
        try:
            while not self._stop.is_set():
                async with self._places:  # before receiving: what is received is begun at once
                    pass
                await self._rest()
                if self._stop.is_set():
                    break
                received = await self._poll.messages(self._stop.is_set)
                await self._take(received, hold)
                self._raise_what_failed(sending)
                if not received:
                    self._order.nothing_is_left()
                for report in self._finished(nothing_is_left=not received):
                    yield report
            if self._holding:
                await asyncio.wait(self._holding)
            self._raise_what_failed(sending)
            for report in self._finished(nothing_is_left=True):
                yield report
        finally:
            await self._end([sending, *self._holding])

    def stop(self) -> None:
        """Takes no more; what the poll under way brings is given back."""
        self._stop.set()

    # --- sending -----------------------------------------------------------------------------

    async def _send_rounds(self) -> None:
        """Each round when it is due; what a slow queue held up past its time, right after."""
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
        batch = MAX_BATCH if self._spread_ms else BUCKETS
        for place in range(0, BUCKETS, batch):
            later_ms = self._spread_ms * place // BUCKETS
            if (left_ms := due_at_ms + later_ms - self._now_ms()) > 0:
                await self._sleep(left_ms / 1000)
            await self._send(
                [
                    DueBucket(bucket=bucket, due_at_ms=due_at_ms, later_ms=later_ms)
                    for bucket in order[place : place + batch]
                ]
            )

    async def _send(self, due: Sequence[DueBucket]) -> None:
        waits_s = backoff_s(first_s=0.2, most_s=5.0)
        due_at_ms = due[0].due_at_ms
        while not self._is_old(due[0].own_due_at_ms):
            try:
                await self._threads.run(self._queue.send_buckets, due)
            except Exception as error:  # another may have sent it; if none has, it is tried again
                self._log.exception("round_not_sent", error, due_at_ms=due_at_ms)
                await self._sleep(next(waits_s))
            else:
                return

    def _is_old(self, due_at_ms: int) -> bool:
        """Whether what was due then is due again."""
        return self._now_ms() - due_at_ms >= self._interval_ms

    def _is_sent(self, due_at_ms: int) -> bool:
        return self._stop.is_set() or self._now_ms() - due_at_ms >= self._spread_ms

    # --- taking and holding ------------------------------------------------------------------

    async def _take(self, received: Sequence[ReceivedBucket], hold: Hold) -> None:
        if self._stop.is_set():
            await self._give_back(received)
            return
        by_due: dict[tuple[int, int], list[ReceivedBucket]] = {}
        for one in received:
            due = (one.message.due_at_ms, one.message.own_due_at_ms)
            by_due.setdefault(due, []).append(one)
        for (due_at_ms, own_due_at_ms), claimed in by_due.items():
            if self._is_old(own_due_at_ms):
                await self._leave_out(due_at_ms, claimed)
                continue
            # Though it may have to wait for its place: what is not kept would be another's.
            self._in_flight |= {one.receipt_handle: one for one in claimed}
            self._parts.setdefault(due_at_ms, _Part(due_at_ms)).take(claimed)
            place = _Place(self._places)
            if not self._places.locked():
                await place.acquire()  # without waiting: before the next receive sees it free
            holding = self._hold(due_at_ms, own_due_at_ms, claimed, hold, place)
            self._holding.add(asyncio.create_task(holding))

    async def _leave_out(self, due_at_ms: int, claimed: Sequence[ReceivedBucket]) -> None:
        self._left_out.add(due_at_ms)
        self._order.left_out(one.message.bucket for one in claimed)
        self._log.warning("shares_left_out", due_at_ms=due_at_ms, buckets=len(claimed))
        await self._delete(claimed)

    async def _hold(
        self,
        due_at_ms: int,
        own_due_at_ms: int,
        claimed: Sequence[ReceivedBucket],
        hold: Hold,
        place: _Place,
    ) -> None:
        part = self._parts[due_at_ms]
        try:
            async with self._held_invisible(own_due_at_ms, claimed):
                report = await self._hold_in(place, due_at_ms, own_due_at_ms, claimed, hold)
            # No keeping is under way any more that could undo what the queue is told now.
            if report is None and not self._is_old(own_due_at_ms):
                await self._give_back(claimed)
            elif report is None:
                await self._leave_out(due_at_ms, claimed)
            elif self._is_another_s(report):
                self._log.warning("shares_unread", due_at_ms=due_at_ms, buckets=len(claimed))
                part.gave_back(report, self._now_ms())
                await self._give_back(claimed)
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
            place.leave()

    async def _hold_in(
        self,
        place: _Place,
        due_at_ms: int,
        own_due_at_ms: int,
        claimed: Sequence[ReceivedBucket],
        hold: Hold,
    ) -> RoundReport | None:
        """Its report; None if it must not be begun any more when it has its place."""
        await place.acquire()
        if self._stop.is_set() or self._is_old(own_due_at_ms):
            return None
        buckets = [one.message.bucket for one in claimed]
        share = Share(due_at_ms, buckets, until_ms=own_due_at_ms + self._interval_ms)
        # Who may be blind takes no more before it knows.
        begun = place.leave if self._backoff_s is None else _nothing
        return await hold(share, begun=begun)

    def _is_another_s(self, report: RoundReport) -> bool:
        """Whether nothing of it could be read, and another has the time to try."""
        if report.was_blind:
            self._backoff_s = self._backoff_s or backoff_s(
                first_s=_FIRST_REST_S, most_s=_LONGEST_REST_S, uniform=max
            )
            self._must_back_off = True
        elif report.due:  # without viewers little had to be read
            self._backoff_s = None
        return report.was_blind and not self._is_old(report.due_at_ms)

    async def _rest(self) -> None:
        """Leaves the next shares to others after one of which nothing could be read."""
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
    async def _held_invisible(
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
            call = self._call_queue(self._queue.extend, claimed, failed="shares_not_kept")
            calling = asyncio.ensure_future(call)
            try:
                await asyncio.shield(calling)
            except asyncio.CancelledError:
                # A thread can't be called back, and what the queue is told next must come after.
                await calling
                raise

    async def _delete(self, claimed: Sequence[ReceivedBucket]) -> None:
        await self._call_queue(self._queue.delete, claimed, failed="shares_not_deleted")

    async def _give_back(self, claimed: Sequence[ReceivedBucket]) -> None:
        await self._call_queue(self._queue.give_back, claimed, failed="shares_not_given_back")

    async def _end(self, left: Sequence[asyncio.Task[None]]) -> None:
        """Ends what is left and lets others take what is in hand; not for long."""
        try:
            async with asyncio.timeout(self._gives_back_within_s):
                for task in left:
                    task.cancel()
                await asyncio.gather(*left, return_exceptions=True)
                in_flight = [*self._in_flight.values()]
                # A call each: those that have not begun when the time is up can be dropped.
                calls = (
                    self._give_back(in_flight[first : first + MAX_BATCH])
                    for first in range(0, len(in_flight), MAX_BATCH)
                )
                await asyncio.gather(*calls)
        except TimeoutError:
            self._log.warning("shares_not_given_back", buckets=len(self._in_flight))

    async def _call_queue(
        self,
        call: Callable[[Sequence[ReceivedBucket]], Sequence[str]],
        claimed: Sequence[ReceivedBucket],
        *,
        failed: str,
    ) -> None:
        """Tells the queue; what it does not take costs a bucket that is held twice, or later."""
        try:
            codes = await self._threads.run(call, claimed)
        except Exception as error:
            self._log.exception(failed, error, buckets=len(claimed))
        else:
            if codes:
                self._log.warning(failed, buckets=len(codes), codes=sorted(set(codes)))

    # --- telling -----------------------------------------------------------------------------

    def _raise_what_failed(self, sending: asyncio.Task[None]) -> None:
        done = {task for task in self._holding if task.done()}
        self._holding -= done
        failures = [error for task in done if (error := task.exception()) is not None]
        if failures:
            raise failures[0]
        if sending.done():
            sending.result()

    def _finished(self, *, nothing_is_left: bool) -> list[RoundReport]:
        """The reports of rounds of which nothing is in hand and nothing more will come."""
        ended = [
            due_at_ms
            for due_at_ms, part in self._parts.items()
            if not part.in_flight
            # Of one that is spread nothing is left, now and then, before all of it is sent.
            and ((nothing_is_left and self._is_sent(due_at_ms)) or self._is_old(due_at_ms))
        ]
        reports = []
        for due_at_ms in ended:
            part = self._parts.pop(due_at_ms)
            if not part.is_nothing:
                skipped, self._left_out = len(self._left_out), set()
                reports.append(part.report(skipped))
        return reports


class _Place:
    """One of the places for what is being begun."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._is_held = False

    async def acquire(self) -> None:
        """Waits for it, unless it has it."""
        if not self._is_held:
            await self._places.acquire()
            self._is_held = True

    def leave(self) -> None:
        """Gives it to the next, once."""
        if self._is_held:
            self._is_held = False
            self._places.release()


def _nothing() -> None:
    pass
