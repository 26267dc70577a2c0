"""The demo's trucks: delivery after delivery on real roads, each watched by its customer."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from sim.drive.background import run_with_background
from sim.drive.customer_log import CustomerLog
from sim.drive.demo_view import DemoSummary, Row, row_of, summarise
from sim.drive.intruders import Intruder
from sim.drive.simulated_truck import SimulatedTruck, System, Transport
from sim.environment import console_url
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.route_library import load_routes
from sim.fleet.trips import Trip, TripTimes, plan_trips

TRIP_S = 180.0
SHORTEST_TRIP_S = 45.0

HAND_OVER_S = 12.0
"""Time left for the last hand-over before the end of a demo with a time limit."""

NOTIFY_WITHIN_S = 30.0

MQTT_TRUCK = 1
"""Index of the truck that sends over MQTT; the others use HTTP."""


@dataclass(frozen=True)
class DemoOptions:
    """What to show.

    Attributes:
        trucks: Number of trucks.
        dwell_s: The dwell setting of the local cloud.
        seconds: Duration from the first truck's start; None until it is stopped.
        seed: Seed of all random choices.
    """

    trucks: int = 5
    dwell_s: float = 5.0
    seconds: float | None = None
    seed: int = 1

    @property
    def trip_times(self) -> TripTimes:
        """Times of each trip; with a time limit, the first delivery is handed over before it."""
        trip_s = TRIP_S
        if self.seconds is not None:
            trip_s = min(trip_s, max(SHORTEST_TRIP_S, self.seconds - HAND_OVER_S))
        return TripTimes(trip_s, self.dwell_s + 2.0)


class Demo:
    """Trucks, customers and an intruder, until stopped.

    Attributes:
        trucks: The trucks with their customers.
        started: Set when the first truck drives.
        shared: Set when each truck's delivery has a link, where pages are served.
    """

    def __init__(self, system: System, options: DemoOptions) -> None:
        routes = load_routes(folder="demo_routes")
        self._system = system
        self._options = options
        self._run = secrets.token_hex(2)
        self._routes = [routes[number % len(routes)] for number in range(options.trucks)]
        self.trucks = [self._simulated_truck(number) for number in range(options.trucks)]
        self.started = asyncio.Event()
        self.shared = asyncio.Event()
        self._dispatcher = system.deliveries("dispatcher", "sim")
        self._links: dict[str, str] = {}
        if not system.environment.web_url:
            self.shared.set()
        log = CustomerLog("C-stranger", own=())
        self._watched: list[str] = []
        self._intruder = Intruder(
            log.customer_id,
            self._watched,
            log,
            system.viewer("customer", f"C-{self._run}-stranger", log),
        )

    async def run(self) -> None:
        """Drive until cancelled.

        Raises:
            ApiError: A delivery could not be created.
            TokenError: There are no tokens.
            HandshakeRejectedError: A socket that should open was rejected.
        """
        await run_with_background(
            self._end(),
            *(
                self._deliver(truck, trips)
                for truck, trips in zip(self.trucks, self._trips(), strict=True)
            ),
            *(truck.run() for truck in self.trucks),
            self._intruder.run(),
        )

    @property
    def doing(self) -> str:
        """The current phase, in a few words."""
        if self.started.is_set():
            return "trucks drive"
        seen = sum(bool(truck.log.statuses) for truck in self.trucks)
        return f"deliveries are created, customers connect: {seen} of {len(self.trucks)}"

    @property
    def links(self) -> list[str]:
        """The customer's page of each truck's current delivery, by truck."""
        return [
            self._links[truck.truck_id] for truck in self.trucks if truck.truck_id in self._links
        ]

    @property
    def console(self) -> str:
        """URL of the dispatcher's console; empty where no pages are served."""
        return console_url(self._system.environment.web_url)

    def rows(self) -> list[Row]:
        """One row per truck: what its customer sees now."""
        now_ms = self._system.now_ms()
        return [
            row_of(truck, route.name, self._intruder.log.rejected, now_ms)
            for truck, route in zip(self.trucks, self._routes, strict=True)
        ]

    def summary(self) -> DemoSummary:
        """The summary so far."""
        log = self._intruder.log
        return summarise(self.trucks, log.rejected, len(log.foreign))

    async def _end(self) -> None:
        """Returns at the demo's end: a set time after the first truck's start, or never."""
        await self.started.wait()
        if self._options.seconds is None:
            await asyncio.Event().wait()
        else:
            await self._system.sleep(self._options.seconds)

    async def _deliver(self, truck: SimulatedTruck, trips: Iterator[Trip]) -> None:
        for number in count(1):
            delivery_id = f"D-{self._run}-{truck.truck_id.rpartition('-')[2]}.{number}"
            trip = next(trips)
            await truck.start_delivery(delivery_id, trip, within_s=NOTIFY_WITHIN_S)
            await self._share(truck, delivery_id)
            self._watched.append(delivery_id)
            self.started.set()
            await truck.drive(trip, self._system.now_ms(), by_rule=True)
            await truck.complete_delivery(by_rule=True, within_s=NOTIFY_WITHIN_S)
            await truck.customer.untrack(delivery_id)
            self._watched.remove(delivery_id)

    async def _share(self, truck: SimulatedTruck, delivery_id: str) -> None:
        page = self._system.environment.web_url
        if page:
            token = await self._dispatcher.share(delivery_id)
            self._links[truck.truck_id] = f"{page}/#{token}"
            if len(self._links) == len(self.trucks):
                self.shared.set()

    def _trips(self) -> list[Iterator[Trip]]:
        return [
            plan_trips(route, self._options.trip_times, rng=self._rng("trips", number))
            for number, route in enumerate(self._routes)
        ]

    def _simulated_truck(self, number: int) -> SimulatedTruck:
        name = f"{self._run}-{number + 1}"
        device = Device(f"T-{name}", DeviceProfile(), self._rng("device", number))
        has_broker = bool(self._system.environment.mqtt_url)
        transport: Transport = "mqtt" if number == MQTT_TRUCK and has_broker else "http"
        return SimulatedTruck(self._system, device, f"C-{name}", transport=transport)

    def _rng(self, what: str, number: int) -> random.Random:
        return random.Random(f"{self._options.seed}.{what}.{number}")
