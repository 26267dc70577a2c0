"""Kill -9 of the MQTT broker, the bridge and both, under load: all acknowledged points are stored.

The ordinary run kills four times, `make chaos` twenty times (CHAOS_MQTT_KILLS).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import random
import secrets
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from rtdts.runtime.wall_clock import now_ms
from sim.drive.simulated_truck import System
from sim.drive.stores import StoreReader
from sim.fleet.device import Fix
from sim.fleet.http_poster import http_poster
from sim.fleet.mqtt_poster import MqttPoster
from sim.fleet.uploader import Uploader
from sim.local_cloud.launch import LaunchedCloud
from tests.chaos.conftest import Chaos, PrintLine
from tests.support.drive_checks import documents_of
from tests.support.fleet import fix
from tests.support.parts import processes_of, reported
from tests.support.waiting import DEADLINE_S, eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

BROKER, BRIDGE = "mqtt-broker", "mqtt-bridge"
KILLED = ((BRIDGE,), (BROKER,), (BROKER, BRIDGE))
KILLS = int(os.environ.get("CHAOS_MQTT_KILLS", "4"))
TRUCKS = 4
EVERY_S = 0.05
POINTS_PER_REQUEST = 40
"""Over HTTP: one request per point would exceed a truck's quota of requests, and then wait."""
ACKNOWLEDGED_BETWEEN = (20, 150)
"""How many points, at least and at most, are acknowledged between one kill and the next."""


class Truck:
    """A truck that sends each point four times: over MQTT and over HTTP, twice each."""

    def __init__(self, system: System, rng: random.Random) -> None:
        self.truck_id = f"T-{secrets.token_hex(4)}"
        self.fixes: dict[str, Fix] = {}
        self.results: list[Mapping[str, Any]] = []
        self._rng = rng
        self._poster = MqttPoster(system.environment.mqtt_url, self.truck_id, self.results.append)
        tokens = system.identity("truck", self.truck_id)
        self.mqtt = Uploader(self._poster, tokens)
        self.http = Uploader(http_poster(system.session, system.environment.server_url), tokens)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Sends in the block, and afterwards until all is settled."""
        uploads = [asyncio.create_task(upload.run()) for upload in (self.mqtt, self.http)]
        making = asyncio.create_task(self._make())
        try:
            yield
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
            async with asyncio.timeout(DEADLINE_S):
                await asyncio.gather(self.mqtt.settled(), self.http.settled())
        finally:
            for task in (making, *uploads):
                task.cancel()
            await asyncio.gather(making, *uploads, return_exceptions=True)
            await self._poster.close()

    async def _make(self) -> None:
        for_http: list[Fix] = []
        try:
            while True:
                fix = self._fix(len(self.fixes))
                self.fixes[fix.id] = fix
                again = self._rng.choice(list(self.fixes.values()))
                self.mqtt.offer([fix, again])
                for_http += [fix, again]
                if len(for_http) >= 2 * POINTS_PER_REQUEST:
                    self.http.offer(for_http)
                    for_http = []
                await asyncio.sleep(EVERY_S)
        finally:
            self.http.offer(for_http)

    def _fix(self, seq: int) -> Fix:
        return dataclasses.replace(
            fix(seq),
            truck_id=self.truck_id,
            recorded_at_ms=now_ms(),
            lat=35.17 + seq * 1e-5,
            lon=129.13,
            speed_mps=10.0,
        )


async def test_each_message_acknowledged_over_mqtt_is_in_the_history_once(
    local_cloud: LaunchedCloud, system: System, chaos: Chaos, print_line: PrintLine
) -> None:
    rng = random.Random(chaos.seed)
    trucks = [Truck(system, rng) for _ in range(TRUCKS)]
    async with contextlib.AsyncExitStack() as sending:
        for truck in trucks:
            await sending.enter_async_context(truck.sending())
        for number in range(KILLS):
            await _acknowledged(trucks, rng.randint(*ACKNOWLEDGED_BETWEEN))
            parts = KILLED[number % len(KILLED)]
            at_ms = now_ms()
            for part in parts:
                await asyncio.to_thread(_kill, local_cloud, part)
            ready = await asyncio.to_thread(
                eventually,
                lambda at_ms=at_ms: reported(local_cloud, BRIDGE, "bridge_ready", since_ms=at_ms),
            )
            away_s = (ready[0]["at_ms"] - at_ms) / 1000
            print_line(
                f"kill -9 {' and '.join(parts)}: the bridge worked again after {away_s:.1f} s"
            )
        await _acknowledged(trucks, ACKNOWLEDGED_BETWEEN[0])

    ids = {truck.truck_id: list(truck.fixes) for truck in trucks}
    total = sum(map(len, ids.values()))
    reader = StoreReader(system.session, system.environment.opensearch_url)
    async with asyncio.timeout(DEADLINE_S):
        while len((await reader.count(ids)).in_history) < total:  # noqa: ASYNC110 - a store
            await asyncio.sleep(1)
    failures = sum(truck.mqtt.report.failures for truck in trucks)
    print_line(f"{total} points, each over MQTT and HTTP, twice each; {failures} publishes failed")

    for truck in trucks:
        for upload in (truck.mqtt, truck.http):
            assert upload.report.accepted.keys() == truck.fixes.keys()
            assert upload.report.rejected == []
            assert upload.report.repeats_accepted > 0
        assert documents_of(system.environment, truck.truck_id) == len(truck.fixes)
        assert not [one for one in truck.results if one["rejected"] or "reason" in one]
        assert truck.results


async def _acknowledged(trucks: list[Truck], more: int) -> None:
    """Waits until the broker has acknowledged that many more points."""
    enough = sum(len(truck.mqtt.report.accepted) for truck in trucks) + more
    async with asyncio.timeout(DEADLINE_S):
        while sum(len(one.mqtt.report.accepted) for one in trucks) < enough:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _kill(cloud: LaunchedCloud, part: str) -> None:
    (process,) = eventually(lambda: processes_of(cloud, part))
    os.kill(process, signal.SIGKILL)
