"""Rounds against a gateway that throttles or hangs, in virtual time: waits and the delays of
responses have their full length, but take no real time."""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from broadcaster.pushing import RIGHT_MAX_AGE_S
from broadcaster.round import Round
from broadcaster.round_report import RoundReport
from broadcaster.round_source import LocalRounds
from broadcaster.threads import StoreThreads
from rtdts.push_queue.nudges import PositionNudge, TransitionNudge
from rtdts.tracking.deliveries import Cause, Status
from rtdts.tracking.topics import socket_endpoint
from rtdts.tracking.visibility import EnRoute
from tests.fakes.pushing_back import PushingBack
from tests.support.broadcaster_world import World
from tests.support.profile import by_profile
from tests.support.virtual_time import LoopClock, NoThreads, in_virtual_time

VIEWERS = 300
INTERVAL_S = 60.0
LONGEST_GAP_S = 75.0
SLOTS_OF_THE_RATE = 5
"""In proportion to 20 posts per second, as 800 to 3,333: 100,000 viewers in half a minute."""
ROUNDS_UNDER_WAY = by_profile(quick=3, full=5)


class Pressed:
    """Viewers with a delivery each, and rounds that reach them."""

    def __init__(self, gateway: PushingBack, *, posts_per_second: float, viewers: int) -> None:
        self.world = World(clock=LoopClock(), sender=gateway, posts_per_second=posts_per_second)
        self.gateway = gateway
        self.names = [f"c-{number}" for number in range(viewers)]
        # No threads: virtual time would pass while they work.
        self.world.of_nudges = StoreThreads(NoThreads(), NoThreads())

    def begin(self) -> None:
        """Must be called within the loop, because it reads the loop's time."""
        self.world.truck("T-1")
        for name in self.names:
            self.world.delivery(f"D-{name}")
            self.world.change(f"D-{name}", visibility=EnRoute())
            self.world.viewer(name, f"D-{name}", token_expires_in_s=3_600)

    async def rounds(self, count: int, *, slots: int = 20) -> list[RoundReport]:
        clock = self.world.clock
        source = LocalRounds(INTERVAL_S, sleep=clock.sleep, now_ms=clock.now_ms)
        return [
            one
            async for one in first(
                count, source, self.world.round(slots=slots, chunk_size=slots // 2)
            )
        ]

    def longest_gap_s(self, name: str, until_s: float) -> float:
        """The longest time in which a viewer received nothing, from the beginning on."""
        received = [0.0, *self.gateway.received_at_s[name], until_s]
        return max(later - earlier for earlier, later in itertools.pairwise(received))


async def first(count: int, source: LocalRounds, round_: Round) -> AsyncIterator[RoundReport]:
    async with aclosing(source.reports(round_.run)) as reports:
        async for report in reports:
            yield report
            count -= 1
            if not count:
                return


def run_rounds(
    gateway: PushingBack,
    count: int,
    *,
    posts_per_second: float = 1e9,
    viewers: int = VIEWERS,
    slots: int = 20,
) -> tuple[Pressed, list[RoundReport], float]:
    """Rounds in virtual time: the viewers, what was reported, and when it ended."""

    async def main() -> tuple[Pressed, list[RoundReport], float]:
        pressed = Pressed(gateway, posts_per_second=posts_per_second, viewers=viewers)
        pressed.begin()
        reports = await pressed.rounds(count, slots=slots)
        return pressed, reports, asyncio.get_running_loop().time()

    return in_virtual_time(main)


def test_a_viewer_throttled_by_the_accounts_quota_is_reached_in_the_same_round() -> None:
    gateway = PushingBack(per_s=20.0)

    _, (report,), _ = run_rounds(gateway, 1, posts_per_second=200.0)

    assert (report.due, report.delivered, report.over_quota) == (VIEWERS, VIEWERS, 0)
    assert report.duration_ms < 25_000, "15 s at the account's rate"


def test_the_next_round_begins_at_the_rate_that_the_last_one_learned() -> None:
    rejected = []
    for rounds in (1, 2):
        gateway = PushingBack(per_s=20.0)
        run_rounds(gateway, rounds, posts_per_second=2_000.0)
        rejected.append(gateway.over_quota)

    learning, both = rejected
    assert both - learning < learning / 2


def test_trucks_that_use_the_same_quota_slow_posts_but_every_viewer_is_reached() -> None:
    gateway = PushingBack(per_s=40.0)
    accepted: list[bool] = []

    async def drive() -> None:
        while True:
            accepted.append(gateway.accepts_another())
            await asyncio.sleep(1 / 20)

    async def main() -> tuple[Pressed, list[RoundReport]]:
        pressed = Pressed(gateway, posts_per_second=40.0, viewers=VIEWERS)
        pressed.begin()
        driving = asyncio.create_task(drive())
        reports = await pressed.rounds(3)
        driving.cancel()
        return pressed, reports

    pressed, reports = in_virtual_time(main)

    assert [report.delivered for report in reports] == [VIEWERS] * 3
    assert pressed.world.rate.per_s < 40.0, "it has learned that others use a part"
    assert 0 < gateway.over_quota < VIEWERS / 10
    assert accepted.count(False) < len(accepted) / 100


def test_posts_are_no_faster_than_the_setting() -> None:
    gateway = PushingBack()

    _, (report,), _ = run_rounds(gateway, 1, posts_per_second=20.0)

    assert 13_000 <= report.duration_ms <= 15_500
    assert gateway.over_quota == 0


def test_when_the_accounts_rate_is_too_low_no_viewer_is_left_out_for_ever() -> None:
    gateway = PushingBack(per_s=3.0)  # 100 s for all, and a round each 60 s

    pressed, reports, ended_at_s = run_rounds(gateway, 8, posts_per_second=6.0)

    assert max(pressed.longest_gap_s(name, ended_at_s) for name in pressed.names) < 240
    counts = [len(gateway.received_at_s[name]) for name in pressed.names]
    assert max(counts) - min(counts) <= 2, "all equally often, except for rejected posts"
    assert any(report.skipped for report in reports)


def test_a_viewer_throttled_once_or_twice_is_reached_in_the_same_round() -> None:
    gateway = PushingBack()
    gateway.accepts_one_of = {f"c-{number}": 2 + number % 2 for number in range(0, VIEWERS, 3)}

    _, (report,), _ = run_rounds(gateway, 1)

    assert (report.delivered, report.throttled, report.backed_off) == (VIEWERS, 0, 0)
    assert report.duration_ms < 5_000


def test_retries_delay_no_first_attempt_when_slots_are_scarce() -> None:
    """As on a busy machine, where posts take long, and the rate is not the limit."""
    throttled = {f"c-{number}" for number in range(0, VIEWERS, 3)}
    last_s = []
    for accepts_one_of in ({}, dict.fromkeys(throttled, 1_000)):
        gateway = PushingBack(responds_in_s=1.0, accepts_one_of=accepts_one_of)
        pressed, _, _ = run_rounds(gateway, 1)
        last_s.append(max(gateway.received_at_s[one][0] for one in {*pressed.names} - throttled))

    clean_s, pushed_back_s = last_s
    assert pushed_back_s <= 1.2 * clean_s


def test_a_viewer_that_is_always_throttled_gets_few_posts_and_delays_no_rounds_end() -> None:
    gateway = PushingBack()
    gateway.accepts_one_of = {"c-1": 1_000_000}

    _, reports, _ = run_rounds(gateway, 6, viewers=10)

    assert [report.delivered for report in reports] == [9] * 6
    assert all(report.duration_ms < 10_000 for report in reports)
    assert gateway.posted["c-1"] <= 4 + 6


def test_hanging_endpoints_prolong_later_rounds_less_than_the_first() -> None:
    gateway = PushingBack()
    gateway.hanging = {f"c-{number}" for number in range(0, VIEWERS, 10)}

    _, reports, _ = run_rounds(gateway, 5, slots=20)

    first_round, *_, last = (report.duration_ms for report in reports)
    assert first_round > 3_000, "30 that hang for 2 s, in 20 slots"
    assert last <= 2_100
    assert reports[-1].quarantined > 0
    assert all(report.delivered == VIEWERS - 30 for report in reports)


def test_a_recovered_viewer_leaves_quarantine_and_is_reached_by_later_rounds() -> None:
    gateway = PushingBack(hanging={"c-1"})

    async def main() -> list[int]:
        pressed = Pressed(gateway, posts_per_second=1e9, viewers=10)
        pressed.begin()
        delivered = [report.delivered for report in await pressed.rounds(4)]
        assert pressed.world.quarantine.contains(socket_endpoint("c-1"))
        gateway.hanging.clear()
        delivered += [report.delivered for report in await pressed.rounds(3)]
        assert not pressed.world.quarantine.contains(socket_endpoint("c-1"))
        return delivered

    assert in_virtual_time(main) == [9, 9, 9, 9, 9, 10, 10]


def under_way(
    gateway: PushingBack, choose: random.Random, slots: int
) -> tuple[Pressed, dict[str, float], list[RoundReport], float]:
    """Some rounds while viewers lose their right, one after the other, and when each did."""
    revoked_at_s: dict[str, float] = {}

    async def main() -> tuple[Pressed, dict[str, float], list[RoundReport], float]:
        pressed = Pressed(gateway, posts_per_second=20.0, viewers=VIEWERS)
        pressed.begin()
        revoking = asyncio.create_task(revoke(pressed))
        reports = await pressed.rounds(ROUNDS_UNDER_WAY, slots=slots)
        revoking.cancel()
        return pressed, revoked_at_s, reports, asyncio.get_running_loop().time()

    async def revoke(pressed: Pressed) -> None:
        for name in choose.sample(pressed.names, 12):
            await asyncio.sleep(21.3)
            pressed.world.change(f"D-{name}", customer_id="C-2")
            revoked_at_s[name] = asyncio.get_running_loop().time()

    return in_virtual_time(main)


@functools.cache
def clean_rounds(slots: int) -> Pressed:
    """The same with a gateway that accepts every message."""
    pressed, *_ = under_way(PushingBack(), random.Random(0), slots)
    return pressed


@pytest.mark.parametrize(
    ("seed", "slots"),
    [(0, 20), *by_profile(quick=[], full=[(1, 20), (0, SLOTS_OF_THE_RATE)])],
)
def test_healthy_viewers_are_reached_in_time_whatever_others_do_and_none_without_a_right(
    seed: int, slots: int
) -> None:
    """30 % throttled by connection, 10 % hanging, rights revoked during posts, a limited rate."""
    choose = random.Random(seed)
    names = [f"c-{number}" for number in range(VIEWERS)]
    hanging = set(choose.sample(names, VIEWERS // 10))
    slow = {
        name: choose.choice([2, 3])
        for name in choose.sample([one for one in names if one not in hanging], VIEWERS * 3 // 10)
    }
    pressed, revoked_at_s, reports, ended_at_s = under_way(
        PushingBack(hanging=hanging, accepts_one_of=slow), choose, slots
    )
    clean = clean_rounds(slots)

    shown_at_s = pressed.gateway.shown_at_s
    assert all(shown_at_s[name] for name in names if name not in hanging)
    assert all(
        shown_s <= revoked_s + RIGHT_MAX_AGE_S
        for name, revoked_s in revoked_at_s.items()
        for shown_s in shown_at_s[name]
    )
    healthy = [n for n in names if n not in hanging and n not in slow and n not in revoked_at_s]
    gaps_s = [pressed.longest_gap_s(name, ended_at_s) for name in healthy]
    assert max(gaps_s) <= LONGEST_GAP_S
    slow_gaps_s = [pressed.longest_gap_s(n, ended_at_s) for n in slow if n not in revoked_at_s]
    assert max(slow_gaps_s) <= LONGEST_GAP_S
    assert p99(pressed, healthy) <= 1.1 * p99(clean, healthy)
    assert reports[-1].delivered + reports[-1].quarantined + reports[-1].hung == reports[-1].due
    assert pressed.world.rate.per_s == 20.0, "a throttled connection slows no other"


def p99(pressed: Pressed, names: list[str]) -> float:
    """When in the last round 99 % of them were reached, in seconds from its start."""
    into_s = sorted(pressed.gateway.received_at_s[name][-1] % INTERVAL_S for name in names)
    return into_s[len(into_s) * 99 // 100]


def test_a_change_of_status_does_not_wait_for_a_round() -> None:
    gateway = PushingBack()

    async def main() -> float:
        pressed = Pressed(gateway, posts_per_second=20.0, viewers=200)
        pressed.begin()
        world = pressed.world
        world.delivery("D-new", version=5, status=Status.NEARBY)
        world.event("D-new", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
        holding = asyncio.create_task(world.run_round(until_s=60))
        await asyncio.sleep(1)
        world.viewer("new", "D-new")
        nudge = TransitionNudge(delivery_id="D-new", version=5)
        for task in await world.nudge_handler().begin(nudge):
            await task
        holding.cancel()
        return gateway.received_at_s["new"][0]

    assert in_virtual_time(main) < 1.1


def test_a_change_of_status_counts_as_two_posts() -> None:
    gateway = PushingBack()

    async def main() -> float:
        world = Pressed(gateway, posts_per_second=20.0, viewers=1).world
        for name in ("a", "b", "c"):
            world.delivery(f"D-{name}", version=5, status=Status.NEARBY)
            world.event(f"D-{name}", 5, Status.NEARBY, Cause.NEAR_DESTINATION)
            for number in range(20):
                world.viewer(f"{name}-{number}", f"D-{name}", token_expires_in_s=3_600)
        handler = world.nudge_handler()
        for name in ("a", "b", "c"):
            nudge = TransitionNudge(delivery_id=f"D-{name}", version=5)
            await asyncio.gather(*await handler.begin(nudge))
        return asyncio.get_running_loop().time()

    assert in_virtual_time(main) >= 2 * 40 / 20.0


def test_each_viewer_is_reached_even_if_positions_exceed_the_post_rate() -> None:
    gateway = PushingBack()
    near = [f"near-{number}" for number in range(15)]

    async def main() -> tuple[Pressed, float]:
        pressed = Pressed(gateway, posts_per_second=10.0, viewers=150)
        pressed.begin()
        world = pressed.world
        for name in near:
            world.delivery(f"D-{name}", status=Status.NEARBY)
            world.viewer(name, f"D-{name}", token_expires_in_s=3_600)
        handler = world.nudge_handler()

        async def flood() -> None:
            async with asyncio.TaskGroup() as nudges:
                while True:
                    for name in near:
                        now_ms = world.clock.now_ms()
                        nudge = PositionNudge(delivery_id=f"D-{name}", event_at_ms=now_ms)
                        nudges.create_task(handler.begin(nudge))
                    await asyncio.sleep(1)

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(5)
        async with asyncio.timeout(150):
            await pressed.rounds(2)
        flooding.cancel()
        return pressed, asyncio.get_running_loop().time()

    pressed, ended_at_s = in_virtual_time(main)

    assert max(pressed.longest_gap_s(name, ended_at_s) for name in pressed.names) <= LONGEST_GAP_S
    assert sum(len(gateway.received_at_s[name]) for name in near) > 4 * ended_at_s
