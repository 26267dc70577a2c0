"""The cases: what a truck does, what its device reports, and how that reaches the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.truth.itineraries import Itinerary, Shape
from bench.truth.noise import Accuracy, Device, Interval
from bench.truth.orders import Order, batched, late, one_by_one, shuffled
from rtdts.tracking.deliveries import PlannedRoute
from rtdts.tracking.geodesy import distance_m

Shapes = Callable[[Random], Shape]
Devices = Callable[[Random, PlannedRoute], Device]
Silences = Callable[[Random, Itinerary], list[Interval]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of delivery; each of its drives draws its own numbers."""

    name: str
    title: str
    shape: Shapes
    device: Devices
    order: Order = one_by_one
    silences: Silences = lambda _rng, _drive: []
    is_declared: bool = False
    """Whether the driver declares the pickup."""


def _delivers(rng: Random, **changed: float | bool | None) -> Shape:
    usual: dict[str, float | bool | None] = {
        "load_s": rng.uniform(120, 400),
        "unload_s": rng.uniform(180, 900),
        "radius_m": rng.choice((60.0, 100.0, 100.0, 100.0, 200.0)),
        "offset_m": rng.uniform(0, 40),
    }
    return Shape(**{**usual, **changed})  # type: ignore[arg-type]


def _passes(rng: Random, **changed: float) -> Shape:
    return _delivers(rng, unload_s=0.0, **changed)


def _device(rng: Random, low_m: float, high_m: float, **changed: object) -> Device:
    usual: dict[str, object] = {
        "interval_s": rng.choice((1.0, 2.0, 5.0, 5.0, 10.0, 10.0, 15.0)),
        "sigma_m": rng.uniform(low_m, high_m),
        "tau_s": rng.uniform(15, 60),
        "accuracy": rng.choice((Accuracy.HONEST, Accuracy.HONEST, Accuracy.ABSENT)),
        "sends_speed": rng.random() < 0.6,
    }
    return Device(**{**usual, **changed})  # type: ignore[arg-type]


def _clear(rng: Random, _plan: PlannedRoute) -> Device:
    return _device(rng, 2, 8)


def _town(rng: Random, _plan: PlannedRoute) -> Device:
    return _device(rng, 10, 22, accuracy=Accuracy.HONEST)


def _flattering(rng: Random, _plan: PlannedRoute) -> Device:
    return _device(rng, 10, 22, accuracy=Accuracy.FLATTERING)


def _poor_there(rng: Random, plan: PlannedRoute) -> Device:
    return _device(
        rng, 3, 8, accuracy=Accuracy.HONEST, zone=plan.destination, zone_sigma_m=rng.uniform(30, 42)
    )


def _jumping(rng: Random, _plan: PlannedRoute) -> Device:
    stated = rng.choice((Accuracy.HONEST, Accuracy.FLATTERING, Accuracy.ABSENT))
    return _device(rng, 3, 10, accuracy=stated, bursts_per_hour=rng.uniform(10, 30))


def _beside(rng: Random, low: float, high: float) -> Shape:
    """Halts off the centre, by a number of radii."""
    radius_m = rng.choice((80.0, 100.0, 100.0, 150.0))
    return _delivers(rng, radius_m=radius_m, offset_m=radius_m * rng.uniform(low, high))


def _light(rng: Random, unload_s: float) -> Shape:
    return _delivers(
        rng, radius_m=100.0, unload_s=unload_s, offset_m=rng.uniform(0, 20),
        light_m=rng.uniform(140, 200), light_s=rng.uniform(60, 180),
    )  # fmt: skip


def _random_gaps(rng: Random, drive: Itinerary) -> list[Interval]:
    gaps, t_s = [], rng.expovariate(1 / 300)
    while t_s < drive.motion.duration_s:
        end_s = t_s + rng.uniform(30, 360)
        gaps.append((t_s, end_s))
        t_s = end_s + rng.expovariate(1 / 300)
    return gaps


def _dock(rng: Random, halt: Interval | None) -> list[Interval]:
    """Silent from soon after the halt begins until shortly before it ends, or on the way out."""
    assert halt is not None
    return [(halt[0] + rng.uniform(0, 20), halt[1] + rng.uniform(-60, 40))]


def _silent_on_the_way(rng: Random, drive: Itinerary) -> list[Interval]:
    """From the passing of the destination on, when the truck is nearest to it, or just before."""
    place, motion = drive.plan.destination, drive.motion
    moments = range(round(drive.departed_s), round(motion.duration_s))
    nearest_s = min(
        moments,
        key=lambda t_s: distance_m(motion.at(t_s).lat, motion.at(t_s).lon, place.lat, place.lon),
    )
    start_s = nearest_s - rng.uniform(0, 5)
    return [(start_s, start_s + rng.uniform(65, 360))]


CASES = (
    Case(name="plain", title="good reception", shape=_delivers, device=_clear),
    Case(name="town", title="error of 10-22 m per axis, honest", shape=_delivers, device=_town),
    Case(
        name="flattering",
        title="error of 10-22 m, stated as 4-8 m",
        shape=_delivers,
        device=_flattering,
    ),
    Case(
        name="poor_there",
        title="accuracy of 45-65 m around the destination, a long halt",
        shape=lambda rng: _delivers(
            rng, radius_m=100.0, offset_m=rng.uniform(0, 30), unload_s=rng.uniform(600, 1_500)
        ),
        device=_poor_there,
    ),
    Case(
        name="gaps",
        title="no points for 0.5-6 minutes, again and again",
        shape=_delivers,
        device=_clear,
        silences=_random_gaps,
    ),
    Case(
        name="dock",
        title="no reception at the destination's dock",
        shape=_delivers,
        device=_clear,
        silences=lambda rng, drive: _dock(rng, drive.unloading_s),
    ),
    Case(
        name="origin_dock",
        title="no reception at the origin's dock",
        shape=_delivers,
        device=_clear,
        silences=lambda rng, drive: _dock(rng, drive.loading_s),
    ),
    Case(
        name="unseen_pickup",
        title="drives past the origin without a halt",
        shape=lambda rng: _delivers(rng, load_s=0.0),
        device=_clear,
    ),
    Case(
        name="declared_pickup",
        title="drives past the origin; the driver declares the pickup",
        shape=lambda rng: _delivers(rng, load_s=0.0),
        device=_clear,
        is_declared=True,
    ),
    Case(
        name="short_hop",
        title="destination 250-500 m from the origin",
        shape=lambda rng: _delivers(rng, radius_m=100.0, leg_m=rng.uniform(250, 500)),
        device=_clear,
    ),
    Case(
        name="edge",
        title="halts at 0.6-0.8 radii",
        shape=lambda rng: _beside(rng, 0.6, 0.8),
        device=_clear,
    ),
    Case(
        name="next_door",
        title="halts at 1.4-2 radii, never nearer",
        shape=lambda rng: _beside(rng, 1.4, 2.0),
        device=_clear,
    ),
    Case(
        name="next_door_town",
        title="halts at 1.4-2 radii, error of 10-22 m",
        shape=lambda rng: _beside(rng, 1.4, 2.0),
        device=_town,
    ),
    Case(
        name="next_door_poor",
        title="halts at 2-2.5 radii, accuracy of 45-65 m there",
        shape=lambda rng: _beside(rng, 2.0, 2.5),
        device=_poor_there,
    ),
    Case(name="drive_by", title="passes without a halt", shape=_passes, device=_clear),
    Case(
        name="drive_by_town",
        title="passes without a halt, error of 10-22 m",
        shape=_passes,
        device=_town,
    ),
    Case(
        name="gap_by",
        title="passes without a halt; falls silent inside for 1-6 minutes",
        shape=_passes,
        device=_clear,
        silences=_silent_on_the_way,
    ),
    Case(
        name="returns",
        title="passes, comes back and halts",
        shape=lambda rng: _delivers(rng, returns=True),
        device=_clear,
    ),
    Case(
        name="light",
        title="red light 140-200 m before, then halts",
        shape=lambda rng: _light(rng, rng.uniform(180, 900)),
        device=_clear,
    ),
    Case(
        name="light_by",
        title="red light 140-200 m before, then passes",
        shape=lambda rng: _light(rng, 0.0),
        device=_clear,
    ),
    Case(
        name="bursts",
        title="jumps of 150-1,500 m for up to 5 fixes",
        shape=_delivers,
        device=_jumping,
    ),
    Case(
        name="bursts_by",
        title="jumps of 150-1,500 m, passes without a halt",
        shape=_passes,
        device=_jumping,
    ),
    Case(
        name="batched",
        title="one request per minute",
        shape=_delivers,
        device=_clear,
        order=batched,
    ),
    Case(
        name="late",
        title="up to 20 minutes come late, newest chunk first",
        shape=_delivers,
        device=_clear,
        order=late,
    ),
    Case(
        name="late_by",
        title="up to 20 minutes come late, passes without a halt",
        shape=_passes,
        device=_clear,
        order=late,
    ),
    Case(
        name="shuffled",
        title="requests shuffled, delayed, repeated",
        shape=_delivers,
        device=_town,
        order=shuffled,
    ),
)
"""All cases; each is drawn equally often."""
