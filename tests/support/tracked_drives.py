"""Drives on a real road through the complete consumer, for the diagrams of docs/tracking.md.

The road is one of `sim/fleet/routes/`. The truck and the errors of its fixes are those of the
simulated fleet, with a seed. The consumer is the real one, with the tests' fakes as stores.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import random
from collections.abc import Sequence

import msgspec

from rtdts.tracking.deliveries import DeliveryEvent, Place
from rtdts.tracking.fixes import Fix
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.positions import Point
from sim.fleet.device import Device, DeviceProfile
from sim.fleet.device import Fix as SentFix
from sim.fleet.motion import Driving, Motion, Sequential, Stationary
from sim.fleet.route_library import load_routes
from sim.fleet.speed_model import TruckLimits, draw_stops, drive_profile
from tests.support.consumer_world import START_MS, World
from tests.support.points import make_point

ROAD = "denver_1"
APPROACH_M = 500.0
ROUTE_M = 4_300.0
LOADING_S = 240.0
UNLOADING_S = 420.0
DELIVERY = "D-1"
NEVER_S = 1e9

SEED = 1
INTERVAL_S = 10.0
SIGMA_M = 15.0
NOISY_SIGMA_M = 30.0

LOST_BEFORE_S, LOST_AFTER_S = 20.0, 100.0
"""The phone with the backlog has no coverage from this long before the departure until this long
after the arrival at the destination."""
BACK_FOR_S = 12.0
"""Time from coverage to the backlog's first request."""
POINTS_PER_REQUEST = 10
"""Points per request of the backlog, with one request per second."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truth:
    """What the truck really did, with times in seconds since the start."""

    motion: Motion
    origin: Place
    destination: Place
    departed_s: float
    """When it departed from the origin."""
    entered_s: float
    """When it entered the destination's geofence."""
    left_s: float
    """When it departed from the destination."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Eta:
    """An ETA range, with times in seconds since the start."""

    at_s: float
    """The time of the fix with which it was calculated."""
    earliest_s: float
    latest_s: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrackedDrive:
    """A drive, the points that its device sent, and the consumer's results."""

    truth: Truth
    fixes: tuple[Fix, ...]
    """The fixes in the history at the end, in order."""
    log: tuple[DeliveryEvent, ...]
    etas: tuple[Eta, ...]
    """The ETA ranges of ``truck-latest``, one per fix that had one."""


def seconds(at_ms: int) -> float:
    """Returns the time in seconds since the start."""
    return (at_ms - START_MS) / 1_000


def away_m(lat: float, lon: float, place: Place) -> float:
    """Returns the great-circle distance to a place's centre."""
    return distance_m(lat, lon, place.lat, place.lon)


def true_drive(seed: int) -> Truth:
    """Returns a drive: to the origin, a wait, the route with halts in town, a wait, and on."""
    rng = random.Random(seed)
    (route,) = load_routes([ROAD])
    road, ends_m = route.polyline, (0.0, APPROACH_M, APPROACH_M + ROUTE_M)
    parts: list[Motion] = []
    for (start_m, end_m), stands_s in zip(
        itertools.pairwise((*ends_m, road.length_m)), (LOADING_S, UNLOADING_S, 0.0), strict=True
    ):
        path = road.cut(start_m, end_m)
        stops = draw_stops(path.length_m, rng)
        parts.append(Driving(path, drive_profile(path, TruckLimits(), stops)))
        parts.append(Stationary.where(parts[-1].at(parts[-1].duration_s), stands_s))
    motion = Sequential(tuple(parts))
    ends_s = [*itertools.accumulate(part.duration_s for part in parts)]
    origin, destination = (_place(part) for part in (parts[1], parts[3]))
    entered_s = ends_s[2]
    while True:
        before = motion.at(entered_s - 0.1)
        if away_m(before.lat, before.lon, destination) > destination.radius_m:
            break
        entered_s -= 0.1
    return Truth(
        motion=motion,
        origin=origin,
        destination=destination,
        departed_s=ends_s[1],
        entered_s=entered_s,
        left_s=ends_s[3],
    )


def observed(truth: Truth, *, seed: int, interval_s: float, sigma_m: float) -> list[Point]:
    """Returns the fixes of a drive in order, each received one second after it was recorded."""
    profile = DeviceProfile(
        interval_s=interval_s,
        sigma_m=sigma_m,
        tunnel_gap_s=NEVER_S,
        dead_spot_gap_s=NEVER_S,
        repeat_share=0.0,
    )
    sent = Device("T-1", profile, random.Random(seed)).report(truth.motion, START_MS)
    return [_point(fix) for transmission in sent for fix in transmission.fixes]


def received_at(point: Point, at_s: float) -> Point:
    """Returns the same point, received at a time in seconds since the start."""
    return msgspec.structs.replace(point, received_at_ms=START_MS + round(at_s * 1_000))


def tracked(truth: Truth, requests: Sequence[Sequence[Point]]) -> TrackedDrive:
    """Sends requests through a consumer that polls every second.

    Args:
        truth: The drive.
        requests: The points of each request, all received at its time.
    """
    world = World()
    world.assign(DELIVERY, origin=truth.origin, destination=truth.destination)
    pipeline = world.pipeline()
    waiting = sorted(requests, key=lambda points: points[0].received_at_ms)
    ends_ms = waiting[-1][0].received_at_ms + 60_000
    etas: dict[float, Eta] = {}
    while world.clock.now_ms() < ends_ms:
        world.clock.advance(1.0)
        come = [one for one in waiting if one[0].received_at_ms <= world.clock.now_ms()]
        waiting = waiting[len(come) :]
        pipeline.process(world.shard.records(*come))
        pipeline.settle()
        if (eta := _eta(world)) is not None:
            etas[eta.at_s] = eta
    fixes = (stored.fix for stored in world.positions.history.values())
    return TrackedDrive(
        truth=truth,
        fixes=tuple(sorted(fixes, key=lambda fix: fix.order)),
        log=tuple(world.deliveries.events(DELIVERY)),
        etas=tuple(etas.values()),
    )


@functools.cache
def _truth() -> Truth:
    return true_drive(SEED)


def _points(sigma_m: float = SIGMA_M) -> list[Point]:
    return observed(_truth(), seed=SEED, interval_s=INTERVAL_S, sigma_m=sigma_m)


@functools.cache
def an_ordinary_drive() -> TrackedDrive:
    """Returns a drive in which every point arrives at once."""
    return tracked(_truth(), [[point] for point in _points()])


@functools.cache
def a_noisy_drive() -> TrackedDrive:
    """Returns the same drive with a poor receiver."""
    return tracked(_truth(), [[point] for point in _points(NOISY_SIGMA_M)])


@functools.cache
def a_late_drive() -> TrackedDrive:
    """Returns a drive with a phone that loses coverage, and sends its backlog newest first."""
    lost_s, back_s = without_coverage(_truth())
    buffered = [one for one in _points() if lost_s <= seconds(one.event_at_ms) < back_s]
    live = [[one] for one in _points() if one not in buffered]
    newest_first = buffered[::-1]
    backlog = [
        [
            received_at(one, back_s + BACK_FOR_S + start // POINTS_PER_REQUEST)
            for one in newest_first[start : start + POINTS_PER_REQUEST]
        ]
        for start in range(0, len(buffered), POINTS_PER_REQUEST)
    ]
    return tracked(_truth(), [*live, *backlog])


@functools.cache
def a_silent_drive() -> TrackedDrive:
    """Returns a drive without fixes while the truck stands at the destination."""
    truth = _truth()
    from_s, to_s = truth.entered_s + 10.0, truth.left_s + 25.0
    return tracked(
        truth, [[one] for one in _points() if not from_s < seconds(one.event_at_ms) < to_s]
    )


def without_coverage(truth: Truth) -> tuple[float, float]:
    """Returns begin and end of the time without coverage, in seconds since the start."""
    return truth.departed_s - LOST_BEFORE_S, truth.entered_s + LOST_AFTER_S


def _eta(world: World) -> Eta | None:
    for latest in world.positions.latest(["T-1"]).values():
        for one in latest.deliveries:
            if one.eta_earliest_ms is not None and one.eta_latest_ms is not None:
                return Eta(
                    at_s=seconds(latest.newest.event_at_ms),
                    earliest_s=seconds(one.eta_earliest_ms),
                    latest_s=seconds(one.eta_latest_ms),
                )
    return None


def _place(stands: Motion) -> Place:
    state = stands.at(0.0)
    return Place(lat=round(state.lat, 7), lon=round(state.lon, 7))


def _point(sent: SentFix) -> Point:
    return make_point(
        sent.truck_id,
        sent.recorded_at_ms,
        sent.lat,
        sent.lon,
        received_at_ms=sent.recorded_at_ms + 1_000,
        seq=sent.seq,
        accuracy_m=sent.accuracy_m,
        speed_mps=sent.speed_mps,
    )
