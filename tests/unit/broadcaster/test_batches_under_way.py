"""Batches of a round that take long are extended or given back, and delay no other batch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from broadcaster.shared_rounds import BEGINNING_AT_ONCE, EXTEND_EVERY_S
from deploy.queues import ROUNDS
from rtdts.push_queue.round_queue import ReceivedBucket
from rtdts.tracking.delivery_buckets import BUCKETS, delivery_bucket
from tests.fakes.fake_round_queue import FakeRoundQueue
from tests.support.broadcaster_world import World
from tests.support.shared_rounds import ALL, AT_MS, INTERVAL_S, Broadcasters, RoundSharer, round_of
from tests.support.waiting import SHORT_DEADLINE_S, until


@pytest.fixture
async def overloaded_sharer(several: Broadcasters) -> RoundSharer:
    """RoundSharer that received buckets of two rounds at once, and has places for one of them."""
    several.queue.send_many(round_of(AT_MS, *range(25)))
    several.queue.send_many(round_of(AT_MS + 60_000, 200, 201))
    one = several.start()
    one.batches.may_begin.clear()
    await until(lambda: 200 in several.queue.in_flight)
    await until(lambda: len(one.batches.under_way) >= 25)
    assert 200 not in one.batches.under_way
    return one


async def test_a_waiting_batch_is_extended_and_is_given_back_on_shutdown(
    several: Broadcasters, overloaded_sharer: RoundSharer
) -> None:
    several.clock.advance(EXTEND_EVERY_S)
    await until(lambda: 200 in several.queue.kept)

    await overloaded_sharer.kill()

    assert several.queue.waiting == ALL


async def test_a_batch_that_waited_until_it_is_too_old_is_left_out(
    several: Broadcasters, overloaded_sharer: RoundSharer
) -> None:
    several.clock.advance(2 * INTERVAL_S)
    overloaded_sharer.batches.may_begin.set()
    await until(
        lambda: AT_MS + 60_000 in [line["due_at_ms"] for line in several.logged("buckets_left_out")]
    )
    await until(lambda: len(overloaded_sharer.batches.of(AT_MS + 120_000)) == BUCKETS)

    assert overloaded_sharer.batches.of(AT_MS + 60_000) == []


async def test_batches_that_wait_for_responses_do_not_block_other_batches(
    several: Broadcasters,
) -> None:
    one = several.start()
    one.batches.may_end.clear()

    await until(lambda: one.batches.under_way == ALL)

    assert one.batches.ran == []


async def test_a_broadcaster_receives_no_more_batches_than_it_can_begin(
    several: Broadcasters,
) -> None:
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
    several: Broadcasters,
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


async def test_a_batch_that_hangs_is_not_extended_past_the_next_round(
    several: Broadcasters,
) -> None:
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


async def test_a_bucket_with_a_slow_viewer_delays_no_other_bucket(several: Broadcasters) -> None:
    world = World()
    deliveries = [f"D-{number}" for number in range(60)]
    for delivery_id in deliveries:
        world.delivery(delivery_id)
        world.viewer(f"of-{delivery_id}", delivery_id)
    slow = [f"of-{delivery_id}" for delivery_id in deliveries[:4]]
    releases = [world.gateway.hold(connection_id) for connection_id in slow]

    one = several.start(world.round().run)
    async with asyncio.timeout(SHORT_DEADLINE_S):
        await world.gateway.wait_for_posts(f"of-{delivery_id}" for delivery_id in deliveries)
    await until(lambda: len(several.queue.deleted) >= BUCKETS - 10 * len(slow))
    slow_buckets = {delivery_bucket(delivery_id) for delivery_id in deliveries[:4]}
    assert slow_buckets <= several.queue.in_flight
    for release in releases:
        release.set()
    await until(lambda: bool(one.reports))

    assert one.reports[0].delivered == 60
    world.close()


async def test_a_batch_unfinished_at_the_shutdown_deadline_is_given_back_and_not_deleted(
    several: Broadcasters,
) -> None:
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)

    await one.kill()  # as the deadline of a shutdown does

    assert several.queue.deleted == []
    assert several.queue.waiting == ALL


async def test_a_queue_that_hangs_when_batches_are_given_back_does_not_delay_the_shutdown(
    several: Broadcasters,
) -> None:
    released = threading.Event()

    class Hanging(FakeRoundQueue):
        def release(self, received: Sequence[ReceivedBucket]) -> list[str]:
            released.wait(SHORT_DEADLINE_S)
            return super().release(received)

    several.queue = Hanging(several.clock.now_ms)
    several.release_timeout_s = 0.02
    one = several.start()
    one.batches.may_end.clear()
    await until(lambda: one.batches.under_way == ALL)

    async with asyncio.timeout(SHORT_DEADLINE_S / 2):
        await one.kill()
    released.set()

    (reported,) = several.logged("buckets_not_released")
    assert reported["buckets"] == BUCKETS


async def test_an_extension_in_progress_ends_before_its_batch_is_given_back(
    several: Broadcasters,
) -> None:
    reported: list[str] = []

    class Overtaken(FakeRoundQueue):
        given_back = threading.Event()

        def extend(self, received: Sequence[ReceivedBucket]) -> list[str]:
            if received[0].message.bucket == 0:
                self.given_back.wait(0.2)  # times out, unless it was given back too early
                reported.append("kept")
            return super().extend(received)

        def release(self, received: Sequence[ReceivedBucket]) -> list[str]:
            codes = super().release(received)
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
