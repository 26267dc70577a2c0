"""The customer's page before the whole local cloud: a truck drives, and its page shows it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import aiohttp
import pytest
from playwright.sync_api import Page, expect

from rtdts.runtime import wall_clock
from rtdts.tracking.geodesy import distance_m
from sim.drive.crew import Crew, System
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.route_library import load_routes
from sim.fleet.trips import Trip, TripTimes, plan_trips
from sim.local_cloud.launch import LaunchedCloud
from sim.token_client import TokenClient
from tests.browser.conftest import OpenPage
from tests.support.browser import WITHIN_MS, artifact, complaints_of
from tests.support.pace import DWELL_S

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
expect.set_options(timeout=WITHIN_MS)

WITHIN_THE_DRIVE_MS = 240_000
TRIP_S = 75.0
NEAR_M = 60.0
"""From the marker to the truck's fixes: the page may be a little behind."""

numbers = count(1)


class Drive:
    """A truck and what a dispatcher does, on a loop and thread of their own."""

    def __init__(self, cloud: LaunchedCloud) -> None:
        self.cloud = cloud
        number = next(numbers)
        self.delivery_id = f"D-page-{number}"
        self.truck_id = f"T-page-{number}"
        self.customer_id = f"C-page-{number}"
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
        self.crew: Crew | None = None
        self._running: list[asyncio.Task[Any]] = []

    @staticmethod
    async def _open() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    def call(self, work: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """Runs a coroutine function there; returns its result."""
        return asyncio.run_coroutine_threadsafe(work(*args, **more), self._loop).result(180)

    def create(self) -> str:
        """A delivery that is shared; its link."""
        place = {"origin": self.trip.origin, "destination": self.trip.destination}
        self.call(
            self.dispatcher.put,
            self.delivery_id,
            truck_id=self.truck_id,
            customer_id=self.customer_id,
            stop_sequence=1,
            **place,
        )
        token = self.call(self.dispatcher.share, self.delivery_id)
        return f"{self.cloud.environment.web_url}/#{token}"

    def start(self) -> None:
        """The truck begins to drive."""

        async def begin() -> None:
            device = Device(self.truck_id, DeviceProfile(), random.Random(7))
            self.crew = Crew(self._system, device, self.customer_id)
            self.crew.delivery_ids.append(self.delivery_id)
            self._running = [
                asyncio.create_task(self.crew.run()),
                asyncio.create_task(self.crew.drive(self.trip, wall_clock.now_ms(), by_rule=True)),
            ]

        self.call(begin)

    def declare(self, kind: str) -> None:
        """What no sensor knows."""
        key = f"{self.delivery_id}.{kind}"
        now_ms = wall_clock.now_ms()
        self.call(self.dispatcher.declare, self.delivery_id, kind, at_ms=now_ms, key=key)

    def nearest_m(self, lat: float, lon: float) -> float:
        """From a place to the nearest of the truck's fixes."""
        assert self.crew is not None
        fixes = list(self.crew.fixes.values())
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


@pytest.fixture
def drive(local_cloud: LaunchedCloud) -> Iterator[Drive]:
    drive = Drive(local_cloud)
    try:
        yield drive
    finally:
        drive.close()


def headline(page: Page) -> Any:
    return expect(page.locator(".headline"))


def marker_of(page: Page) -> tuple[float, float]:
    text = page.locator(".canvas").get_attribute("data-marker") or ""
    lat, lon = text.split(",")
    return float(lat), float(lon)


def test_a_drive_is_seen_from_its_first_move_to_its_end(drive: Drive, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    complaints = complaints_of(page)
    page.goto(drive.create())
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    drive.start()

    headline(page).to_have_text("On the way to you", timeout=WITHIN_THE_DRIVE_MS)
    expect(page.locator(".canvas[data-marker]")).to_be_visible()
    expect(page.locator(".age")).to_contain_text("ago")
    assert drive.nearest_m(*marker_of(page)) < NEAR_M
    kill_the_broadcaster(drive.cloud)
    headline(page).to_have_text("At the destination", timeout=WITHIN_THE_DRIVE_MS)
    page.screenshot(path=artifact("customer-of-a-drive.png"))
    drive.declare("delivered")
    headline(page).to_have_text("Delivered")
    steps = page.locator(".history li").evaluate_all("all => all.map((li) => li.dataset.status)")
    assert steps[0] == "delivered"
    assert {"assigned", "in_transit", "arrived"} <= set(steps)
    assert complaints == []


def test_a_cancellation_reaches_the_page(drive: Drive, open_page: OpenPage) -> None:
    page = open_page(drive.create())
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator("[data-connection=fine]")).to_be_attached()
    drive.declare("cancelled")

    headline(page).to_have_text("The delivery was cancelled")


def test_a_revoked_share_ends_the_page_and_opens_no_other(
    drive: Drive, open_page: OpenPage
) -> None:
    link = drive.create()
    page = open_page(link)
    headline(page).to_have_text("A truck is assigned")
    expect(page.locator(".history li")).to_have_count(1)
    (share,) = drive.call(drive.dispatcher.shares, drive.delivery_id)
    drive.call(drive.dispatcher.revoke, drive.delivery_id, share)

    expect(page.locator(".notices")).to_contain_text(
        "expired or was revoked", timeout=WITHIN_THE_DRIVE_MS
    )
    headline(open_page(link)).to_have_text("This link is not valid, has expired or was revoked.")


def test_a_strangers_fragment_shows_nothing(drive: Drive, open_page: OpenPage) -> None:
    link = drive.create()
    page = open_page(link[:-4] + "0000")

    headline(page).to_have_text("This link is not valid, has expired or was revoked.")


def test_first_status_and_first_position_are_measured(drive: Drive, open_page: OpenPage) -> None:
    link = drive.create()
    warm = open_page(link)  # the Lambdas start
    drive.start()
    headline(warm).to_have_text("On the way to you", timeout=WITHIN_THE_DRIVE_MS)
    seen = """
    const note = (name, selector) => {
      if (window[name] === undefined && document.querySelector(selector)) {
        window[name] = performance.now();
      }
    };
    new MutationObserver(() => {
      note('firstStatusMs', '.headline:not([data-status=""])');
      note('firstPositionMs', '.age');
    }).observe(document, {subtree: true, childList: true, attributes: true});
    """
    page = open_page(link, init=seen)  # a context of its own: nothing is cached
    expect(page.locator(".age")).to_be_visible()
    times = page.evaluate("({status: window.firstStatusMs, position: window.firstPositionMs})")
    artifact("times.json").write_text(json.dumps(times) + "\n")

    assert 0 < times["status"] <= times["position"]


def kill_the_broadcaster(cloud: LaunchedCloud) -> None:
    pid = int((cloud.run_dir / "broadcaster.pid").read_text())
    os.kill(pid, signal.SIGKILL)
