"""OpenSearch stopped under load: all parts wait, none grows or gives up, nothing is lost."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from rtdts.runtime.wall_clock import now_ms
from sim.drive.simulated_truck import System
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.chaos.conftest import Chaos, PrintLine, drive
from tests.support.drive_checks import assert_nothing_is_lost
from tests.support.http_client import ApiClient
from tests.support.parts import CHILD, deaths_of, held_down, memory_mb, processes_of, reported
from tests.support.rounds import assert_rounds_reach
from tests.support.stream_load import StreamLoad, assert_load_is_stored
from tests.support.viewer_client import Viewer
from tests.support.waiting import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

AROUND_S = 15.0
"""How much longer than the outage the trucks drive: they send before, during and after it."""
SAMPLE_EVERY_S = 1.0

MAY_GROW_MB: Mapping[str, float] = {
    "consumer": 128.0,
    CHILD: 64.0,
    "broadcaster": 32.0,
    "firehose": 64.0,
}
"""By how much each may grow, however long the outage. The daemon reads three batches ahead for
each shard and no further, 8 MB each at most; the rest is what a JVM takes before it collects. A
child has one batch, at most 2,000 records of two points of some 10 KB each when enriched. The
broadcaster collects nothing. Firehose reads 5 MB, 5 s of this load, and waits."""


class Outage:
    """An outage of OpenSearch, and how it affects the parts and a new customer.

    Attributes:
        from_ms, to_ms: When it was unavailable.
        grown_mb: The most by which a process of each part grew meanwhile.
        deaths: How often each part ended meanwhile.
        received: The messages of a customer that began to track meanwhile.
    """

    def __init__(
        self, cloud: LaunchedCloud, load: StreamLoad, lasts_s: float, print_line: PrintLine
    ) -> None:
        self.from_ms = self.to_ms = 0
        self.grown_mb: dict[str, float] = dict.fromkeys(MAY_GROW_MB, 0.0)
        self.deaths: dict[str, int] = {}
        self.received: list[dict[str, Any]] = []
        self._cloud = cloud
        self._load = load
        self._lasts_s = lasts_s
        self._print_line = print_line

    async def pass_by(self) -> None:
        """From before it to when OpenSearch works again."""
        await asyncio.to_thread(self._pass_by)

    def _pass_by(self) -> None:
        # The load lasts from before to after it; then even a slow machine must catch up.
        with self._load:
            began_ms = now_ms()
            for part, event in (("consumer", "batch"), ("firehose", "delivered")):
                eventually(partial(reported, self._cloud, part, event, since_ms=began_ms))
            self._be_without_opensearch()
        self._print_line("OpenSearch is back")

    def _be_without_opensearch(self) -> None:
        deaths = self._deaths()
        before_mb = self._memory_mb()
        put = self._load.count
        with held_down(self._cloud, "opensearch"), ThreadPoolExecutor(1) as pool:
            self._print_line("OpenSearch is unavailable")
            self.from_ms, ends_s = now_ms(), time.monotonic() + self._lasts_s
            listening = pool.submit(self._track_something_new)
            while time.monotonic() < ends_s or not listening.done():
                time.sleep(SAMPLE_EVERY_S)
                self._weigh(before_mb)
            listening.result()
            self.to_ms = now_ms()
            self.deaths = {part: n - deaths[part] for part, n in self._deaths().items()}
            self._print_line(
                f"OpenSearch may come back; {self._load.count - put} points came meanwhile"
            )

    def _deaths(self) -> dict[str, int]:
        # A child's death is its daemon's.
        return {part: deaths_of(self._cloud, part) for part in MAY_GROW_MB if part != CHILD}

    def _memory_mb(self) -> dict[tuple[str, int], float]:
        return {
            (part, process): memory_mb(process)
            for part in MAY_GROW_MB
            for process in processes_of(self._cloud, part)
        }

    def _weigh(self, before_mb: Mapping[tuple[str, int], float]) -> None:
        for (part, process), now_mb in self._memory_mb().items():
            grown_mb = now_mb - before_mb.get((part, process), now_mb)
            self.grown_mb[part] = max(self.grown_mb[part], grown_mb)

    def _track_something_new(self) -> None:
        """Everything that a customer is promised without a position."""
        delivery_id, customer_id = (f"{kind}-{uuid.uuid4().hex[:10]}" for kind in "DC")
        environment = self._cloud.environment
        api, tokens = ApiClient(environment.server_url), TokenClient.of(environment)
        dispatcher, path = tokens.token("dispatcher", "ann"), f"/deliveries/{delivery_id}"
        plan = {
            # It was seen before, so that there would be a position to show.
            "truck_id": next(iter(self._load.points)),
            "customer_id": customer_id,
            "origin": {"lat": 36.0, "lon": 129.0},
            "destination": {"lat": 37.0, "lon": 129.0},
        }
        assert api("PUT", path, token=dispatcher, body=plan).status == 201
        token = tokens.token("customer", customer_id)
        with Viewer(environment.websocket_url, token=token) as viewer:
            viewer.track(delivery_id)
            viewer.wait_for_type("snapshot", status="assigned")
            headers = {"Idempotency-Key": "k"}
            picked_up = api("POST", f"{path}/events", token=dispatcher, headers=headers,
                            body={"type": "picked_up"})  # fmt: skip
            assert picked_up.status == 201
            viewer.wait_for_type("status", status="in_transit")
            viewer.wait_for_type("position", status="in_transit")
            self.received = viewer.messages


async def test_an_outage_of_opensearch_loses_nothing_and_ends_no_part(
    local_cloud: LaunchedCloud, system: System, chaos: Chaos, print_line: PrintLine
) -> None:
    print_line(f"CHAOS_OUTAGE_S={chaos.outage_s:g}")
    began_ms = now_ms()
    load = StreamLoad(local_cloud.environment)
    outage = Outage(local_cloud, load, chaos.outage_s, print_line)
    duration_s = chaos.outage_s + AROUND_S
    outcome = await drive(system, duration_s, print_line, seed=1, meanwhile=outage.pass_by)
    print_line(f"{load.count} points straight into the stream, {load.rate:.0f} per second")
    grown = ", ".join(f"{part} {mb:.0f}" for part, mb in outage.grown_mb.items())
    print_line(f"grown meanwhile, in MB: {grown}")
    for customer, figures in outcome.verdict.gaps.items():
        print_line(f"{customer}: gaps between messages p50/p99/longest {figures}")

    assert_nothing_is_lost(system.environment, outcome)
    await assert_load_is_stored(system, load)
    print_line("the backlog is drained")
    assert outage.deaths == {"consumer": 0, "broadcaster": 0, "firehose": 0}
    assert {part: mb for part, mb in outage.grown_mb.items() if mb > MAY_GROW_MB[part]} == {}
    assert all(message.get("position") is None for message in outage.received)
    during = {
        truck.customer_id: [
            gap for gap in truck.gaps if gap.to_ms > outage.from_ms and gap.from_ms < outage.to_ms
        ]
        for truck in outcome.trucks
    }
    assert_rounds_reach(local_cloud, during, print_line, since_ms=began_ms)
