"""Methods that determine when a truck arrived: ours, and two simpler ones."""

from __future__ import annotations

from bench.truth import ours
from bench.truth.drives import START_MS, Drive
from rtdts.tracking.geodesy import distance_m
from rtdts.tracking.positions import Point

CIRCLE_M = 20.0


def by_our_rules(drive: Drive) -> float | None:
    """Our method, once all points have been received."""
    return ours.arrived_s(drive, drive.points)


def by_circle(drive: Drive) -> float | None:
    """A circle of 20 m around the destination and the newest point."""
    return _first_inside(drive, CIRCLE_M)


def by_geofence(drive: Drive) -> float | None:
    """The destination's geofence and the newest point, as Traccar does it.

    A position older than the newest one makes no event, so late points never correct the result.
    """
    return _first_inside(drive, drive.plan.destination.radius_m)


CONTESTANTS = {"ours": by_our_rules, "geofence": by_geofence, "circle": by_circle}
"""All methods; ours is first. Each returns the second at which the truck arrived, or None."""


def _first_inside(drive: Drive, radius_m: float) -> float | None:
    """The first second inside, after the truck left the origin: a circle detects no pickup."""
    place = drive.plan.destination
    newest_ms = START_MS + round(drive.departed_s * 1_000)
    for point in drive.points:
        if point.event_at_ms <= newest_ms:
            continue
        newest_ms = point.event_at_ms
        if _away_m(point, place.lat, place.lon) <= radius_m:
            return (point.event_at_ms - START_MS) / 1_000
    return None


def _away_m(point: Point, lat: float, lon: float) -> float:
    return distance_m(point.lat, point.lon, lat, lon)
