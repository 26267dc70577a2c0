from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import math
import threading
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from broadcaster.polling import QueueUnreachableError
from broadcaster.round_report import RoundReport
from broadcaster.round_source import RoundBatch, RunBatch
from broadcaster.shared_rounds import BEGINNING_AT_ONCE, EXTEND_EVERY_S, SharedRounds
from broadcaster.threads import Threads
from rtdts.push_queue.definitions import ROUNDS
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.push_queue.round_queue import ReceivedBucket
from rtdts.runtime.logs import Logger
from rtdts.tracking.delivery_buckets import BUCKETS, delivery_bucket
from tests.fakes.fake_round_queue import FakeRoundQueue
from tests.fakes.stepped_clock import SteppedClock
from tests.support.broadcaster_world import World
from tests.support.waiting import COMES_WITHIN_S, until

AT_MS = 1_800_000_000_000  # a whole minute
INTERVAL_S = 60.0
ALL = set(range(BUCKETS))
BATCHES = math.ceil(BUCKETS / 10)


def round_of(due_at_ms: int, *buckets: int) -> list[DueBucket]:
    return [DueBucket(bucket=bucket, due_at_ms=due_at_ms) for bucket in buckets]


def _report(batch: RoundBatch) -> RoundReport:
    return RoundReport(
        due_at_ms=batch.due_at_ms, started_at_ms=0, duration_ms=0, buckets=len(batch.buckets)
    )


class RecordedBatches:
    """Runs batches at once, or when it is let.

    Attributes:
        ran: Each bucket with its round, in the order in which they ran.
        under_way: Buckets that are being run.
    """

    def __init__(self) -> None:
        self.ran: list[tuple[int, int]] = []
        self.under_way: set[int] = set()
        self.may_begin = asyncio.Event()
        self.may_begin.set()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.trouble: Exception | None = None
        self.sees = True

    async def __call__(
        self, batch: RoundBatch, begun: Callable[[], None] = lambda: None
    ) -> RoundReport:
        self.under_way |= set(batch.buckets)
        try:
            await self.may_begin.wait()
            begun()
            await self.may_end.wait()
            if self.trouble is not None:
                raise self.trouble
        finally:
            self.under_way -= set(batch.buckets)
        if not self.sees:
            unread = len(batch.buckets)
            return dataclasses.replace(_report(batch), buckets_unread=unread)
        self.ran += [(batch.due_at_ms, bucket) for bucket in batch.buckets]
        return _report(batch)

    def of(self, due_at_ms: int) -> list[int]:
        return [bucket for due, bucket in self.ran if due == due_at_ms]


class Several:
    """Broadcasters that share a queue, a clock, and nothing else."""

    def __init__(self) -> None:
        self.clock = SteppedClock(AT_MS)
        self.queue = FakeRoundQueue(self.clock.now_ms)
        self.gives_back_within_s = COMES_WITHIN_S
        self.written = io.StringIO()
        self._running: list[One] = []

    def start(self, run_batch: RunBatch | None = None) -> One:
        one = One(self, run_batch or RecordedBatches())
        self._running.append(one)
        return one

    async def close(self) -> None:
        for one in self._running:
            await one.kill()

    async def sent(self, count: int) -> None:
        """Waits until so many buckets were sent, repetitions included."""
        await until(lambda: len(self.queue.sent) == count)

    async def done(self, count: int) -> None:
        """Waits until so many buckets are done with."""
        await until(lambda: len(self.queue.deleted) == count)

    async def kept(self, times: int) -> None:
        """Waits until each bucket has been kept so often, and each batch is to be kept again."""
        await until(lambda: [*self.queue.kept.values()] == [times] * len(self.queue.kept))
        # And each broadcaster sleeps until the next round.
        await until(lambda: self.clock.sleeping == BATCHES + len(self._running))

    def logged(self, event: str) -> list[dict[str, object]]:
        lines = map(json.loads, self.written.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]


class One:
    """A broadcaster, as far as rounds go."""

    def __init__(self, several: Several, run_batch: RunBatch) -> None:
        self._run_batch = run_batch
        self._polling = Threads(1, "polling")
        self._threads = Threads(4, "round-queue")
        self.reports: list[RoundReport] = []
        self.rounds = SharedRounds(
            several.queue,
            INTERVAL_S,
            self._polling,
            self._threads,
            log=Logger("broadcaster", several.written),
            wait_s=1,
            gives_back_within_s=several.gives_back_within_s,
            sleep=several.clock.sleep,
            now_ms=several.clock.now_ms,
            monotonic=several.clock.monotonic,
        )
        self.task = asyncio.create_task(self._run())

    @property
    def batches(self) -> RecordedBatches:
        assert isinstance(self._run_batch, RecordedBatches)
        return self._run_batch

    async def _run(self) -> None:
        async for report in self.rounds.reports(self._run_batch):
            self.reports.append(report)

    async def stop(self) -> None:
        self.rounds.stop()
        async with asyncio.timeout(COMES_WITHIN_S):
            await self.task

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self._polling.close()
        self._threads.close()


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    several = Several()
    yield several
    await several.close()


async def test_each_bucket_runs_once_a_round_on_either_of_two(several: Several) -> None:
    one, other = several.start(), several.start()

    for number in range(3):
        due_at_ms = AT_MS + number * 60_000
        await several.sent(2 * BUCKETS * (number + 1))
        await several.done(BUCKETS * (number + 1))

        ran = one.batches.of(due_at_ms) + other.batches.of(due_at_ms)
        assert sorted(ran) == sorted(ALL)
        several.clock.advance(INTERVAL_S)
    assert several.queue.in_flight == set()


async def test_each_reports_its_own_part_of_a_round_once_and_together_of_all(
    several: Several,
) -> None:
    one, other = several.start(), several.start()

    await until(lambda: sum(report.buckets for report in one.reports + other.reports) == BUCKETS)

    assert len(one.reports) <= 1
    assert len(other.reports) <= 1
    assert {report.started_at_ms for report in one.reports + other.reports} == {AT_MS}


async def test_a_round_lasts_from_when_it_was_sent_to_the_end_of_the_last_share(
    several: Several,
) -> None:
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)

    several.clock.advance(2.5)
    one.batches.may_end.set()
    await until(lambda: bool(one.reports))

    (report,) = one.reports
    assert (report.started_at_ms, report.duration_ms) == (AT_MS, 2_500)
    assert report.buckets == BUCKETS


async def test_a_broadcaster_that_got_nothing_of_a_round_reports_nothing(several: Several) -> None:
    one = several.start()
    await until(lambda: bool(one.reports))

    late = several.start()
    await several.sent(2 * BUCKETS)
    await late.stop()

    assert late.reports == []


async def test_the_batches_of_a_dead_broadcaster_are_received_after_the_visibility_timeout(
    several: Several,
) -> None:
    several.queue.send_buckets(
        [DueBucket(bucket=bucket, due_at_ms=AT_MS) for bucket in range(BUCKETS)]
    )
    lost = {received.message.bucket for received in several.queue.receive(max_messages=10)}

    other = several.start()
    await several.done(BUCKETS - 10)
    several.clock.advance(ROUNDS.visibility_timeout_s - 1)
    assert set(other.batches.of(AT_MS)) == ALL - lost
    several.clock.advance(1)
    await until(lambda: len(other.batches.ran) == BUCKETS)

    assert set(other.batches.of(AT_MS)) == ALL
    await until(lambda: sum(report.buckets for report in other.reports) == BUCKETS)
    assert max(report.duration_ms for report in other.reports) == 10_000


async def test_a_batch_that_is_an_interval_old_is_deleted_unread_and_counted(
    several: Several,
) -> None:
    several.queue.send_buckets([DueBucket(bucket=7, due_at_ms=AT_MS - 60_000)])

    one = several.start()
    await until(lambda: bool(one.reports))

    assert one.batches.of(AT_MS - 60_000) == []
    assert sorted(one.batches.of(AT_MS)) == sorted(ALL)
    assert one.reports[0].skipped == 1
    (reported,) = several.logged("buckets_left_out")
    assert (reported["due_at_ms"], reported["buckets"]) == (AT_MS - 60_000, 1)


async def test_a_place_in_the_round_stays_while_nothing_is_left_out(several: Several) -> None:
    several.start()
    firsts = []
    for number in range(3):
        await several.sent(BUCKETS * (number + 1))
        firsts.append(several.queue.sent[-BUCKETS].bucket)
        await several.done(BUCKETS * (number + 1))
        several.clock.advance(INTERVAL_S)

    assert firsts == [0, 0, 0]


async def test_buckets_that_were_left_out_come_first_until_all_have_run(
    several: Several,
) -> None:
    several.queue.send_buckets(round_of(AT_MS - 60_000, *range(96, BUCKETS)))
    several.queue.send_buckets(round_of(AT_MS, *range(BUCKETS)))
    sent = len(several.queue.sent)
    one = several.start()
    one.batches.may_begin.clear()
    await until(lambda: len(one.batches.under_way) == 10 * BEGINNING_AT_ONCE)
    several.clock.advance(INTERVAL_S)
    await several.sent(sent + 2 * BUCKETS)
    after = [due.bucket for due in several.queue.sent[-BUCKETS:]]
    one.batches.may_begin.set()
    await until(lambda: len(one.batches.of(AT_MS + 60_000)) == BUCKETS)
    await until(lambda: len(one.reports) == 2)
    several.clock.advance(INTERVAL_S)
    await several.sent(sent + 3 * BUCKETS)

    assert after == [*range(96, BUCKETS), *range(96)]
    assert several.queue.sent[-BUCKETS].bucket == 0


async def test_a_broadcaster_that_reads_nothing_gives_back_all_to_one_that_reads(
    several: Several,
) -> None:
    failing = several.start()
    failing.batches.sees = False
    await until(lambda: bool(several.logged("batches_unread")))
    healthy = several.start()
    await several.done(BUCKETS)
    several.clock.advance(INTERVAL_S)
    await until(lambda: bool(failing.reports))

    assert sorted(healthy.batches.of(AT_MS)) == sorted(ALL)
    assert failing.batches.of(AT_MS) == []
    (reported,) = failing.reports
    assert (reported.due_at_ms, reported.read_nothing, reported.buckets) == (AT_MS, True, 0)


async def test_a_broadcaster_that_reads_nothing_waits_before_it_takes_more(
    several: Several,
) -> None:
    one = several.start()
    one.batches.sees = False

    def rests() -> bool:
        return several.queue.in_flight == set() and several.clock.sleeping == 2

    await until(rests)  # and sleeps until the next round
    one.batches.sees = True
    assert one.batches.ran == []
    while len(several.queue.deleted) < BUCKETS:
        several.clock.advance(10)  # as long as the longest rest
        await until(lambda: rests() or len(several.queue.deleted) == BUCKETS)

    assert sorted(one.batches.of(AT_MS)) == sorted(ALL)
    await until(lambda: bool(one.reports))
    assert [(report.buckets, report.read_nothing) for report in one.reports] == [(BUCKETS, False)]


@pytest.fixture
async def one_with_too_much(several: Several) -> One:
    """One that was given buckets of two rounds at once, and has places for one of them."""
    several.queue.send_buckets(round_of(AT_MS, *range(25)))
    several.queue.send_buckets(round_of(AT_MS + 60_000, 200, 201))
    one = several.start()
    one.batches.may_begin.clear()
    await until(lambda: 200 in several.queue.in_flight)
    await until(lambda: len(one.batches.under_way) >= 25)
    assert 200 not in one.batches.under_way
    return one


async def test_a_batch_that_waits_for_its_place_is_extended_and_given_back_at_the_end(
    several: Several, one_with_too_much: One
) -> None:
    several.clock.advance(EXTEND_EVERY_S)
    await until(lambda: 200 in several.queue.kept)

    await one_with_too_much.kill()

    assert several.queue.waiting == ALL


async def test_a_batch_that_is_old_when_it_has_its_place_is_left_out(
    several: Several, one_with_too_much: One
) -> None:
    several.clock.advance(2 * INTERVAL_S)
    one_with_too_much.batches.may_begin.set()
    await until(
        lambda: AT_MS + 60_000 in [line["due_at_ms"] for line in several.logged("buckets_left_out")]
    )
    await until(lambda: len(one_with_too_much.batches.of(AT_MS + 120_000)) == BUCKETS)

    assert one_with_too_much.batches.of(AT_MS + 60_000) == []


async def test_a_share_that_waits_for_responses_holds_up_no_other(several: Several) -> None:
    one = several.start()
    one.batches.may_end.clear()

    await until(lambda: one.batches.under_way == ALL)

    assert one.batches.ran == []


async def test_no_more_is_accepted_than_can_be_begun(several: Several) -> None:
    one, other = several.start(), several.start()
    one.batches.may_begin.clear()
    other.batches.may_begin.clear()
    await several.sent(2 * BUCKETS)
    most = 10 * BEGINNING_AT_ONCE
    await until(lambda: len(one.batches.under_way) == len(other.batches.under_way) == most)

    other.batches.may_begin.set()
    await until(lambda: len(other.batches.ran) == BUCKETS - most)

    assert len(one.batches.under_way) == most


async def test_a_batch_that_runs_for_long_is_extended_and_received_by_no_other_broadcaster(
    several: Several,
) -> None:
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)
    other = several.start()
    await several.kept(0)

    for times in range(1, 1 + round(2 * ROUNDS.visibility_timeout_s / EXTEND_EVERY_S)):
        several.clock.advance(EXTEND_EVERY_S)
        await until(lambda: len(several.queue.kept) == BUCKETS)
        await several.kept(times)
        assert several.queue.in_flight == ALL
    one.batches.may_end.set()
    await several.done(BUCKETS)

    assert other.batches.ran == []


async def test_a_batch_that_hangs_is_not_extended_past_the_next_round(several: Several) -> None:
    several.clock.advance(55)
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)
    await several.kept(0)
    several.clock.advance(EXTEND_EVERY_S)
    await until(lambda: len(several.queue.kept) == BUCKETS)
    await several.kept(1)

    several.clock.advance(EXTEND_EVERY_S)  # the next round is due
    await several.sent(2 * BUCKETS)
    several.clock.advance(ROUNDS.visibility_timeout_s - EXTEND_EVERY_S)
    await several.done(BUCKETS)
    assert [*several.queue.kept.values()] == [1] * BUCKETS
    assert {due.due_at_ms for due in several.queue.deleted} == {AT_MS}
    one.batches.may_end.set()
    await until(lambda: len(one.batches.of(AT_MS + 60_000)) == BUCKETS)


async def test_a_bucket_with_a_slow_viewer_delays_no_other(several: Several) -> None:
    world = World()
    deliveries = [f"D-{number}" for number in range(60)]
    for delivery_id in deliveries:
        world.delivery(delivery_id)
        world.viewer(f"of-{delivery_id}", delivery_id)
    slow = [f"of-{delivery_id}" for delivery_id in deliveries[:4]]
    releases = [world.gateway.hold(connection_id) for connection_id in slow]

    one = several.start(world.round().run)
    async with asyncio.timeout(COMES_WITHIN_S):
        await world.gateway.wait_for_posts(f"of-{delivery_id}" for delivery_id in deliveries)
    await until(lambda: len(several.queue.deleted) >= BUCKETS - 10 * len(slow))
    slow_buckets = {delivery_bucket(delivery_id) for delivery_id in deliveries[:4]}
    assert slow_buckets <= several.queue.in_flight
    for release in releases:
        release.set()
    await until(lambda: bool(one.reports))

    assert one.reports[0].delivered == 60
    world.close()


async def test_a_stopping_broadcaster_ends_what_it_holds_and_takes_no_more(
    several: Several,
) -> None:
    one = several.start()
    one.batches.may_begin.clear()
    await until(lambda: len(one.batches.under_way) == 10 * BEGINNING_AT_ONCE)
    taken = set(one.batches.under_way)
    polled = []
    several.queue.before_receive = lambda: polled.append(1)

    one.rounds.stop()
    one.batches.may_begin.set()
    await one.stop()

    assert not polled
    assert set(one.batches.of(AT_MS)) == taken == {due.bucket for due in several.queue.deleted}
    assert several.queue.waiting == ALL - taken
    assert sum(report.buckets for report in one.reports) == len(taken)


async def test_buckets_of_the_last_poll_are_given_back_at_once(several: Several) -> None:
    one = several.start()
    await several.done(BUCKETS)
    new = DueBucket(bucket=3, due_at_ms=AT_MS + 60_000)

    def stop_as_it_comes() -> None:
        several.queue.before_receive = lambda: None
        loop.call_soon_threadsafe(one.rounds.stop)
        several.queue.send_buckets([new])

    loop = asyncio.get_running_loop()
    several.queue.before_receive = stop_as_it_comes
    async with asyncio.timeout(COMES_WITHIN_S):
        await one.task

    assert several.queue.waiting == {3}


async def test_a_batch_that_has_not_run_in_time_is_given_back_and_not_deleted(
    several: Several,
) -> None:
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)

    await one.kill()  # as the deadline of a shutdown does

    assert several.queue.deleted == []
    assert several.queue.waiting == ALL


async def test_giving_back_to_a_queue_that_hangs_does_not_hold_up_the_end(
    several: Several,
) -> None:
    let_go = threading.Event()

    class Hanging(FakeRoundQueue):
        def give_back(self, received: Sequence[ReceivedBucket]) -> list[str]:
            let_go.wait(COMES_WITHIN_S)
            return super().give_back(received)

    several.queue = Hanging(several.clock.now_ms)
    several.gives_back_within_s = 0.1
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)

    async with asyncio.timeout(COMES_WITHIN_S / 2):
        await one.kill()
    let_go.set()

    (reported,) = several.logged("buckets_not_given_back")
    assert reported["buckets"] == BUCKETS


async def test_a_keeping_under_way_ends_before_the_share_is_given_back(several: Several) -> None:
    reported: list[str] = []

    class Overtaken(FakeRoundQueue):
        given_back = threading.Event()

        def extend(self, received: Sequence[ReceivedBucket]) -> list[str]:
            if received[0].message.bucket == 0:
                self.given_back.wait(0.2)  # times out, unless it was given back too early
                reported.append("kept")
            return super().extend(received)

        def give_back(self, received: Sequence[ReceivedBucket]) -> list[str]:
            codes = super().give_back(received)
            if received[0].message.bucket == 0:
                reported.append("given back")
                self.given_back.set()
            return codes

    several.queue = Overtaken(several.clock.now_ms)
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)
    await several.kept(0)
    several.clock.advance(EXTEND_EVERY_S)
    await until(lambda: len(several.queue.kept) == BUCKETS - 10)

    await one.kill()
    await until(lambda: len(several.queue.kept) == BUCKETS)

    assert reported == ["kept", "given back"]
    assert several.queue.waiting == ALL


async def test_a_bug_in_a_round_ends_it_with_an_error_and_leaves_the_share_to_others(
    several: Several,
) -> None:
    one = several.start()
    one.batches.trouble = RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        async with asyncio.timeout(COMES_WITHIN_S):
            await one.task

    assert several.queue.deleted == []
    assert several.queue.waiting == ALL


async def test_a_queue_that_is_unavailable_for_a_moment_costs_no_round(several: Several) -> None:
    several.queue.trouble = OSError("the queue is unavailable")
    one = several.start()
    await until(lambda: bool(several.logged("round_not_sent")))
    await until(lambda: bool(several.logged("buckets_not_received")))

    several.queue.trouble = None
    several.clock.advance(5)
    await several.done(BUCKETS)

    assert len(one.batches.of(AT_MS)) == BUCKETS
    assert several.queue.in_flight == set()


async def test_a_queue_that_comes_back_after_the_round_was_due_is_sent_it_at_once(
    several: Several,
) -> None:
    several.queue.trouble = OSError("the queue is unavailable")
    one = several.start()
    while several.clock.now_ms() < AT_MS + 65_000:
        several.clock.advance(1)
        await asyncio.sleep(0.002)

    several.queue.trouble = None
    for _ in range(10):  # the longest wait between two attempts
        several.clock.advance(1)
        await asyncio.sleep(0.002)
    await several.done(BUCKETS)

    assert len(one.batches.of(AT_MS + 60_000)) == BUCKETS


async def test_a_queue_that_is_unavailable_for_minutes_ends_it_with_an_error(
    several: Several,
) -> None:
    several.queue.trouble = OSError("the queue is unavailable")
    one = several.start()

    async with asyncio.timeout(COMES_WITHIN_S):
        while not one.task.done():
            several.clock.advance(5)
            await asyncio.sleep(0.001)

    with pytest.raises(QueueUnreachableError):
        await one.task


async def test_buckets_that_the_queue_does_not_delete_are_reported(several: Several) -> None:
    one = several.start()
    one.batches.may_begin.clear()
    await until(lambda: len(one.batches.under_way) == 10 * BEGINNING_AT_ONCE)
    several.clock.advance(ROUNDS.visibility_timeout_s + 1)  # nothing was kept meanwhile
    several.start()
    await several.done(BUCKETS)
    one.batches.may_begin.set()

    await until(lambda: bool(several.logged("buckets_not_deleted")))
    assert several.logged("buckets_not_deleted")[0]["level"] == "warning"
