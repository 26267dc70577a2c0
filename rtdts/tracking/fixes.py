"""A fix: a point with the values derived from it and those before it.

What the device sent is kept apart from what was derived, so that a fix can be derived again when a
late point arrives before it. Only what is shown or indexed combines the two.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from rtdts.tracking.current_delivery import CurrentDelivery
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import DeliveryProgress, Point
from rtdts.tracking.reading import measured


class Fix(Point, frozen=True, kw_only=True):
    """One point as the rules use it; ``speed_mps`` and ``heading_deg`` are what was sent.

    New fields have a default: fixes are stored.
    """

    point_id: str
    n: int = 0
    """The ordinal of the point among its truck's; 0: the point was too late to get one."""
    distance_m: float | None = None
    """Great circle from the previous point; None for a truck's first."""
    implied_speed_mps: float | None = None
    track_heading_deg: float | None = None
    """Direction of the last step long enough to have one."""
    moving: bool = False
    quality: tuple[str, ...] = ()
    """Keywords of the fix's faults; empty when it is good."""
    track_speed_mps: float | None = None
    """Speed since the last good fix; a bad fix has the value of the fix before it."""
    clock_lag_ms: int = 0
    """How slow the truck's clock was known to be when the point was taken."""

    @property
    def counts_at_ms(self) -> int:
        """When it counts as having happened, by our clock, which also times assignments."""
        return self.event_at_ms + self.clock_lag_ms

    @property
    def order(self) -> tuple[int, str]:
        """The sort key of fixes: ``event_at``, then identity, so that ties have one order."""
        return self.event_at_ms, self.point_id

    @property
    def is_good(self) -> bool:
        """Whether no quality rule rejected it."""
        return not self.quality

    @property
    def shown_speed_mps(self) -> float | None:
        """The device's speed, or the derived one if it sent none."""
        return self.track_speed_mps if self.speed_mps is None else self.speed_mps

    @property
    def shown_heading_deg(self) -> float | None:
        """The device's heading, or the derived one if it sent none."""
        return self.track_heading_deg if self.heading_deg is None else self.heading_deg


class IndexedFix(NamedTuple):
    """A fix to be written to the history."""

    fix: Fix
    deliveries: tuple[DeliveryProgress, ...] = ()
    """The progress of the truck's open deliveries with this fix."""


class LatestPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A truck's newest point and what may be shown of it: the document of ``truck-latest``."""

    newest: Fix
    """The newest point by ``event_at``, whatever its quality."""
    deliveries: tuple[DeliveryProgress, ...] = ()
    """The progress of the open deliveries with the newest point."""
    shown: Fix | None
    """The last good point, which viewers see."""
    shown_deliveries: tuple[DeliveryProgress, ...] = ()
    stale_since_ms: int | None = None
    """``event_at`` of the first bad point after ``shown``; None when there is none."""
    current: CurrentDelivery | None = None
    """The truck's current delivery when this was derived; None when it carried nothing."""
    revision: int = 0
    """Grows each time the same point is derived again; the external version is
    ``event_at_ms * 1000 + revision``."""


def fix_of(point: Point, n: int = 0) -> Fix:
    """Creates a fix from a point and its ordinal; nothing is derived yet."""
    return Fix(
        *measured(point),
        truck_id=point.truck_id,
        recorded_at_ms=point.recorded_at_ms,
        lat=point.lat,
        lon=point.lon,
        event_at_ms=point.event_at_ms,
        received_at_ms=point.received_at_ms,
        clock=point.clock,
        source=point.source,
        seq=point.seq,
        point_id=point_id(point),
        n=n,
    )
