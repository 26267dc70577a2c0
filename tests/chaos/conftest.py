"""How much is killed, starved and stopped, and for how long.

    make chaos                      # in full: an outage of two minutes, another seed each time
    CHAOS_SEED=4711 make chaos      # repeats the run with that seed

The ordinary run is the same, but shorter, and its seed is fixed: a test that fails there does so
because of the change under test, not by chance.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp
import pytest

from rtdts.runtime.wall_clock import now_ms
from sim.drive.five_trucks import DriveOptions, DriveOutcome, Meanwhile, drive_fleet
from sim.drive.simulated_truck import System
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.support.system_settings import DWELL_S
from tests.support.waiting import DEADLINE_S

# So that their failed asserts are reported in detail, as a test's own are.
pytest.register_assert_rewrite("tests.support.drive_checks", "tests.support.stream_load")
pytest.register_assert_rewrite("tests.support.rounds")

PrintLine = Callable[[str], None]


@dataclass(frozen=True)
class Chaos:
    """The extent of the chaos.

    Attributes:
        seed: The seed of everything random.
        drive_s: How long trucks drive while parts are killed.
        kills_each: How often each part is killed, at least.
        outage_s: How long OpenSearch is unavailable.
    """

    seed: int
    drive_s: float
    kills_each: int
    outage_s: float


@pytest.fixture(scope="session")
def chaos() -> Chaos:
    seed = os.environ.get("CHAOS_SEED", "1")
    return Chaos(
        seed=random.SystemRandom().randrange(10_000) if seed == "random" else int(seed),
        drive_s=float(os.environ.get("CHAOS_DRIVE_S", "75")),
        kills_each=int(os.environ.get("CHAOS_KILLS", "2")),
        outage_s=float(os.environ.get("CHAOS_OUTAGE_S", "30")),
    )


@pytest.fixture
def print_line(capsys: pytest.CaptureFixture[str]) -> PrintLine:
    """Prints what was done and measured, also when the test passes."""
    began_s = time.monotonic()

    def print_at_once(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n  {time.monotonic() - began_s:6.1f} s  {text}")
            sys.stdout.flush()

    return print_at_once


@pytest.fixture
async def system(local_cloud: LaunchedCloud) -> AsyncIterator[System]:
    environment = local_cloud.environment
    async with aiohttp.ClientSession() as session:
        yield System(
            environment=environment,
            session=session,
            tokens=TokenClient.of(environment),
            now_ms=now_ms,
        )


async def drive(
    system: System, duration_s: float, print_line: PrintLine, *, seed: int, meanwhile: Meanwhile
) -> DriveOutcome:
    """The five-truck drive, in which the service must see pickups and arrivals by itself."""
    options = DriveOptions(duration_s=duration_s, dwell_s=DWELL_S, seed=seed, wait_s=DEADLINE_S)
    return await drive_fleet(system, options, print_line, meanwhile=meanwhile)
