"""What a truck does over time: stand, drive a path, replay a recorded drive, or a sequence."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Protocol

from rtdts.tracking.geodesy import bearing_deg, distance_m
from sim.fleet.polyline import Polyline
from sim.fleet.speed_model import SpeedProfile


@dataclass(frozen=True)
class MotionState:
    """The true state at one time, before any device measures it."""

    lat: float
    lon: float
    heading_deg: float
    speed_mps: float


class Motion(Protocol):
    """Something a truck does, from second 0 to ``duration_s``."""

    @property
    def duration_s(self) -> float:
        """Its duration, in seconds."""

    def at(self, t_s: float) -> MotionState:
        """State of the truck at that time; before the start or after the end, the nearest one."""


@dataclass(frozen=True)
class Stationary:
    """Standing still: at a ramp, at a light."""

    state: MotionState
    duration_s: float

    def at(self, t_s: float) -> MotionState:
        """Always the same place."""
        return self.state

    @classmethod
    def where(cls, state: MotionState, duration_s: float) -> Stationary:
        """Stand where another motion ends (or begins)."""
        return cls(MotionState(state.lat, state.lon, state.heading_deg, 0.0), duration_s)


@dataclass(frozen=True)
class Driving:
    """A path, driven with the speeds of a profile."""

    path: Polyline
    profile: SpeedProfile

    @property
    def duration_s(self) -> float:
        """The profile's duration."""
        return self.profile.duration_s

    def at(self, t_s: float) -> MotionState:
        """The place that the profile gives, and the path's direction there."""
        along_m, speed_mps = self.profile.at(t_s)
        lat, lon = self.path.at(along_m)
        return MotionState(lat, lon, self.path.heading_deg(along_m), speed_mps)


@dataclass(frozen=True)
class Replay:
    """A recorded drive at its own speed, or faster.

    Attributes:
        fixes: ``(lat, lon)``.
        elapsed_s: Ascending; the first is second 0 of the motion whatever its value.
        factor: 2 drives the recording in half its time (and at twice its speed).
    """

    fixes: Sequence[tuple[float, float]]
    elapsed_s: Sequence[float]
    factor: float = 1.0

    @property
    def duration_s(self) -> float:
        """The recording's duration divided by the factor."""
        return (self.elapsed_s[-1] - self.elapsed_s[0]) / self.factor

    def at(self, t_s: float) -> MotionState:
        """Interpolated linearly between two fixes; equal fixes mean that the truck stands.

        While it stands, the heading is that of its last movement, as a real receiver keeps it.
        """
        now_s = self.elapsed_s[0] + min(max(t_s, 0.0), self.duration_s) * self.factor
        after = min(bisect.bisect_right(self.elapsed_s, now_s), len(self.fixes) - 1)
        (lat_a, lon_a), (lat_b, lon_b) = self.fixes[after - 1], self.fixes[after]
        span_s = self.elapsed_s[after] - self.elapsed_s[after - 1]
        share = (now_s - self.elapsed_s[after - 1]) / span_s
        speed_mps = distance_m(lat_a, lon_a, lat_b, lon_b) / span_s * self.factor
        return MotionState(
            lat_a + (lat_b - lat_a) * share,
            lon_a + (lon_b - lon_a) * share,
            self._heading_deg(after),
            speed_mps,
        )

    def _heading_deg(self, after: int) -> float:
        while after > 1 and self.fixes[after - 1] == self.fixes[after]:
            after -= 1
        return bearing_deg(*self.fixes[after - 1], *self.fixes[after])


@dataclass(frozen=True)
class Sequential:
    """Motions one after another."""

    parts: tuple[Motion, ...]
    _ends_s: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        ends_s = tuple(accumulate(part.duration_s for part in self.parts))
        object.__setattr__(self, "_ends_s", ends_s)

    @property
    def duration_s(self) -> float:
        """The sum of the parts' durations."""
        return self._ends_s[-1]

    def at(self, t_s: float) -> MotionState:
        """The state that the current part gives."""
        index = min(bisect.bisect_right(self._ends_s, t_s), len(self.parts) - 1)
        start_s = self._ends_s[index - 1] if index else 0.0
        return self.parts[index].at(t_s - start_s)
