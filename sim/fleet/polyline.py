"""A path over the ground with distances: the position after a number of metres."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from rtdts.tracking.geodesy import bearing_deg, distance_m


@dataclass(frozen=True)
class Polyline:
    """The points of a path, and the distance of each along it.

    Attributes:
        points: ``(lat, lon)`` in WGS 84 degrees; at least two, and neighbours differ.
        along_m: Metres from the first point to each, along the path.
    """

    points: tuple[tuple[float, float], ...]
    along_m: tuple[float, ...]

    @classmethod
    def through(cls, points: Iterable[tuple[float, float]]) -> Polyline:
        """Measure a path; a point that repeats the one before it is omitted.

        Raises:
            ValueError: Fewer than two distinct points.
        """
        kept: list[tuple[float, float]] = []
        for point in points:
            if not kept or point != kept[-1]:
                kept.append(point)
        if len(kept) < 2:
            raise ValueError("a path needs two distinct points")
        steps = (distance_m(*before, *after) for before, after in pairwise(kept))
        return cls(tuple(kept), tuple(accumulate(steps, initial=0.0)))

    @property
    def length_m(self) -> float:
        """Length of the path, in metres."""
        return self.along_m[-1]

    def at(self, distance_along_m: float) -> tuple[float, float]:
        """The point at a distance along the path; beyond an end, that end.

        Between two points the degrees are interpolated linearly: over the tens of metres
        between two fixes of a track the error is far below the track's own.
        """
        if distance_along_m <= 0:
            return self.points[0]
        if distance_along_m >= self.length_m:
            return self.points[-1]
        after = bisect.bisect_right(self.along_m, distance_along_m)
        (lat_a, lon_a), (lat_b, lon_b) = self.points[after - 1], self.points[after]
        start_m, end_m = self.along_m[after - 1], self.along_m[after]
        share = (distance_along_m - start_m) / (end_m - start_m)
        return lat_a + (lat_b - lat_a) * share, lon_a + (lon_b - lon_a) * share

    def heading_deg(self, distance_along_m: float, span_m: float = 10.0) -> float:
        """Direction of travel there, over ``span_m`` to smooth the jitter of the track."""
        half_m = min(span_m, self.length_m) / 2
        centre_m = min(max(distance_along_m, half_m), self.length_m - half_m)
        return bearing_deg(*self.at(centre_m - half_m), *self.at(centre_m + half_m))

    def cut(self, start_m: float, end_m: float) -> Polyline:
        """The part between two distances along the path.

        Raises:
            ValueError: The part is empty.
        """
        inside = [
            point
            for point, along_m in zip(self.points, self.along_m, strict=True)
            if start_m < along_m < end_m
        ]
        return Polyline.through([self.at(start_m), *inside, self.at(end_m)])

    def reversed(self) -> Polyline:
        """The same path driven the other way."""
        return Polyline.through(self.points[::-1])
