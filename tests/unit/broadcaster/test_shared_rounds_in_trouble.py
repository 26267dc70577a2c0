"""Rounds of broadcasters that die, stop or read nothing, and of queues that are unavailable."""

from __future__ import annotations

import asyncio

import pytest

from broadcaster.polling import QueueUnreachableError
from broadcaster.shared_rounds import BEGINNING_AT_ONCE
from deploy.queues import ROUNDS
from rtdts.push_queue.due_buckets import DueBucket
from rtdts.tracking.delivery_buckets import BUCKETS
from tests.support.shared_rounds import ALL, AT_MS, INTERVAL_S, Broadcasters
from tests.support.waiting import SHORT_DEADLINE_S, until


async def test_the_batches_of_a_dead_broadcaster_are_received_after_the_visibility_timeout(
    several: Broadcasters,
) -> None:
    several.queue.send_many(
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


async def test_a_broadcaster_that_can_read_nothing_gives_its_buckets_back_to_a_healthy_one(
    several: Broadcasters,
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


async def test_a_broadcaster_that_can_read_nothing_waits_before_it_receives_more(
    several: Broadcasters,
) -> None:
    one = several.start()
    one.batches.sees = False

    def sleeps() -> bool:
        return several.queue.in_flight == set() and several.clock.sleeping == 2

    await until(sleeps)  # and sleeps until the next round
    one.batches.sees = True
    assert one.batches.ran == []
    while len(several.queue.deleted) < BUCKETS:
        several.clock.advance(10)  # the longest wait
        await until(lambda: sleeps() or len(several.queue.deleted) == BUCKETS)

    assert sorted(one.batches.of(AT_MS)) == sorted(ALL)
    await until(lambda: bool(one.reports))
    assert [(report.buckets, report.read_nothing) for report in one.reports] == [(BUCKETS, False)]


async def test_a_stopping_broadcaster_completes_its_batches_and_receives_no_more(
    several: Broadcasters,
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


async def test_buckets_received_while_stopping_are_given_back_at_once(
    several: Broadcasters,
) -> None:
    one = several.start()
    await several.done(BUCKETS)
    new = DueBucket(bucket=3, due_at_ms=AT_MS + 60_000)

    def stop_on_receipt() -> None:
        several.queue.before_receive = lambda: None
        loop.call_soon_threadsafe(one.rounds.stop)
        several.queue.send_many([new])

    loop = asyncio.get_running_loop()
    several.queue.before_receive = stop_on_receipt
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await one.task

    assert several.queue.waiting == {3}


async def test_a_bug_in_a_round_raises_its_error_and_gives_the_buckets_back(
    several: Broadcasters,
) -> None:
    one = several.start()
    one.batches.trouble = RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await one.task

    assert several.queue.deleted == []
    assert several.queue.waiting == ALL


async def test_no_round_is_lost_when_the_queue_is_briefly_unavailable(
    several: Broadcasters,
) -> None:
    several.queue.trouble = OSError("the queue is unavailable")
    one = several.start()
    await until(lambda: bool(several.logged("round_not_sent")))
    await until(lambda: bool(several.logged("buckets_not_received")))

    several.queue.trouble = None
    several.clock.advance(5)
    await several.done(BUCKETS)

    assert len(one.batches.of(AT_MS)) == BUCKETS
    assert several.queue.in_flight == set()


async def test_a_round_is_sent_at_once_when_the_queue_recovers_after_it_was_due(
    several: Broadcasters,
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


async def test_a_queue_that_is_unavailable_for_minutes_ends_the_rounds_with_an_error(
    several: Broadcasters,
) -> None:
    several.queue.trouble = OSError("the queue is unavailable")
    one = several.start()

    async with asyncio.timeout(SHORT_DEADLINE_S):
        while not one.task.done():
            several.clock.advance(20)
            await asyncio.sleep(0.001)

    with pytest.raises(QueueUnreachableError):
        await one.task


async def test_buckets_that_the_queue_does_not_delete_are_reported(several: Broadcasters) -> None:
    one = several.start()
    one.batches.may_begin.clear()
    await until(lambda: len(one.batches.under_way) == 10 * BEGINNING_AT_ONCE)
    several.clock.advance(ROUNDS.visibility_timeout_s + 1)  # nothing was kept meanwhile
    several.start()
    await several.done(BUCKETS)
    one.batches.may_begin.set()

    await until(lambda: bool(several.logged("buckets_not_deleted")))
    assert several.logged("buckets_not_deleted")[0]["level"] == "warning"
