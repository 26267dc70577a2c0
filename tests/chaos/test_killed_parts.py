"""Repeated kill -9 during the five-truck drive on real parts: nothing is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from rtdts.runtime.wall_clock import now_ms
from sim.drive.five_trucks import DriveOutcome
from sim.drive.simulated_truck import System
from sim.local_cloud.launch import LaunchedCloud
from tests.chaos.conftest import Chaos, PrintLine, drive
from tests.support.drive_checks import assert_nothing_is_lost
from tests.support.parts import CHILD, is_running, processes_of, reported
from tests.support.rounds import assert_rounds_reach
from tests.support.stream_load import StreamLoad, assert_load_is_stored
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

PARTS = ("consumer", CHILD, "broadcaster", "firehose")
READY = {
    "consumer": "record_processor_ready",
    CHILD: "record_processor_ready",
    "broadcaster": "broadcaster_ready",
    "firehose": "firehose_ready",
}
"""The event that a part logs when it works again."""
MARGIN_S = 1.0
"""No kill is planned closer to the first or the last point."""


@dataclass(frozen=True)
class Kill:
    part: str
    process: int
    at_ms: int


class Killer:
    """Kills each part at random times, whatever state the others are in by then.

    Each kill hits a running process: if its part is still unavailable, it waits until the part is
    back. A load in addition to the drive keeps each part busy.
    """

    def __init__(
        self, cloud: LaunchedCloud, load: StreamLoad, chaos: Chaos, print_line: PrintLine
    ) -> None:
        self._cloud = cloud
        self._load = load
        self._rng = random.Random(chaos.seed)
        self._print_line = print_line
        self.plan = plan_kills(self._rng, chaos)
        self.kills: list[Kill] = []
        self._spent: set[int] = set()

    async def run(self) -> None:
        with self._load:
            began_s = asyncio.get_running_loop().time()
            await asyncio.gather(*(self._kill_part(part, began_s) for part in PARTS))

    async def _kill_part(self, part: str, began_s: float) -> None:
        for planned_s in self.plan[part]:
            await asyncio.sleep(began_s + planned_s - asyncio.get_running_loop().time())
            process = await asyncio.to_thread(self._kill, part)
            self._print_line(
                f"kill -9 {part} ({process}), planned at {planned_s:.1f} s of the drive"
            )

    def _kill(self, part: str) -> int:
        while True:
            running = eventually(
                lambda: [
                    one
                    for one in processes_of(self._cloud, part)
                    if one not in self._spent and is_running(one)
                ]
            )
            process = self._rng.choice(running)
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:  # it ended with another that was killed
                continue
            self._spent.update(running)  # a child's sibling ends with it
            self.kills.append(Kill(part, process, now_ms()))
            return process


def plan_kills(rng: random.Random, chaos: Chaos) -> dict[str, list[float]]:
    """Seconds into the drive, by part: spread over all of it, in random order.

    The daemon and its children end together and take seconds to restart, so another part is killed
    between two of them: otherwise most kills would hit a consumer that has no work yet.
    """
    consumers, others = (
        rng.sample(pair, counts=[chaos.kills_each] * 2, k=2 * chaos.kills_each)
        for pair in (("consumer", CHILD), ("broadcaster", "firehose"))
    )
    turns = [part for both in zip(others, consumers, strict=True) for part in both]
    slot_s = (chaos.drive_s - 2 * MARGIN_S) / len(turns)
    plan: dict[str, list[float]] = {part: [] for part in PARTS}
    for number, part in enumerate(turns):
        plan[part].append(MARGIN_S + (number + rng.random()) * slot_s)
    return plan


async def test_parts_killed_at_any_moment_of_a_drive_lose_nothing(
    local_cloud: LaunchedCloud, system: System, chaos: Chaos, print_line: PrintLine
) -> None:
    print_line(f"CHAOS_SEED={chaos.seed} CHAOS_DRIVE_S={chaos.drive_s:g}")
    began_ms = now_ms()
    load = StreamLoad(local_cloud.environment)
    killer = Killer(local_cloud, load, chaos, print_line)
    outcome = await drive(system, chaos.drive_s, print_line, seed=chaos.seed, meanwhile=killer.run)
    unavailable = {part: times_unavailable(local_cloud, killer.kills, part) for part in PARTS}
    for part, times in unavailable.items():
        lengths_s = ", ".join(f"{(to_ms - from_ms) / 1000:.1f}" for from_ms, to_ms in times)
        print_line(f"{part}: killed, it worked again after {lengths_s} s")
    for customer, figures in outcome.verdict.gaps.items():
        print_line(f"{customer}: gaps between messages p50/p99/longest {figures}")

    counts = Counter(kill.part for kill in killer.kills)
    assert all(count >= chaos.kills_each for count in counts.values())
    assert {kill.part for kill in killer.kills} == set(PARTS)
    first_ms, last_ms = span_of(outcome)
    assert all(first_ms < kill.at_ms < last_ms for kill in killer.kills)
    assert_nothing_is_lost(system.environment, outcome)
    await assert_load_is_stored(system, load)
    gaps = {truck.customer_id: truck.gaps for truck in outcome.trucks}
    assert_rounds_reach(local_cloud, gaps, print_line, since_ms=began_ms)


def span_of(outcome: DriveOutcome) -> tuple[int, int]:
    """When the first accepted point was made, and the last."""
    times_ms = [fix.recorded_at_ms for truck in outcome.trucks for fix in truck.accepted.values()]
    return min(times_ms), max(times_ms)


def times_unavailable(
    cloud: LaunchedCloud, kills: Sequence[Kill], part: str
) -> list[tuple[int, int]]:
    """From each death of a part to when the next one was ready, in milliseconds."""
    log = "consumer" if part == CHILD else part
    times = []
    for kill in kills:
        if kill.part == part:
            ready = eventually(partial(reported, cloud, log, READY[part], since_ms=kill.at_ms))
            times.append((kill.at_ms, ready[0]["at_ms"]))
    return times
