"""The trucks of a load test: they drive, so that there are positions to push."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final

from sim.drive.background import run_with_background
from sim.drive.five_trucks import DriveOptions, plan_drive
from sim.drive.simulated_truck import System
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.http_poster import http_poster
from sim.fleet.motion import MotionState, Stationary
from sim.fleet.trips import Trip
from sim.fleet.uploader import Uploader
from sim.geodesy import place_at
from sim.load.plan import LoadOptions

PROFILE: Final = DeviceProfile(tunnel_gap_s=1e9, dead_spot_gap_s=1e9, repeat_share=0.0)
"""A device with a good network: the test measures the path to the sockets, not how long a truck
waits for its network."""

SHORTEST_TRIP_S: Final = 60.0
"""A trip must be long enough for a drive; a shorter test ends while its trucks are driving."""

NEAR_M: Final = 400.0
"""Distance of a waiting truck from its destination: near it, and outside its geofence."""

FAR_M: Final = 50_000.0
"""Distance from the end of the drive to the destination: no truck gets near it during a test."""


def plan_load_trips(options: LoadOptions) -> tuple[Trip, ...]:
    """One trip per truck: waiting near its destination from the start, or never near it.

    Raises:
        TripTooShortError: No such trip fits.
    """
    longest_s = max(options.longest_s, SHORTEST_TRIP_S)
    trips: list[Trip] = []
    for group in options.groups:
        drive = DriveOptions(
            trucks=group.trucks.stop,
            duration_s=SHORTEST_TRIP_S if group.is_near else longest_s,
            seed=options.seed,
        )
        adapt = _waiting if group.is_near else _going_far
        trips += [adapt(trip, longest_s) for trip in plan_drive(drive)[group.trucks.start :]]
    return tuple(trips)


def _waiting(trip: Trip, until_s: float) -> Trip:
    there = trip.motion.at(trip.motion.duration_s)
    lat, lon = place_at(there.lat, there.lon, 0.0, NEAR_M)
    return replace(
        trip, motion=Stationary(MotionState(lat, lon, there.heading_deg, speed_mps=0.0), until_s)
    )


def _going_far(trip: Trip, _: float) -> Trip:
    lat, lon = place_at(trip.destination.lat, trip.destination.lon, 0.0, FAR_M)
    far = replace(trip.destination, lat=round(lat, 7), lon=round(lon, 7))
    return replace(trip, destination=far)


class LoadTruck:
    """One truck and its uploads.

    Attributes:
        truck_id: Its id.
        trip: Its trip; its deliveries have the trip's origin and destination.
        uploader: Sends its points to the service.
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
        """Does its trip in real time from ``start_ms`` on; then waits until its points settle."""
        await run_with_background(self._transmit(start_ms), self.uploader.run())

    async def _transmit(self, start_ms: int) -> None:
        for transmission in self._device.report(self.trip.motion, start_ms):
            due_ms = start_ms + round(transmission.at_s * 1000)
            await self._system.sleep(max(0.0, (due_ms - self._system.now_ms()) / 1000))
            self.uploader.offer(transmission.fixes)
        await self.uploader.settled()
