"""The trucks of a load test: they drive, so that there is something to see."""

from __future__ import annotations

import random

from sim.drive.crew import System
from sim.drive.together import together
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.http_poster import http_poster
from sim.fleet.trips import Trip
from sim.fleet.uploader import Uploader

PROFILE = DeviceProfile(tunnel_gap_s=1e9, dead_spot_gap_s=1e9, repeat_share=0.0)
"""With a good network: what is measured is the way to the sockets, not how long a truck had to
wait for one."""


class LoadTruck:
    """One truck and its uploads.

    Attributes:
        truck_id: Its id.
        trip: What it does; its deliveries go from and to the trip's places.
        uploader: Its way to the service.
    """

    def __init__(self, system: System, truck_id: str, trip: Trip, *, seed: str) -> None:
        self.truck_id = truck_id
        self.trip = trip
        self.uploader = Uploader(
            http_poster(system.session, system.environment.server_url),
            system.identity("truck", truck_id),
            sleep=system.sleep,
        )
        self._system = system
        self._device = Device(truck_id, PROFILE, random.Random(seed))

    async def run(self, start_ms: int) -> None:
        """Does its trip in real time, from a moment on; then its last points settle."""
        await together(self._transmit(start_ms), self.uploader.run())

    async def _transmit(self, start_ms: int) -> None:
        for transmission in self._device.report(self.trip.motion, start_ms):
            due_ms = start_ms + round(transmission.at_s * 1000)
            await self._system.sleep(max(0.0, (due_ms - self._system.now_ms()) / 1000))
            self.uploader.offer(transmission.fixes)
        await self.uploader.settled()
