from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator

import pytest
from botocore.credentials import ReadOnlyCredentials

from broadcaster.app import (
    MEASURED_EVERY_S,
    METRICS,
    UNREADABLE_ROUNDS,
    Broadcaster,
    StoresUnreadableError,
)
from broadcaster.credentials import CachedCredentials, NoCredentialsError
from broadcaster.polling import QueueUnreachableError
from broadcaster.round_clock import until as until_set
from broadcaster.round_report import RoundReport
from broadcaster.round_source import RoundBatch, RunBatch
from rtdts.push_queue.nudges import PositionNudge
from rtdts.runtime.metrics import MetricWriter
from rtdts.tracking.delivery_buckets import BUCKETS
from tests.fakes.stepped_clock import SteppedClock
from tests.support.broadcaster_world import World
from tests.support.waiting import SHORT_DEADLINE_S, until

FEW = range(4)
"""Few buckets, because a round that can't read its buckets logs an error for each."""


KEYS = ReadOnlyCredentials("AKID", "secret", None)


class RoundsOnDemand:
    """A round whenever the test requests one."""

    def __init__(self) -> None:
        self.due: asyncio.Queue[RoundBatch] = asyncio.Queue()
        self.requested = asyncio.Semaphore(0)
        self._stop = asyncio.Event()

    async def reports(self, run_batch: RunBatch) -> AsyncGenerator[RoundReport, None]:
        async for batch in until_set(self._stop, self._batches()):
            yield await run_batch(batch)

    async def _batches(self) -> AsyncIterator[RoundBatch]:
        while True:
            self.requested.release()
            yield await self.due.get()

    def stop(self) -> None:
        self._stop.set()

    async def run_one(self, buckets: range = range(BUCKETS)) -> None:
        """Makes a round due, and returns when it has ended."""
        await self.requested.acquire()
        self.due.put_nowait(RoundBatch(0, buckets))
        await self.requested.acquire()
        self.requested.release()


class Running:
    def __init__(self, world: World, keys: ReadOnlyCredentials = KEYS) -> None:
        self.rounds = RoundsOnDemand()
        self.metrics = io.StringIO()
        self.stop = asyncio.Event()
        self.clock = SteppedClock()
        self.nudges = world.nudge_consumer()
        self.app = Broadcaster(
            self.rounds,
            world.round(),
            self.nudges,
            world.snapshot_consumer(),
            world.fleet_followers(sleep=SteppedClock().sleep),
            CachedCredentials(lambda: keys, world.of_rounds.tables),
            world.rate,
            metrics=MetricWriter("broadcaster", METRICS, stream=self.metrics),
            log=world.log,
            sleep=self.clock.sleep,
        )
        self.task = asyncio.create_task(self.app.run(self.stop, shutdown_budget_s=SHORT_DEADLINE_S))


async def test_it_reports_that_it_is_ready_runs_rounds_and_ends_on_request(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")
    running = Running(world)

    await running.rounds.run_one()
    await running.rounds.run_one()
    running.stop.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await running.task

    assert world.gateway.types("a") == ["position", "position"]
    for event in ("broadcaster_ready", "round_done", "broadcaster_stopped"):
        assert event in world.logged
    assert '"RoundViewersDelivered":1' in running.metrics.getvalue()
    assert '"NudgesReceived":0' in running.metrics.getvalue()


async def test_it_sends_the_fleet_to_dispatchers_while_it_runs(world: World) -> None:
    world.follower("ann")
    running = Running(world)
    await world.gateway.wait_for_posts(["ann"])
    running.stop.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await running.task

    assert world.gateway.types("ann") == ["fleet"]
    assert '"FleetViewers":1' in running.metrics.getvalue()


async def test_a_round_in_progress_is_completed_before_it_stops(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")
    release = world.gateway.hold("a")
    running = Running(world)
    running.rounds.due.put_nowait(RoundBatch(0, range(BUCKETS)))
    await world.gateway.wait_for_posts(["a"])

    running.stop.set()
    await until(lambda: "broadcaster_stopping" in world.logged)
    assert not running.task.done()
    release.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await running.task

    assert '"delivered":1' in world.logged


async def test_a_nudge_that_was_received_is_handled_before_it_stops(world: World) -> None:
    world.delivery("D-1")
    world.viewer("a", "D-1")
    release = world.gateway.hold("a")
    running = Running(world)
    world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=1))
    await world.gateway.wait_for_posts(["a"])

    running.stop.set()
    await until(lambda: "broadcaster_stopping" in world.logged)
    release.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await running.task

    assert len(world.queue.deleted) == 1


async def test_it_stops_with_an_error_after_several_rounds_that_could_read_nothing(
    world: World,
) -> None:
    world.subscriptions.broken_buckets = set(FEW)
    running = Running(world)

    for number in range(UNREADABLE_ROUNDS):
        running.rounds.due.put_nowait(RoundBatch(number, FEW))
    with pytest.raises(StoresUnreadableError):
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await running.task


async def test_several_reports_of_one_round_that_could_read_nothing_count_once(
    world: World,
) -> None:
    world.subscriptions.broken_buckets = set(FEW)
    running = Running(world)

    for _ in range(UNREADABLE_ROUNDS):
        await running.rounds.run_one(FEW)
    running.stop.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await running.task

    assert world.logged.count('"event":"round_done"') == UNREADABLE_ROUNDS


async def test_nudge_metrics_are_emitted_even_without_rounds(world: World) -> None:
    running = Running(world)
    await until(lambda: running.clock.sleeping == 1)
    world.queue.send(PositionNudge(delivery_id="D-1", event_at_ms=1))
    await until(lambda: len(world.queue.deleted) == 1)

    running.clock.advance(MEASURED_EVERY_S)
    await until(lambda: '"NudgesReceived":1' in running.metrics.getvalue())

    assert "RoundDuration" not in running.metrics.getvalue()
    running.stop.set()
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await running.task


async def test_it_stops_with_an_error_when_the_queue_stays_unreachable(world: World) -> None:
    world.queue.broken = True

    with pytest.raises(QueueUnreachableError):
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await Running(world).task


async def test_it_does_not_start_without_credentials(world: World) -> None:
    with pytest.raises(NoCredentialsError):
        async with asyncio.timeout(SHORT_DEADLINE_S):
            await Running(world, KEYS._replace(access_key=None)).task

    assert "broadcaster_ready" not in world.logged
