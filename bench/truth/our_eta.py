"""Our ETA range for a drive, as a customer would see it: with the statuses of its timeline."""

from __future__ import annotations

from collections.abc import Sequence

from bench.truth import ours
from bench.truth.drives import START_MS, Drive
from bench.truth.eta import Range
from bench.truth.ours import ClassifiedPoint
from rtdts.tracking.deliveries import Status
from rtdts.tracking.eta import EtaBaseline, TruckPace, drive_on, eta_range, observe
from rtdts.tracking.geodesy import distance_m


class OurEta:
    """Folds a drive as far as each moment needs; called in order of time."""

    def __init__(self) -> None:
        self._begin("", ())

    def _begin(self, name: str, events: Sequence[tuple[int, Status]]) -> None:
        self._name, self._events = name, events
        self._folded = 0
        self._pace: TruckPace | None = None
        self._baseline: EtaBaseline | None = None

    def estimate(self, drive: Drive, seen: Sequence[ClassifiedPoint]) -> Range | None:
        """An `Estimator` of `bench.truth.eta`."""
        if drive.name != self._name or len(seen) < self._folded:
            events = ours.events_of(drive, drive.points)
            self._begin(drive.name, [(one.effective_at_ms, one.status) for one in events])
        place, status, remaining_m = drive.plan.destination, Status.ASSIGNED, 0.0
        for one in seen[self._folded :]:
            point = one.point
            status = self._status_at(point.event_at_ms)
            remaining_m = distance_m(point.lat, point.lon, place.lat, place.lon)
            self._pace = drive_on(
                self._pace,
                at_ms=point.event_at_ms,
                lat=point.lat,
                lon=point.lon,
                accuracy_m=point.accuracy_m,
            )
            self._baseline = observe(
                self._baseline, self._pace, remaining_m=remaining_m, status=status
            )
        self._folded = len(seen)
        found = eta_range(
            self._baseline,
            self._pace,
            remaining_m=remaining_m,
            radius_m=place.radius_m,
            status=status,
        )
        if found is None:
            return None
        return (found.earliest_ms - START_MS) / 1_000, (found.latest_ms - START_MS) / 1_000

    def _status_at(self, at_ms: int) -> Status:
        """The status by the drive's events; the last one if several are simultaneous."""
        return next(status for since_ms, status in reversed(self._events) if since_ms <= at_ms)
