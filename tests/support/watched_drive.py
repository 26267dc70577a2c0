"""A truck with its delivery in the local cloud, for tests of pages and clients that follow it."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import secrets
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import aiohttp

from rtdts.runtime import wall_clock
from rtdts.tracking.geodesy import distance_m
from sim.drive.simulated_truck import SimulatedTruck, System
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.route_library import load_routes
from sim.fleet.trips import Trip, TripTimes, plan_trips
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.support.system_settings import DWELL_S

TRIP_S = 75.0
POOR_ACCURACY_M = 500.0
"""Accuracy of a fix that the service does not show."""

numbers = count(1)


class Drive:
    """A truck and a dispatcher's requests, on their own loop and thread."""

    def __init__(self, cloud: LaunchedCloud) -> None:
        self.cloud = cloud
        number = next(numbers)
        name = f"watched-{secrets.token_hex(2)}-{number}"
        self.delivery_id, self.truck_id, self.customer_id = f"D-{name}", f"T-{name}", f"C-{name}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._session: aiohttp.ClientSession = self.call(self._open)
        environment = cloud.environment
        self._system = System(
            environment=environment,
            session=self._session,
            tokens=TokenClient.of(environment),
            now_ms=wall_clock.now_ms,
        )
        self.dispatcher = self._system.deliveries("dispatcher", "page-tests")
        route = load_routes(folder="demo_routes")[number % 5]
        times = TripTimes(TRIP_S, DWELL_S + 2.0)
        self.trip: Trip = next(plan_trips(route, times, rng=random.Random(number)))
        self.truck: SimulatedTruck | None = None
        self._driving: asyncio.Task[None] | None = None
        self._running: list[asyncio.Task[Any]] = []

    @staticmethod
    async def _open() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    def call(self, work: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """Runs a coroutine function on the loop, and returns its result."""
        return asyncio.run_coroutine_threadsafe(work(*args, **more), self._loop).result(180)

    def create(self) -> str:
        """Creates a delivery and a share, and returns the link."""
        place = {"origin": self.trip.origin, "destination": self.trip.destination}
        self.call(
            self.dispatcher.put,
            self.delivery_id,
            truck_id=self.truck_id,
            customer_id=self.customer_id,
            stop_sequence=1,
            **place,
        )
        self.link = self.share()
        return self.link

    def share(self, **options: Any) -> str:
        """Creates another share of the delivery, and returns the link."""
        token = self.call(self.dispatcher.share, self.delivery_id, **options)
        return f"{self.cloud.environment.web_url}/#{token}"

    def start(self) -> None:
        """Starts the truck's drive."""

        async def begin() -> None:
            device = Device(self.truck_id, DeviceProfile(), random.Random(7))
            self.truck = SimulatedTruck(self._system, device, self.customer_id)
            self.truck.delivery_ids.append(self.delivery_id)
            driving = self.truck.drive(self.trip, wall_clock.now_ms(), by_rule=True)
            self._driving = asyncio.create_task(driving)
            self._running = [asyncio.create_task(self.truck.run()), self._driving]

        self.call(begin)

    def end_with_a_bad_fix(self) -> None:
        """Waits for the trip's last fix, and sends a bad one after it: the position is stale from
        then on, as no other fix follows.
        """
        truck, driving = self.truck, self._driving
        assert truck is not None
        assert driving is not None

        async def send() -> None:
            await driving
            last = max(truck.fixes.values(), key=lambda fix: fix.recorded_at_ms)
            bad = dataclasses.replace(
                last,
                seq=last.seq + 1,
                recorded_at_ms=last.recorded_at_ms + 1000,
                accuracy_m=POOR_ACCURACY_M,
            )
            truck.uploader.offer([bad])

        self.call(send)

    def declare(self, kind: str, **options: Any) -> None:
        """Declares an event that no sensor detects."""
        key = f"{self.delivery_id}.{kind}"
        now_ms = wall_clock.now_ms()
        self.call(self.dispatcher.declare, self.delivery_id, kind, at_ms=now_ms, key=key, **options)

    def nearest_m(self, lat: float, lon: float) -> float:
        """Returns the distance from a place to the nearest of the truck's fixes."""
        assert self.truck is not None
        fixes = list(self.truck.fixes.values())
        return min(distance_m(lat, lon, fix.lat, fix.lon) for fix in fixes)

    def close(self) -> None:
        async def end() -> None:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
            await self._session.close()

        self.call(end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
