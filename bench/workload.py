"""The benchmarks' workload: trucks on real roads, their points, their deliveries.

The same seed gives the same points, except for the time at which they end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rtdts.tracking.deliveries import (
    Assignment,
    Cause,
    Delivery,
    DeliveryEvent,
    OpenMatch,
    Place,
    Status,
)
from rtdts.tracking.delivery_log import fold_log
from rtdts.tracking.delivery_state import DeliveryPlan
from rtdts.tracking.positions import Point
from sim.fleet.device import Device, DeviceProfile, Fix
from sim.fleet.motion import Driving, Motion, MotionState
from sim.fleet.route_library import load_routes
from sim.fleet.speed_model import TruckLimits, drive_profile

PROFILE = DeviceProfile(tunnel_gap_s=1e9, dead_spot_gap_s=1e9, repeat_share=0.0)
"""Noise as usual, but no gaps or repeats: every truck then has the requested number of points."""

SEED = 1


def truck_id(number: int, fleet: str = "T") -> str:
    """The name of a truck."""
    return f"{fleet}-{number:05d}"


@dataclass(frozen=True)
class _Leg:
    """A part of a drive."""

    motion: Motion
    start_s: float
    duration_s: float

    def at(self, t_s: float) -> MotionState:
        return self.motion.at(self.start_s + t_s)


@cache
def _drives() -> tuple[Driving, ...]:
    """A drive over each of the library's roads, from end to end."""
    limits = TruckLimits()
    return tuple(
        Driving(route.polyline, drive_profile(route.polyline, limits)) for route in load_routes()
    )


def fixes(number: int, count: int, *, end_ms: int, fleet: str = "T") -> list[Fix]:
    """The last `count` fixes of a truck, one per second; it starts again where the road ends."""
    drive = _drives()[number % len(_drives())]
    device = Device(truck_id(number, fleet), PROFILE, random.Random(f"{SEED}.{number}"))
    found: list[Fix] = []
    start_ms = end_ms - count * 1_000
    begin_s = number * 17.0 % (drive.duration_s / 2)
    while len(found) < count:
        leg = _Leg(drive, begin_s, min(count - len(found), drive.duration_s - begin_s))
        for transmission in device.report(leg, start_ms + len(found) * 1_000):
            found += transmission.fixes
        begin_s = 0.0
    return found[:count]


def points(number: int, count: int, *, end_ms: int, fleet: str = "T") -> list[Point]:
    """The result of `fixes` as the stream carries it: stamped points."""
    return [fix.stamped(800) for fix in fixes(number, count, end_ms=end_ms, fleet=fleet)]


def delivery(of: Sequence[Point], *, status: Status = Status.ASSIGNED) -> Delivery:
    """A delivery of these points' truck, from the first place to the last."""
    start_ms = of[0].event_at_ms - 1_000
    return Delivery(
        delivery_id=f"D-{of[0].truck_id}",
        customer_id=f"C-{of[0].truck_id}",
        origin=Place(lat=of[0].lat, lon=of[0].lon),
        destination=Place(lat=of[-1].lat, lon=of[-1].lon),
        status=status,
        version=1,
        assignments=(Assignment(assignment=1, truck_id=of[0].truck_id, started_at_ms=start_ms),),
        created_at_ms=start_ms,
        updated_at_ms=start_ms,
    )


def created(row: Delivery) -> DeliveryEvent:
    """The first event of a delivery's log."""
    return DeliveryEvent(
        delivery_id=row.delivery_id,
        version=1,
        status=Status.ASSIGNED,
        cause=Cause.ASSIGNED,
        effective_at_ms=row.current.started_at_ms,
        recorded_at_ms=row.current.started_at_ms,
        assignment=1,
        truck_id=row.truck_id,
    )


def plan(row: Delivery) -> DeliveryPlan:
    """The consumer's initial state of the delivery, before the truck's first point."""
    match = OpenMatch(
        delivery_id=row.delivery_id,
        assignment=row.assignment,
        assigned_at_ms=row.current.started_at_ms,
        version=1,
        origin=row.origin,
        destination=row.destination,
    )
    return DeliveryPlan(match=match, log=fold_log([created(row)]))


def batches(of: Sequence[Point], size: int) -> Iterator[Sequence[Point]]:
    """Points as a truck sends them: `size` per request."""
    return (of[start : start + size] for start in range(0, len(of), size))
