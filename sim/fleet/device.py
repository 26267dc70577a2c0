"""What a truck's device reports of the truth: fixes with errors, gaps, late batches, repeats.

Seeded and without a clock: the same seed and the same motion give the same transmissions. The
position itself always follows the road; only its error is random, and that error is stationary:

- **Noise.** A receiver's error drifts over tens of seconds rather than jumping from fix to fix:
  a first-order Gauss-Markov process in each axis (the usual model of it), of standard deviation
  ``sigma_m`` and correlation time ``correlation_s``. ``accuracy_m`` is reported as phones do,
  the radius in which 68 % of the fixes lie: for two independent Gaussian axes
  ``sigma * sqrt(-2 ln 0.32)``, that is 1.51 sigma.
- **Tunnels.** No fix for some seconds.
- **Dead spots.** Fixes are made and stored, and sent in one batch when the network is back.
- **Repeats.** A response is lost, so accepted points are sent again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from rtdts.tracking.instants import format_instant
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import Point
from sim.fleet.motion import Motion, MotionState

M_PER_DEG = 111_195.0
"""Metres per degree of latitude, on the sphere of 6,371 km that geodesy uses."""

RADIUS_68 = math.sqrt(-2 * math.log(0.32))


@dataclass(frozen=True)
class DeviceProfile:
    """Quality of a device and its network.

    Attributes:
        interval_s: Time between two fixes.
        sigma_m: Standard deviation of the error in each axis.
        correlation_s: Correlation time of the error.
        tunnel_gap_s: Mean time between tunnels.
        tunnel_s: Shortest and longest time in a tunnel.
        dead_spot_gap_s: Mean time between dead spots.
        dead_spot_s: Shortest and longest time in a dead spot.
        repeat_share: Share of the transmissions that are sent again.
    """

    interval_s: float = 1.0
    sigma_m: float = 3.0
    correlation_s: float = 30.0
    tunnel_gap_s: float = 120.0
    tunnel_s: tuple[float, float] = (3.0, 8.0)
    dead_spot_gap_s: float = 60.0
    dead_spot_s: tuple[float, float] = (4.0, 10.0)
    repeat_share: float = 0.05


@dataclass(frozen=True)
class Fix:
    """One point as the device sends it (telemetry, version 1)."""

    truck_id: str
    seq: int
    recorded_at_ms: int
    lat: float
    lon: float
    accuracy_m: float
    speed_mps: float
    heading_deg: float
    satellites: int
    hdop: float
    ignition: bool
    battery_pct: float
    odometer_m: int

    @property
    def id(self) -> str:
        """The point id that the service derives."""
        return point_id(self.stamped())

    def stamped(self, delay_ms: int = 0) -> Point:
        """The point as ingest stamps it, if the device's clock is right.

        Args:
            delay_ms: The time from the fix to its receipt.
        """
        return Point(
            truck_id=self.truck_id,
            recorded_at_ms=self.recorded_at_ms,
            lat=self.lat,
            lon=self.lon,
            event_at_ms=self.recorded_at_ms,
            received_at_ms=self.recorded_at_ms + delay_ms,
            seq=self.seq,
            accuracy_m=self.accuracy_m,
            speed_mps=self.speed_mps,
            heading_deg=self.heading_deg,
            satellites=self.satellites,
            hdop=self.hdop,
            ignition=self.ignition,
            battery_pct=self.battery_pct,
            odometer_m=float(self.odometer_m),
        )

    def to_wire(self) -> Mapping[str, object]:
        """The telemetry document."""
        return {
            "v": 1,
            "truck_id": self.truck_id,
            "seq": self.seq,
            "recorded_at": format_instant(self.recorded_at_ms),
            "lat": self.lat,
            "lon": self.lon,
            "accuracy_m": self.accuracy_m,
            "speed_mps": self.speed_mps,
            "heading_deg": self.heading_deg,
            "satellites": self.satellites,
            "hdop": self.hdop,
            "ignition": self.ignition,
            "battery_pct": self.battery_pct,
            "odometer_m": self.odometer_m,
        }


@dataclass(frozen=True)
class Transmission:
    """What the device hands to the network at one time.

    Attributes:
        at_s: Seconds after the motion's start.
        fixes: One fix, or a stored batch.
        repeat: Whether they were sent before.
    """

    at_s: float
    fixes: tuple[Fix, ...]
    repeat: bool = False


class Device:
    """A truck's device: keeps its sequence, odometer and error from one motion to the next."""

    def __init__(self, truck_id: str, profile: DeviceProfile, rng: random.Random) -> None:
        self.truck_id = truck_id
        self._profile = profile
        self._rng = rng
        self._seq = rng.randrange(1000, 9000)
        self._odometer_m = float(rng.randrange(20_000_000, 400_000_000))
        self._east_m = rng.gauss(0.0, profile.sigma_m)
        self._north_m = rng.gauss(0.0, profile.sigma_m)
        self._held_heading_deg = 0.0

    def report(self, motion: Motion, start_ms: int) -> tuple[Transmission, ...]:
        """Everything that the device sends about a motion, in the order of sending.

        Args:
            motion: What the truck does.
            start_ms: When it begins.
        """
        profile, rng = self._profile, self._rng
        tunnels = _spans(motion.duration_s, profile.tunnel_gap_s, profile.tunnel_s, rng)
        dead_spots = _spans(motion.duration_s, profile.dead_spot_gap_s, profile.dead_spot_s, rng)
        sent: list[Transmission] = []
        stored: list[Fix] = []
        for number in range(math.floor(motion.duration_s / profile.interval_s) + 1):
            at_s = number * profile.interval_s
            fix = self._observe(motion.at(at_s), start_ms + round(at_s * 1000))
            if not _within(at_s, tunnels):
                self._seq += 1
                stored.append(fix)
            if not stored or _within(at_s, dead_spots):
                continue
            sent.append(Transmission(at_s, tuple(stored)))
            if rng.random() < profile.repeat_share:
                again_at_s = at_s + profile.interval_s * rng.uniform(0.2, 2.5)
                sent.append(Transmission(again_at_s, tuple(stored), repeat=True))
            stored = []
        if stored:
            sent.append(Transmission(motion.duration_s, tuple(stored)))
        return tuple(sorted(sent, key=lambda transmission: transmission.at_s))

    def _observe(self, truth: MotionState, recorded_at_ms: int) -> Fix:
        profile, rng = self._profile, self._rng
        kept = math.exp(-profile.interval_s / profile.correlation_s)
        fresh_m = profile.sigma_m * math.sqrt(1 - kept * kept)
        self._east_m = self._east_m * kept + rng.gauss(0.0, fresh_m)
        self._north_m = self._north_m * kept + rng.gauss(0.0, fresh_m)
        self._odometer_m += truth.speed_mps * profile.interval_s
        standing = truth.speed_mps < 0.3
        if not standing:  # a standing receiver keeps its last heading: it can't measure one
            self._held_heading_deg = (truth.heading_deg + rng.gauss(0.0, 1.5)) % 360
        lon_scale = math.cos(math.radians(truth.lat))
        return Fix(
            truck_id=self.truck_id,
            seq=self._seq,
            recorded_at_ms=recorded_at_ms,
            lat=round(truth.lat + self._north_m / M_PER_DEG, 7),
            lon=round(truth.lon + self._east_m / (M_PER_DEG * lon_scale), 7),
            accuracy_m=round(profile.sigma_m * RADIUS_68 * rng.uniform(0.85, 1.25), 1),
            speed_mps=0.0
            if standing
            else round(max(0.0, truth.speed_mps + rng.gauss(0.0, 0.2)), 1),
            heading_deg=round(self._held_heading_deg, 1) % 360,
            satellites=rng.randint(7, 12),
            hdop=round(rng.uniform(0.7, 1.4), 1),
            ignition=True,
            battery_pct=100.0,
            odometer_m=round(self._odometer_m),
        )


def _spans(
    duration_s: float, mean_gap_s: float, length_s: tuple[float, float], rng: random.Random
) -> tuple[tuple[float, float], ...]:
    """Random intervals: exponential gaps, uniform lengths, none extending past the end."""
    spans = []
    start_s = rng.expovariate(1 / mean_gap_s)
    while start_s < duration_s:
        end_s = start_s + rng.uniform(*length_s)
        spans.append((start_s, min(end_s, duration_s)))
        start_s = end_s + rng.expovariate(1 / mean_gap_s)
    return tuple(spans)


def _within(at_s: float, spans: tuple[tuple[float, float], ...]) -> bool:
    return any(start_s <= at_s < end_s for start_s, end_s in spans)
