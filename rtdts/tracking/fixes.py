"""A fix: a point with what was derived from those before it.

What the device sent stays apart from what was derived, so that a fix can be derived anew when a
late point turns up before it; only what is shown or indexed takes the one for the other.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from rtdts.tracking.current_delivery import CurrentDelivery
from rtdts.tracking.point_identity import point_id
from rtdts.tracking.positions import DeliveryProgress, Point
from rtdts.tracking.reading import measured


class Fix(Point, frozen=True, kw_only=True):
    """One point as the rules see it; ``speed_mps`` and ``heading_deg`` are what was sent.

    New fields have a default: fixes are stored.
    """

    point_id: str
    n: int = 0
    """The ordinal with which its truck's point was taken; 0: it was not, being too late."""
    distance_m: float | None = None
    """Great circle from the previous point; None for a truck's first."""
    implied_speed_mps: float | None = None
    track_heading_deg: float | None = None
    """Direction of the last step long enough to have one."""
    moving: bool = False
    quality: tuple[str, ...] = ()
    """Keywords of what is wrong with it; empty when good."""
    track_speed_mps: float | None = None
    """Since the last good fix; of a bad one, what the one before it had."""
    clock_lag_ms: int = 0
    """How slow the truck's clock was known to be when the point was taken."""

    @property
    def counts_at_ms(self) -> int:
        """When it counts as having happened, by our clock: what deliveries are assigned by."""
        return self.event_at_ms + self.clock_lag_ms

    @property
    def order(self) -> tuple[int, str]:
        """What fixes are sorted by: ``event_at``, then identity, so that ties have one order."""
        return self.event_at_ms, self.point_id

    @property
    def is_good(self) -> bool:
        """Whether no quality rule found fault with it."""
        return not self.quality

    @property
    def shown_speed_mps(self) -> float | None:
        """The device's, or the derived one where it sent none."""
        return self.track_speed_mps if self.speed_mps is None else self.speed_mps

    @property
    def shown_heading_deg(self) -> float | None:
        """The device's, or the derived one where it sent none."""
        return self.track_heading_deg if self.heading_deg is None else self.heading_deg


class IndexedFix(NamedTuple):
    """A fix on its way into the history."""

    fix: Fix
    deliveries: tuple[DeliveryProgress, ...] = ()
    """How far the truck's open deliveries had come with it."""


class LatestPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A truck's newest point and what may be shown of it: the document of ``truck-latest``."""

    newest: Fix
    """The newest point by ``event_at``, whatever its quality."""
    deliveries: tuple[DeliveryProgress, ...] = ()
    """How far the open deliveries had come with it."""
    shown: Fix | None
    """The last good one: what viewers see."""
    shown_deliveries: tuple[DeliveryProgress, ...] = ()
    stale_since_ms: int | None = None
    """``event_at`` of the first of the bad points that came after ``shown``; None when fresh."""
    current: CurrentDelivery | None = None
    """What the truck was doing when this was derived; None when it carried nothing."""
    revision: int = 0
    """Grows each time the same point is derived anew; the external version is
    ``event_at_ms * 1000 + revision``."""


def fix_of(point: Point, n: int = 0) -> Fix:
    """A point before anything is derived, taken with an ordinal."""
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
