"""One truck with its driver's app and its customer's app."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from rtdts.tracking.deliveries import BEFORE_PICKUP, CLOSED, Status
from rtdts_client import customer_access
from sim.drive.access import IdentityTokens
from sim.drive.background import run_with_background
from sim.drive.customer_log import CustomerLog
from sim.drive.deliveries_api import ApiError, DeliveriesApi, DeliveryRecord
from sim.environment import Environment
from sim.fleet.device import Device, Fix
from sim.fleet.http_poster import http_poster
from sim.fleet.iot_poster import IotPoster
from sim.fleet.motion import Motion, Stationary
from sim.fleet.mqtt_poster import MqttPoster
from sim.fleet.trips import Trip
from sim.fleet.uploader import Poster, Uploader
from sim.local_cloud.iot_ingest import RULE, data_plane
from sim.token_client import TokenClient
from sim.viewers.connection import socket_opener
from sim.viewers.customer import Customer
from sim.viewers.viewer import Viewer

Transport = Literal["http", "mqtt", "iot"]

BEFORE_DWELL = frozenset({Status.ASSIGNED, Status.EN_ROUTE_TO_PICKUP})

STATIONARY_REPORT_S = 4.0
"""A truck that must stay at its destination reports in stretches of this length."""

UNSURE_S = 5.0
"""How long to wait for an arrival that the service may miss because its dwell is too long."""


@dataclass(frozen=True)
class System:
    """The system under test, and the clocks of the drive."""

    environment: Environment
    session: aiohttp.ClientSession
    tokens: TokenClient
    now_ms: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def identity(self, role: str, identity: str) -> IdentityTokens:
        """The tokens of an identity."""
        return IdentityTokens(self.tokens, role, identity)

    def deliveries(self, role: str, identity: str) -> DeliveriesApi:
        """``/deliveries`` as an identity sees it."""
        return DeliveriesApi(
            self.session,
            self.environment.server_url,
            self.identity(role, identity),
            sleep=self.sleep,
        )

    def customer(self, identity: str, log: CustomerLog) -> Customer:
        """A customer's app that reports to a log."""
        environment, tokens = self.environment, self.identity("customer", identity)
        return Customer(
            environment.websocket_url,
            lambda delivery_id: customer_access(environment.server_url, delivery_id, tokens),
            on_message=log.receive,
            now_ms=self.now_ms,
        )

    def viewer(self, role: str, identity: str, log: CustomerLog) -> Viewer:
        """A socket of any identity that reports to a log."""
        return Viewer(
            socket_opener(self.environment.websocket_url),
            self.identity(role, identity),
            on_message=log.receive,
            now_ms=self.now_ms,
            sleep=self.sleep,
        )


class SimulatedTruck:
    """A truck and its customer, over one or more deliveries.

    Attributes:
        truck_id: The truck.
        customer_id: Its customer.
        delivery_ids: All so far; the last is the current one.
        fixes: Every fix made, by its id.
        log: The messages that the customer received.
        uploader: Sends the truck's points to the service.
        transport: The transport that its points use.
        results: Over MQTT, how many results the truck received.
        customer: The customer's app.
        failures: What the driver could not do, as text for people.
    """

    def __init__(
        self,
        system: System,
        device: Device,
        customer_id: str,
        *,
        compress: bool = False,
        transport: Transport = "http",
    ) -> None:
        self.truck_id = device.truck_id
        self.customer_id = customer_id
        self.delivery_ids: list[str] = []
        self.fixes: dict[str, Fix] = {}
        self.log = CustomerLog(customer_id, self.delivery_ids)
        self.customer = system.customer(customer_id, self.log)
        self.transport = transport
        self.results = 0
        self._closing = contextlib.AsyncExitStack()
        self.uploader = Uploader(
            self._poster(system),
            system.identity("truck", self.truck_id),
            compress=compress,
            sleep=system.sleep,
        )
        self.failures: list[str] = []
        self._system = system
        self._device = device
        self._dispatcher = system.deliveries("dispatcher", "sim")
        self._driver = system.deliveries("truck", self.truck_id)

    async def run(self) -> None:
        """Keep the truck's uploads and the customer's socket going, until cancelled."""
        try:
            await run_with_background(self.uploader.run(), self.customer.run())
        finally:
            await self._closing.aclose()

    def _poster(self, system: System) -> Poster:
        if self.transport == "http":
            return http_poster(system.session, system.environment.server_url)
        if self.transport == "iot":
            return IotPoster(lambda: data_plane(system.environment), RULE, self.truck_id)
        poster = MqttPoster(system.environment.mqtt_url, self.truck_id, self._receive_result)
        self._closing.push_async_callback(poster.close)
        return poster

    def _receive_result(self, result: Mapping[str, Any]) -> None:
        self.results += 1
        if result.get("rejected") or result.get("reason"):
            self.failures.append(f"the service did not accept a message: {dict(result)}")

    async def start_delivery(self, delivery_id: str, trip: Trip, *, within_s: float = 60.0) -> bool:
        """Create the trip's delivery and let the customer track it.

        Returns:
            Whether the customer received the snapshot in time.

        Raises:
            ApiError: The delivery could not be created.
        """
        self.delivery_ids.append(delivery_id)
        await self._dispatcher.put(
            delivery_id,
            truck_id=self.truck_id,
            customer_id=self.customer_id,
            origin=trip.origin,
            destination=trip.destination,
            stop_sequence=len(self.delivery_ids),
        )
        await self.customer.track(delivery_id)
        return await self.log.wait_until(lambda: delivery_id in self.log.statuses, within_s)

    async def drive(
        self, trip: Trip, start_ms: int, *, by_rule: bool, stay_until: asyncio.Event | None = None
    ) -> None:
        """Do the trip in real time, and stay at its end for as long as required.

        Args:
            trip: What the truck does.
            start_ms: When it begins.
            by_rule: Leave it to the service to detect the pickup (the stand is longer than its
                dwell); else the driver declares it at departure if no rule has detected it yet.
            stay_until: Until this is set, the truck stands at the destination and reports.
        """
        driver = [] if by_rule else [self._pick_up(start_ms + round(trip.departs_s * 1000))]
        await run_with_background(self._transmit(trip.motion, start_ms), *driver)
        stand = Stationary.where(trip.motion.at(trip.motion.duration_s), STATIONARY_REPORT_S)
        next_ms = start_ms + math.floor(trip.motion.duration_s + 1) * 1000
        while stay_until is not None and not stay_until.is_set():
            await self._transmit(stand, next_ms)
            next_ms += math.floor(stand.duration_s + 1) * 1000

    async def _transmit(self, motion: Motion, start_ms: int) -> None:
        """Hand each transmission to the uploader at its time."""
        for transmission in self._device.report(motion, start_ms):
            await self._wait_until(start_ms + round(transmission.at_s * 1000))
            self.fixes.update((fix.id, fix) for fix in transmission.fixes)
            self.uploader.offer(transmission.fixes)

    async def _pick_up(self, departs_ms: int) -> None:
        await self._wait_until(departs_ms)
        try:
            await self._declare_pickup(BEFORE_DWELL, departs_ms)
        except ApiError as error:
            self.failures.append(str(error))

    async def _declare_pickup(self, when_in: Container[str], at_ms: int) -> bool:
        delivery_id = self.delivery_ids[-1]
        if (await self._driver.get(delivery_id)).status not in when_in:
            return False
        await self._driver.declare(
            delivery_id, "picked_up", at_ms=at_ms, key=f"{delivery_id}.picked_up"
        )
        return True

    async def _wait_until(self, at_ms: int) -> None:
        await self._system.sleep(max(0.0, (at_ms - self._system.now_ms()) / 1000))

    async def uploader_settled(self, within_s: float) -> bool:
        """Wait until every point is settled; False when some are not in time."""
        try:
            async with asyncio.timeout(within_s):
                await self.uploader.settled()
        except TimeoutError:
            return False
        return True

    async def complete_delivery(self, *, by_rule: bool, within_s: float = 60.0) -> None:
        """At the destination: wait until the arrival is known, then declare it delivered.

        The driver waits until the customer has received the status. If that takes too long, the
        driver makes the remaining declarations anyway, so that the drive ends, and the verdict
        reports the problem. Rejected declarations are kept in `failures`.

        Args:
            by_rule: The stand is longer than the service's dwell: the service must detect the
                arrival itself.
            within_s: How long to wait for each status to reach the customer.
        """
        delivery_id, log = self.delivery_ids[-1], self.log
        stood_at_ms = self._system.now_ms()
        near = (Status.NEARBY, Status.ARRIVED)
        await log.wait_until(lambda: any(log.saw(delivery_id, one) for one in near), within_s)
        await log.wait_until(
            lambda: log.saw(delivery_id, Status.ARRIVED), within_s if by_rule else UNSURE_S
        )
        try:
            if await self._declare_pickup(BEFORE_PICKUP, stood_at_ms):
                self.failures.append(
                    "the service received nothing about the pickup before the arrival"
                )
            await self._driver.declare(
                delivery_id,
                "delivered",
                at_ms=self._system.now_ms(),
                key=f"{delivery_id}.delivered",
            )
        except ApiError as error:
            self.failures.append(str(error))
        await log.wait_until(lambda: log.saw(delivery_id, Status.DELIVERED), within_s)

    async def read_delivery(self) -> DeliveryRecord:
        """The current delivery as its truck sees it.

        Raises:
            ApiError: It could not be read.
        """
        return await self._driver.get(self.delivery_ids[-1])

    async def cancel_open_deliveries(self) -> None:
        """Cancel the deliveries that are still open, if the service allows it."""
        for delivery_id in self.delivery_ids:
            try:
                record = await self._dispatcher.get(delivery_id)
                if record.status not in CLOSED:
                    now_ms = self._system.now_ms()
                    key = f"{delivery_id}.cancelled"
                    await self._dispatcher.declare(delivery_id, "cancelled", at_ms=now_ms, key=key)
            except ApiError:
                continue
