"""What a device reports of a noise-free drive: wrong by metres, now and then silent.

GPS errors of successive seconds are not independent: they drift (first-order Gauss-Markov, with a
time constant), in towns by tens of metres. Reflections add jumps of hundreds of metres for seconds.
A device states an accuracy as phones do: the radius that holds 68 % of its errors. Only some of
these accuracies are correct.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from rtdts.tracking.deliveries import Place
from rtdts.tracking.geodesy import distance_m
from sim.fleet.motion import Motion, MotionState
from sim.geodesy import place_at

RADIUS_OF_SIGMA = 1.515
"""68 % of two-dimensional normal errors lie within this multiple of the deviation per axis."""

Interval = tuple[float, float]


class Accuracy(StrEnum):
    """The accuracy that a device states."""

    HONEST = "honest"
    FLATTERING = "flattering"
    """A few metres, whatever the truth is."""
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Device:
    """How a device measures.

    Attributes:
        interval_s: Time between two fixes.
        sigma_m: Deviation of the drifting error, per axis.
        tau_s: Time constant of the drifting error.
        accuracy: The accuracy that it states.
        sends_speed: Whether it sends speed and heading.
        bursts_per_hour: Reflections: each moves up to five fixes by 150 to 1,500 m.
        zone: A place with worse reception, up to three times its radius.
        zone_sigma_m: Deviation within the zone.
    """

    interval_s: float
    sigma_m: float
    tau_s: float = 40.0
    accuracy: Accuracy = Accuracy.HONEST
    sends_speed: bool = True
    bursts_per_hour: float = 0.0
    zone: Place | None = None
    zone_sigma_m: float = 0.0


@dataclass(frozen=True)
class Observation:
    """One fix as the device made it."""

    t_s: float
    lat: float
    lon: float
    accuracy_m: float | None
    speed_mps: float | None
    heading_deg: float | None


def observe(
    motion: Motion, device: Device, silences: Sequence[Interval], rng: Random
) -> list[Observation]:
    """The fixes of a drive, in order of time; none during a silence."""
    bursts = _bursts(motion.duration_s, device, rng)
    seen = []
    east_m, north_m = (rng.gauss(0, 1) for _ in range(2))
    swell = rng.gauss(0, 1)
    keep = math.exp(-device.interval_s / device.tau_s)
    t_s = rng.uniform(0, device.interval_s)
    while t_s <= motion.duration_s:
        fresh = math.sqrt(1 - keep * keep)
        east_m, north_m, swell = (
            keep * old + fresh * rng.gauss(0, 1) for old in (east_m, north_m, swell)
        )
        state = motion.at(t_s)
        sigma_m = _sigma_m(device, state.lat, state.lon) * math.exp(0.25 * swell)
        jump = next((one for one in bursts if one.start_s <= t_s < one.end_s), None)
        if not any(start_s <= t_s < end_s for start_s, end_s in silences):
            seen.append(_observed(state, device, t_s, (east_m, north_m), sigma_m, jump, rng))
        t_s += device.interval_s
    return seen


@dataclass(frozen=True)
class _Burst:
    start_s: float
    end_s: float
    bearing_deg: float
    length_m: float


def _bursts(duration_s: float, device: Device, rng: Random) -> list[_Burst]:
    bursts = []
    t_s = 0.0
    while device.bursts_per_hour:
        t_s += rng.expovariate(device.bursts_per_hour / 3_600)
        if t_s > duration_s:
            break
        end_s = t_s + device.interval_s * rng.randint(1, 5)
        bursts.append(_Burst(t_s, end_s, rng.uniform(0, 360), math.exp(rng.uniform(5.0, 7.3))))
        t_s = end_s
    return bursts


def _sigma_m(device: Device, lat: float, lon: float) -> float:
    zone = device.zone
    if zone and distance_m(lat, lon, zone.lat, zone.lon) <= 3 * zone.radius_m:
        return device.zone_sigma_m
    return device.sigma_m


def _observed(
    state: MotionState,
    device: Device,
    t_s: float,
    unit_error: tuple[float, float],
    sigma_m: float,
    jump: _Burst | None,
    rng: Random,
) -> Observation:
    east_m, north_m = (sigma_m * one + rng.gauss(0, 0.1 * sigma_m) for one in unit_error)
    lat, lon = place_at(
        state.lat, state.lon, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
    )
    stated_m = RADIUS_OF_SIGMA * sigma_m * math.exp(rng.gauss(0, 0.1))
    if jump:
        lat, lon = place_at(lat, lon, jump.bearing_deg, jump.length_m)
        stated_m = max(stated_m, jump.length_m * rng.uniform(0.5, 1.5))
    if device.accuracy is Accuracy.FLATTERING:
        stated_m = rng.uniform(4, 8)
    return Observation(
        t_s,
        round(lat, 7),
        round(lon, 7),
        None if device.accuracy is Accuracy.ABSENT else round(stated_m, 1),
        round(max(0.0, state.speed_mps + rng.gauss(0, 0.2)), 1) if device.sends_speed else None,
        round(state.heading_deg % 360, 1) % 360 if device.sends_speed else None,
    )
