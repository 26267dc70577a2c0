from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from broadcaster.round_clock import Tick, first_tick, next_tick, ticks
from broadcaster.round_report import RoundReport
from broadcaster.round_source import LocalRounds, RoundBatch, RunBatch
from rtdts.tracking.delivery_buckets import BUCKETS
from tests.fakes.fake_clock import FakeClock

MINUTE_MS = 60_000
AT_MS = 1_800_000_000_000  # a whole minute


def whole(batch: RoundBatch) -> RoundReport:
    """The report of a round that left nothing out."""
    return RoundReport(
        due_at_ms=batch.due_at_ms,
        started_at_ms=batch.due_at_ms,
        duration_ms=0,
        buckets=len(batch.buckets),
        skipped=batch.skipped,
    )


def test_the_first_round_is_at_once() -> None:
    assert first_tick(AT_MS + 17_000, MINUTE_MS) == Tick(AT_MS, 0)


def test_the_next_round_is_due_at_the_next_whole_interval() -> None:
    assert next_tick(Tick(AT_MS, 0), AT_MS + 17_500, MINUTE_MS) == Tick(AT_MS + MINUTE_MS, 0)


@pytest.mark.parametrize(
    ("lasted_ms", "due_in_minutes", "skipped"),
    [(1, 1, 0), (59_999, 1, 0), (60_000, 1, 0), (61_000, 1, 0), (200_000, 3, 2)],
)
def test_rounds_that_fell_due_during_a_long_round_are_skipped(
    lasted_ms: int, due_in_minutes: int, skipped: int
) -> None:
    tick = next_tick(Tick(AT_MS, 0), AT_MS + lasted_ms, MINUTE_MS)

    assert tick == Tick(AT_MS + due_in_minutes * MINUTE_MS, skipped)


def test_rounds_continue_after_the_clock_was_set_back() -> None:
    tick = next_tick(Tick(AT_MS, 0), AT_MS - 3_600_000, MINUTE_MS)

    assert tick == Tick(AT_MS - 3_600_000 + MINUTE_MS, 0)


async def test_missed_rounds_are_not_run_one_after_another() -> None:
    clock = FakeClock(AT_MS + 5_000)
    held_at_ms = []
    rounds_s = iter([1, 200, 1, 1])

    async for tick in ticks(60, now_ms=clock.now_ms, sleep=clock.sleep):
        held_at_ms.append((clock.now_ms() - AT_MS, tick.skipped))
        lasts_s = next(rounds_s, None)
        if lasts_s is None:
            break
        clock.advance(lasts_s)

    # At once; at minute 1, lasting 200 s; then at once minute 4's only, not three in a row.
    assert held_at_ms == [(5_000, 0), (60_000, 0), (260_000, 2), (300_000, 0), (360_000, 0)]


async def test_no_round_begins_early_when_a_sleep_ends_early() -> None:
    clock = FakeClock(AT_MS)

    async def half(seconds: float) -> None:
        await clock.sleep(seconds / 2 if seconds > 1 else seconds)

    rounds = ticks(60, now_ms=clock.now_ms, sleep=half)
    await anext(rounds)
    await anext(rounds)

    assert clock.now_ms() == AT_MS + MINUTE_MS


async def test_one_broadcaster_alone_runs_every_bucket_of_every_round() -> None:
    clock = FakeClock(AT_MS)
    ran: list[RoundBatch] = []

    async def run_batch(
        batch: RoundBatch, on_begun: Callable[[], None] = lambda: None
    ) -> RoundReport:
        ran.append(batch)
        return whole(batch)

    reports = LocalRounds(10, sleep=clock.sleep, now_ms=clock.now_ms).reports(run_batch)
    await anext(reports)
    await anext(reports)
    first, second = ran

    assert list(first.buckets) == list(range(BUCKETS)) == list(second.buckets)
    assert second.due_at_ms - first.due_at_ms == 10_000


async def test_no_round_begins_after_a_stop_between_rounds() -> None:
    ran: list[RoundBatch] = []

    async def run_batch(
        batch: RoundBatch, on_begun: Callable[[], None] = lambda: None
    ) -> RoundReport:
        ran.append(batch)
        return whole(batch)

    rounds = LocalRounds(3_600, sleep=asyncio.sleep)
    reports = [report async for report in stopped_after_the_first(rounds, run_batch)]

    assert len(reports) == len(ran) == 1


async def stopped_after_the_first(
    rounds: LocalRounds, run_batch: RunBatch
) -> AsyncIterator[RoundReport]:
    async for report in rounds.reports(run_batch):
        asyncio.get_running_loop().call_soon(rounds.stop)
        yield report


async def test_no_task_is_left_when_its_reports_are_closed() -> None:
    async def run_batch(
        batch: RoundBatch, on_begun: Callable[[], None] = lambda: None
    ) -> RoundReport:
        return whole(batch)

    reports = LocalRounds(60, sleep=asyncio.sleep).reports(run_batch)
    await anext(reports)
    await reports.aclose()

    assert asyncio.all_tasks() == {asyncio.current_task()}
