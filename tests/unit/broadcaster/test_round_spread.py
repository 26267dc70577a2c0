"""Rounds that are spread over a share of their interval, in virtual time."""

from __future__ import annotations

import asyncio
import collections
import functools
import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from broadcaster.round_report import RoundReport
from broadcaster.round_source import LocalRounds, RoundBatch, RoundSource
from broadcaster.shared_rounds import SharedRounds
from rtdts.tracking.delivery_buckets import BUCKETS, delivery_bucket
from tests.fakes.fake_round_queue import FakeRoundQueue
from tests.fakes.pushing_back import PushingBack
from tests.support.broadcaster_world import World
from tests.support.profile import by_profile
from tests.support.virtual_time import LoopClock, NoThreads, in_virtual_time

INTERVAL_S = 60.0
SPREAD = 0.5
VIEWERS = by_profile(quick=150, full=300)


@functools.cache
def received(rounds: int, *, spread: float) -> dict[str, list[float]]:
    """When each viewer was notified, in seconds from the first round's time on."""
    gateway = PushingBack()

    async def main() -> None:
        clock = LoopClock()
        world = World(clock=clock, sender=gateway)
        for number in range(VIEWERS):
            world.delivery(f"D-{number}")
            world.viewer(f"c-{number}", f"D-{number}")
        source = LocalRounds(INTERVAL_S, spread=spread, sleep=clock.sleep, now_ms=clock.now_ms)
        await run_rounds(source, world.round().run, rounds)

    in_virtual_time(main)
    return gateway.received_at_s


async def run_rounds(
    source: RoundSource, run_batch: Callable[..., Awaitable[RoundReport]], count: int
) -> list[RoundReport]:
    async with aclosing(source.reports(run_batch)) as reports:
        return [report async for report, _ in _limited(reports, count)]


async def _limited(reports, count):  # of a generator
    for number in range(count):
        yield await anext(reports), number


def test_each_viewer_is_notified_at_its_place_in_the_round_and_every_minute_from_then_on() -> None:
    received_at_s = received(3, spread=SPREAD)

    for number in range(VIEWERS):
        place_s = delivery_bucket(f"D-{number}") / BUCKETS * INTERVAL_S * SPREAD
        first_s, *later_s = received_at_s[f"c-{number}"]
        assert abs(first_s - place_s) < 0.1
        assert [round(at_s - first_s, 1) for at_s in later_s] == [60.0, 120.0]


def test_a_round_is_spread_over_its_share_of_the_interval_without_high_peaks() -> None:
    per_second = collections.Counter(
        int(first_s) for first_s, *_ in received(3, spread=SPREAD).values()
    )

    assert set(per_second) == set(range(30))
    assert max(per_second.values()) <= 3 * VIEWERS / 30


def test_without_a_spread_all_viewers_are_notified_at_once() -> None:
    assert max(itertools.chain(*received(1, spread=0.0).values())) < 1


def test_a_stopped_round_does_not_wait_for_its_remaining_places() -> None:
    async def main() -> tuple[int, float]:
        clock = LoopClock()
        world = World(clock=clock, sender=PushingBack())
        source = LocalRounds(INTERVAL_S, spread=SPREAD, sleep=clock.sleep, now_ms=clock.now_ms)
        asyncio.get_running_loop().call_later(10, source.stop)
        reports = [one async for one in source.reports(world.round().run)]
        return reports[0].buckets, clock.monotonic()

    buckets, ended_at_s = in_virtual_time(main)

    assert 80 < buckets < 110, "a third of the places, and those read ahead"
    assert ended_at_s < 12


def test_shared_rounds_run_at_most_ten_buckets_at_a_time_and_report_each_round_once() -> None:
    async def main() -> tuple[Sequence[tuple[float, RoundBatch]], list[RoundReport]]:
        clock = LoopClock()
        queue = FakeRoundQueue(clock.now_ms)
        queue.long_poll_s = 0.0  # virtual time passes instead
        taken: list[tuple[float, RoundBatch]] = []

        async def run_batch(
            batch: RoundBatch, on_begun: Callable[[], None] = lambda: None
        ) -> RoundReport:
            taken.append((clock.monotonic(), batch))
            on_begun()
            return RoundReport(
                due_at_ms=batch.due_at_ms,
                started_at_ms=0,
                duration_ms=0,
                buckets=len(batch.buckets),
            )

        class Polling(NoThreads):
            async def run(self, call, *args, **kwargs):
                received = await super().run(call, *args, **kwargs)
                if not received:  # a long poll
                    await asyncio.sleep(1)
                    received = await super().run(call, *args, **kwargs)
                return received

        source = SharedRounds(
            queue,
            INTERVAL_S,
            Polling(),
            NoThreads(),
            log=World(clock=clock).log,
            wait_s=1,
            spread=SPREAD,
            sleep=clock.sleep,
            now_ms=clock.now_ms,
            monotonic=clock.monotonic,
        )
        reports = await run_rounds(source, run_batch, 2)
        return taken, reports

    taken, reports = in_virtual_time(main)

    assert [report.buckets for report in reports] == [BUCKETS, BUCKETS]
    for at_s, batch in taken[:26]:
        assert len(batch.buckets) <= 10
        place_s = batch.buckets[0] / BUCKETS * INTERVAL_S * SPREAD
        assert place_s - 0.1 <= at_s <= place_s + 1.1
        assert batch.until_ms is not None
        assert abs(batch.until_ms - batch.due_at_ms - 1000 * (INTERVAL_S + place_s)) < 100
