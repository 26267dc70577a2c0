"""The drives of the benchmark: drawn from a seed, the same each time."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from bench.truth import recorded
from bench.truth.arrival import Truth, truth_of
from bench.truth.cases import CASES, Case
from bench.truth.geometry import Geometry, Part, geometries
from bench.truth.itineraries import itinerary
from bench.truth.noise import Observation, observe
from rtdts.tracking.deliveries import PlannedRoute
from rtdts.tracking.positions import Point
from sim.fleet.motion import Motion

START_MS = 1_800_000_000_000
"""Second 0 of every drive."""

MAX_REDRAWS = 60


@dataclass(frozen=True, kw_only=True)
class Drive:
    """One drive, the delivery on it, and what the service receives of it.

    Attributes:
        name: ``{case}-{geometry}-{number}``; draws the same drive again.
        case: Name of its case.
        geometry: Name of its road.
        plan: The delivery's places.
        motion: The noise-free track, from second 0.
        departed_s: When it left the origin for good.
        truth: The true arrival.
        requests: When each is received (seconds), and its points, in the order of their arrival.
        redrawn: How many ambiguous drives were drawn and left out before it.
        picked_up_s: When the pickup was declared; None when sensors must find it.
    """

    name: str
    case: str
    geometry: str
    plan: PlannedRoute
    motion: Motion
    departed_s: float
    truth: Truth
    requests: tuple[tuple[float, tuple[Point, ...]], ...]
    redrawn: int
    picked_up_s: float | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """All points, in the order in which they reach the service, copies included."""
        return tuple(point for _, points in self.requests for point in points)


def drives_of(part: Part, per_case: int, more_tracks: Sequence[Geometry] = ()) -> Iterator[Drive]:
    """A number of drives of each case, over the roads of that part in turn; then recorded ones."""
    roads = geometries(part)
    for case in CASES:
        for number in range(per_case):
            yield draw(case, roads[number % len(roads)], number)
    for road in (*roads, *more_tracks):
        if road.is_timed:
            yield from recorded_drives(road, per_case)


def drive_named(name: str, more_tracks: Sequence[Geometry] = ()) -> Drive | None:
    """The drive of that name, from either part; None if there is none."""
    case, _, rest = name.partition("-")
    road_name, _, number = rest.rpartition("-")
    roads = itertools.chain(more_tracks, *map(geometries, Part))
    road = next((one for one in roads if one.name == road_name), None)
    if road is None or not number.isdecimal():
        return None
    if case == recorded.CASE and road.is_timed:
        found = recorded_drives(road, recorded.ALL)
        return next((one for one in found if one.name == name), None)
    known = next((one for one in CASES if one.name == case), None)
    return draw(known, road, int(number)) if known else None


def draw(case: Case, road: Geometry, number: int) -> Drive:
    """One drive; drives whose truth depends on noise are drawn again.

    Raises:
        ValueError: The road is too short for the case, whatever is drawn.
    """
    name = f"{case.name}-{road.name}-{number}"
    for redrawn in range(MAX_REDRAWS):
        # Not `hash`: it differs from process to process.
        rng = Random(zlib.crc32(f"{name}/{redrawn}".encode()))
        plan = itinerary(road.line, case.shape(rng), rng)
        truth = truth_of(plan.motion, plan.plan.destination, plan.departed_s)
        if truth.is_ambiguous:
            continue
        device = case.device(rng, plan.plan)
        seen = observe(plan.motion, device, case.silences(rng, plan), rng)
        numbers = {id(one): n for n, one in enumerate(seen)}
        requests = tuple(
            (received_s, tuple(_point(one, numbers[id(one)], received_s) for one in points))
            for received_s, points in case.order(seen, rng)
        )
        return Drive(
            name=name,
            case=case.name,
            geometry=road.name,
            plan=plan.plan,
            motion=plan.motion,
            departed_s=plan.departed_s,
            truth=truth,
            requests=requests,
            redrawn=redrawn,
            picked_up_s=plan.departed_s if case.is_declared else None,
        )
    raise ValueError(f"{name}: ambiguous {MAX_REDRAWS} times")


def recorded_drives(road: Geometry, max_drives: int) -> Iterator[Drive]:
    """A recorded drive with several destinations, each as a separate drive."""
    requests = tuple(
        (one.t_s + 1.0, (_point(one, n, one.t_s + 1.0),))
        for n, one in enumerate(recorded.observations_of(road))
    )
    for number, plan, truth in recorded.recorded_plans(road, max_drives):
        yield Drive(
            name=f"{recorded.CASE}-{road.name}-{number}",
            case=recorded.CASE,
            geometry=road.name,
            plan=plan,
            motion=recorded.replay_of(road),
            departed_s=0.0,
            truth=truth,
            requests=requests,
            redrawn=0,
            picked_up_s=0.0,
        )


def _point(one: Observation, seq: int, received_s: float) -> Point:
    at_ms = START_MS + round(one.t_s * 1_000)
    return Point(
        truck_id="T-1",
        recorded_at_ms=at_ms,
        lat=one.lat,
        lon=one.lon,
        event_at_ms=at_ms,
        received_at_ms=START_MS + round(received_s * 1_000),
        seq=seq,
        accuracy_m=one.accuracy_m,
        speed_mps=one.speed_mps,
        heading_deg=one.heading_deg,
    )
