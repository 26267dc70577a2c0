"""Several broadcasters: each round is divided among them by a queue, and nobody leads.

At each tick every broadcaster sends all buckets of the round; the queue keeps one message a bucket
and round, whoever sent it first. Each then takes what it gets, ten buckets a share:

1. a share is taken when those before have been begun: their viewers are read, and all that is left
   of them has its slots. So a broadcaster takes as fast as it posts, and who is slow takes less;
2. while it is held it is kept from the others (`KEEP_EVERY_S`), but not past the next round: what
   hangs must not hold up its buckets for longer;
3. it is deleted when its last viewer has answered. A broadcaster that dies so leaves it to the
   others, who are given it when the queue's visibility has run out;
4. what is an interval old is deleted unread: its viewers' next round is due.

Who waits for a slow viewer's answer takes the next share meanwhile: only slots are held up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, Protocol

from broadcaster.polling import LongPoll
from broadcaster.round_clock import first_tick
from broadcaster.round_report import RoundReport, sum_of
from broadcaster.round_source import Hold, Share
from broadcaster.threads import Threads
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.round_queue import ReceivedBucket
from rtdts.runtime import wall_clock
from rtdts.runtime.backoff import backoff_s
from rtdts.runtime.logs import Logger
from rtdts.tracking.delivery_buckets import BUCKETS

KEEP_EVERY_S: Final = 3.0
"""A third of the queue's visibility: two calls may fail before another is given the share."""

BEGINNING_AT_ONCE: Final = 3
"""Shares whose viewers are being read or wait for slots. More would read no faster, and leave the
others nothing to take; fewer would leave slots empty while a share is read."""

_STRIDE: Final = 101
"""How much further each round's first bucket lies; it has no factor in common with `BUCKETS`."""


class Queue(Protocol):
    """The queue of rounds; see `rtdts.push_queue.round_queue.RoundQueue`."""

    def send_buckets(self, due: Sequence[DueBucket], /) -> None:
        """Sends buckets; of the same twice one is kept."""

    def receive(self, max_messages: int = 10, wait_s: int = 20) -> Sequence[ReceivedBucket]:
        """Waits for some."""

    def keep(self, received: Sequence[ReceivedBucket], /) -> Sequence[str]:
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
        self.in_hand = 0
        self.held: list[RoundReport] = []

    def take(self, received: Sequence[ReceivedBucket]) -> None:
        sent_at_ms = min(one.sent_at_ms for one in received)
        known = self.began_at_ms
        self.began_at_ms = sent_at_ms if known is None else min(known, sent_at_ms)
        self.in_hand += 1

    def report(self, skipped: int) -> RoundReport:
        """Its sum; it began when the queue took the first of its buckets, whoever sent that."""
        began_at_ms = self.began_at_ms or 0
        return sum_of(
            self.held,
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
        polling: A thread of its own for the long poll.
        threads: Where the queue's other calls may block: not those of the stores, since a share
            must be kept while stores hang.
        log: Told of failures.
        wait_s: Length of a poll; also how long a shutdown may have to wait for it.
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
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now_ms: Callable[[], int] = wall_clock.now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._interval_ms = round(interval_s * 1000)
        self._threads = threads
        self._log = log
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
        self._in_hand: dict[str, ReceivedBucket] = {}
        """What was received and is not done with, by its receipt."""
        self._parts: dict[int, _Part] = {}
        self._left_out: set[int] = set()
        """Rounds, by when they were due, of which something was deleted unread."""

    async def reports(self, hold: Hold) -> AsyncGenerator[RoundReport, None]:
        """Sends, takes and has held until `stop`.

        Yields:
            One report a round of which this process held something, when it finds no more of it in
            the queue. What it then takes over from another that died has a report of its own.

        Raises:
            broadcaster.polling.QueueUnreachableError: The queue could not be read for minutes.
        """
        sending = asyncio.create_task(self._send_rounds(), name="round sending")
        try:
            while not self._stop.is_set():
                async with self._places:  # before receiving: what is received is begun at once
                    pass
                received = await self._poll.messages(self._stop.is_set)
                await self._take(received, hold)
                self._raise_what_failed(sending)
                for report in self._finished(nothing_is_left=not received):
                    yield report
            if self._holding:
                await asyncio.wait(self._holding)
            self._raise_what_failed(sending)
            for report in self._finished(nothing_is_left=True):
                yield report
        finally:
            left = [sending, *self._holding]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            await self._give_back([*self._in_hand.values()])

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
        # Another first bucket each round: were the broadcasters too few for all, the same viewers
        # would otherwise be left out each time.
        first = due_at_ms // self._interval_ms * _STRIDE
        due = [
            DueBucket(bucket=(first + place) % BUCKETS, due_at_ms=due_at_ms)
            for place in range(BUCKETS)
        ]
        waits_s = backoff_s(first_s=0.2, most_s=5.0)
        while not self._is_old(due_at_ms):
            try:
                await self._threads.run(self._queue.send_buckets, due)
            except Exception as error:  # another may have sent it; if none has, it is tried again
                self._log.exception("round_not_sent", error, due_at_ms=due_at_ms)
                await self._sleep(next(waits_s))
            else:
                return

    def _is_old(self, due_at_ms: int) -> bool:
        """Whether the next round is due."""
        return self._now_ms() - due_at_ms >= self._interval_ms

    # --- taking and holding ------------------------------------------------------------------

    async def _take(self, received: Sequence[ReceivedBucket], hold: Hold) -> None:
        if self._stop.is_set():
            await self._give_back(received)
            return
        by_round: dict[int, list[ReceivedBucket]] = {}
        for one in received:
            by_round.setdefault(one.message.due_at_ms, []).append(one)
        for due_at_ms, taken in by_round.items():
            if self._is_old(due_at_ms):
                await self._leave_out(due_at_ms, taken)
                continue
            await self._places.acquire()
            self._in_hand |= {one.receipt_handle: one for one in taken}
            self._parts.setdefault(due_at_ms, _Part(due_at_ms)).take(taken)
            self._holding.add(asyncio.create_task(self._hold(due_at_ms, taken, hold)))

    async def _leave_out(self, due_at_ms: int, taken: Sequence[ReceivedBucket]) -> None:
        self._left_out.add(due_at_ms)
        self._log.warning("shares_left_out", due_at_ms=due_at_ms, buckets=len(taken))
        await self._delete(taken)

    async def _hold(self, due_at_ms: int, taken: Sequence[ReceivedBucket], hold: Hold) -> None:
        part = self._parts[due_at_ms]
        share = Share(due_at_ms, [one.message.bucket for one in taken])
        keeping = asyncio.create_task(self._keep(due_at_ms, taken))
        place = _Place(self._places)
        try:
            report = await hold(share, begun=place.leave)
            part.held.append(report)
            part.ended_at_ms = self._now_ms()
            await self._delete(taken)
            for one in taken:
                del self._in_hand[one.receipt_handle]
        finally:
            part.in_hand -= 1
            place.leave()
            keeping.cancel()

    async def _keep(self, due_at_ms: int, taken: Sequence[ReceivedBucket]) -> None:
        while True:
            await self._sleep(KEEP_EVERY_S)
            if self._is_old(due_at_ms):  # its buckets' next round must not wait for it
                return
            await self._tell(self._queue.keep, taken, failed="shares_not_kept")

    async def _delete(self, taken: Sequence[ReceivedBucket]) -> None:
        await self._tell(self._queue.delete, taken, failed="shares_not_deleted")

    async def _give_back(self, taken: Sequence[ReceivedBucket]) -> None:
        if taken:
            await self._tell(self._queue.give_back, taken, failed="shares_not_given_back")

    async def _tell(
        self,
        call: Callable[[Sequence[ReceivedBucket]], Sequence[str]],
        taken: Sequence[ReceivedBucket],
        *,
        failed: str,
    ) -> None:
        """Tells the queue; what it does not take costs a bucket that is held twice, or later."""
        try:
            codes = await self._threads.run(call, taken)
        except Exception as error:
            self._log.exception(failed, error, buckets=len(taken))
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
            if not part.in_hand and (nothing_is_left or self._is_old(due_at_ms))
        ]
        reports = []
        for due_at_ms in ended:
            skipped, self._left_out = len(self._left_out), set()
            reports.append(self._parts.pop(due_at_ms).report(skipped))
        return reports


class _Place:
    """One of the places for what is being begun."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def leave(self) -> None:
        """Gives it to the next, once."""
        if self._places is not None:
            self._places.release()
            self._places = None
