"""The Python client over the local gateway, which ends its connections at random times."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from rtdts_client import DeliveryTracker, Report, Timing, share_access
from sim.environment import Environment
from sim.local_cloud.launch import LaunchedCloud
from tests.end_to_end.test_client_through_closes import end_connections
from tests.support.waiting import eventually
from tests.support.watched_drive import Drive

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

SEED = 13
CLOSES = 8
COMPRESSED = Timing(replace_after_ms=12_000, replace_jitter_ms=4_000, steady_ms=1_000)
"""Hours become seconds: a connection is replaced after 8 to 12 s."""


class Follower:
    """The client on a loop and thread of its own, and what it reported."""

    def __init__(self, environment: Environment, token: str) -> None:
        self.reports: list[Report] = []
        access = share_access(environment.server_url, token)
        self._tracker = DeliveryTracker(
            environment.websocket_url, access, self.reports.append, timing=COMPRESSED
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._tracker.run())

    @property
    def versions(self) -> list[int]:
        """Of the events that it gave to its application, in that order."""
        return [event.version for report in self.reports for event in report.news.events]

    @property
    def positions(self) -> list[str]:
        """The times of the positions that it gave."""
        return [
            report.delivery.position_at
            for report in self.reports
            if report.news.position and report.delivery and report.delivery.position_at
        ]

    def has_all_of(self, status: str) -> bool:
        delivery = self.reports[-1].delivery
        return (
            delivery is not None
            and delivery.status == status
            and len(self.versions) == delivery.version
        )

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._tracker.stop)
        self._thread.join()


@pytest.fixture
def drive(local_cloud: LaunchedCloud) -> Iterator[Drive]:
    drive = Drive(local_cloud)
    try:
        yield drive
    finally:
        drive.close()


def test_no_event_is_missed_or_given_twice_to_a_program_whatever_is_closed(
    drive: Drive, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(SEED)
    environment = drive.cloud.environment
    follower = Follower(environment, drive.create().partition("#")[2])
    try:
        eventually(lambda: follower.versions)
        drive.start()
        ended = 0
        while ended < CLOSES:
            heard = len(follower.reports) + rng.randrange(1, 4)
            eventually(lambda heard=heard: len(follower.reports) >= heard)
            ended += end_connections(environment, drive.delivery_id)
        eventually(lambda: len(follower.positions) > CLOSES)
        drive.declare("delivered")
        eventually(lambda: follower.has_all_of("delivered"))
        record = drive.call(drive.dispatcher.get, drive.delivery_id)
    finally:
        follower.close()

    assert sorted(follower.versions) == [event.version for event in record.events]
    assert follower.positions == sorted(set(follower.positions))
    heard_ms = [report.true_as_of_ms for report in follower.reports if report.true_as_of_ms]
    gap_s = max(after - before for before, after in pairwise(heard_ms)) / 1000
    record_property("closes", ended)
    record_property("longest_gap_s", gap_s)  # of the machine's speed: told, not judged
